/** Redis' side of the load: single commands, MGET for many keys, a pipeline of SETs for a batch. */
import { RespConnection } from "../wire/resp-connection.js";
import type { Workload } from "../workload/keys.js";
import { holdsValues, RequestTemplate } from "../workload/template.js";
import { wrongValue } from "./kvdb-lane.js";
import { type Lane, noSuchWork } from "./lane.js";
import type { Work } from "./load-job.js";

const stored = "+OK\r\n";

export async function openRedisLane(
  port: number,
  work: Work,
  items: number,
  workload: Workload,
): Promise<Lane> {
  const connection = await RespConnection.open(port);
  const reads = work === "get" || work === "batch-get";
  const template = new RequestTemplate(workload, items, (indices) => {
    return Buffer.concat(commandsFor(work, indices, workload));
  });
  const replies = reads ? 1 : items;
  const allStored = Buffer.from(stored.repeat(items), "latin1");
  return {
    ask(indices, done) {
      connection.ask(template.fill(indices), replies, (answer, failure) => {
        if (answer === undefined) done(failure);
        else if (!reads) done(answer.equals(allStored) ? undefined : answer.toString("latin1"));
        else if (holdsValues(workload, answer, indices)) done(undefined);
        else done(wrongValue(indices));
      });
    },
    close() {
      connection.close();
    },
  };
}

function commandsFor(
  work: Work,
  indices: readonly number[],
  workload: Workload,
): readonly Buffer[] {
  const keys = indices.map((index) => workload.key(index));
  switch (work) {
    case "get":
      return keys.map((key) => command("GET", key));
    case "batch-get":
      return [command("MGET", ...keys)];
    case "put":
    case "batch-write":
    case "pipeline":
      return indices.map((index) => command("SET", workload.key(index), workload.value(index)));
    case "scan":
      throw noSuchWork("Redis", work);
  }
}

function command(name: string, ...parts: readonly Buffer[]): Buffer {
  const all = [Buffer.from(name, "latin1"), ...parts];
  const pieces = all.flatMap((part) => {
    return [Buffer.from(`$${String(part.length)}\r\n`, "latin1"), part, Buffer.from("\r\n")];
  });
  return Buffer.concat([Buffer.from(`*${String(all.length)}\r\n`, "latin1"), ...pieces]);
}
