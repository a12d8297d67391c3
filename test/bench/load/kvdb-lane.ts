/** kvdb's side of the load: its own messages, over HTTP/2 as any gRPC client sends them. */
import {
  BatchGetRequest,
  BatchWriteRequest,
  GetRequest,
  PipelineRequest,
  PipelineResponse,
  PutRequest,
  ScanRequest,
} from "../../../src/wire/kvdb/v1/kv.js";
import { Http2Connection } from "../wire/http2-connection.js";
import type { Workload } from "../workload/keys.js";
import { holdsValues, RequestTemplate } from "../workload/template.js";
import { type Done, type Lane, noSuchWork } from "./lane.js";
import type { Work } from "./load-job.js";
import { ScanCheck } from "./scan-check.js";

const service = "/kvdb.v1.KvService";
export const kvdbPath = {
  get: `${service}/Get`,
  put: `${service}/Put`,
  batchGet: `${service}/BatchGet`,
  batchWrite: `${service}/BatchWrite`,
  pipeline: `${service}/Pipeline`,
  scan: `${service}/Scan`,
  watch: `${service}/Watch`,
} as const;

export async function openKvdbLane(
  port: number,
  work: Work,
  items: number,
  workload: Workload,
): Promise<Lane> {
  const connection = await Http2Connection.open(port);
  if (work === "pipeline") return pipelineLane(connection, items, workload);
  if (work === "scan") return scanLane(connection, workload);
  const { path, template, reads } = unaryForm(work, items, workload);
  return {
    ask(indices, done) {
      connection.unary(path, template.fill(indices), (answer, failure) => {
        if (answer === undefined) done(failure);
        else if (answer.length === 0) done(`${path} answered nothing`);
        else if (reads && !holdsValues(workload, answer, indices)) done(wrongValue(indices));
        else done(undefined);
      });
    },
    close() {
      connection.close();
    },
  };
}

export function wrongValue(indices: readonly number[]): string {
  return `the answer for key ${String(indices[0])} and following does not hold the right values`;
}

function unaryForm(
  work: Work,
  items: number,
  workload: Workload,
): { readonly path: string; readonly template: RequestTemplate; readonly reads: boolean } {
  const template = (encode: (indices: readonly number[]) => Uint8Array): RequestTemplate => {
    return new RequestTemplate(workload, items, encode);
  };
  const key = (index = 0): Buffer => workload.key(index);
  const value = (index = 0): Buffer => workload.value(index);
  switch (work) {
    case "get": {
      const encode = ([index]: readonly number[]): Uint8Array => {
        return GetRequest.encode(GetRequest.fromPartial({ key: key(index) })).finish();
      };
      return { path: kvdbPath.get, template: template(encode), reads: true };
    }
    case "put": {
      const encode = ([index]: readonly number[]): Uint8Array => {
        const request = PutRequest.fromPartial({ key: key(index), value: value(index) });
        return PutRequest.encode(request).finish();
      };
      return { path: kvdbPath.put, template: template(encode), reads: false };
    }
    case "batch-get": {
      const encode = (indices: readonly number[]): Uint8Array => {
        return BatchGetRequest.encode(
          BatchGetRequest.fromPartial({ keys: indices.map(key) }),
        ).finish();
      };
      return { path: kvdbPath.batchGet, template: template(encode), reads: true };
    }
    case "batch-write": {
      const encode = (indices: readonly number[]): Uint8Array => {
        const ops = indices.map((index) => ({
          operation: { $case: "put" as const, value: { key: key(index), value: value(index) } },
        }));
        return BatchWriteRequest.encode(BatchWriteRequest.fromPartial({ ops })).finish();
      };
      return { path: kvdbPath.batchWrite, template: template(encode), reads: false };
    }
    case "pipeline":
    case "scan":
      throw noSuchWork("a unary call", work);
  }
}

/** One stream per connection, `items` independent puts in each message, answered in any order. */
function pipelineLane(connection: Http2Connection, items: number, workload: Workload): Lane {
  // The id stands in front with a fixed width, so that it can be written over like a key.
  const idBytesMax = 0x0fff_ffff;
  const template = new RequestTemplate(workload, items, (indices) => {
    const operations = indices.map((index) => ({
      operation: {
        $case: "put" as const,
        value: { key: workload.key(index), value: workload.value(index) },
      },
    }));
    const operation = { $case: "operations" as const, value: { operations } };
    return PipelineRequest.encode(
      PipelineRequest.fromPartial({ id: BigInt(idBytesMax), operation }),
    ).finish();
  });
  const waiting = new Map<number, Done>();
  let nextId = 0;
  const endAll = (why: string): void => {
    const all = [...waiting.values()];
    waiting.clear();
    for (const done of all) done(why);
  };
  const stream = connection.begin(kvdbPath.pipeline, {
    message(content) {
      const answer = PipelineResponse.decode(content);
      const done = waiting.get(Number(answer.id));
      waiting.delete(Number(answer.id));
      done?.(failureOf(answer, items));
    },
    ended(failure) {
      endAll(failure ?? "the pipeline ended");
    },
  });
  return {
    ask(indices, done) {
      nextId = (nextId + 1) % idBytesMax;
      waiting.set(nextId, done);
      const bytes = template.fill(indices);
      writeWideVarint(bytes, 1, nextId);
      connection.send(stream, bytes, false);
    },
    close() {
      waiting.clear();
      connection.end(stream);
      connection.close();
    },
  };
}

function failureOf(answer: PipelineResponse, items: number): string | undefined {
  const { result } = answer;
  if (result?.$case !== "results")
    return `a list of puts was answered with ${String(result?.$case)}`;
  const { results } = result.value;
  if (results.length !== items) return `${String(results.length)} answers to ${String(items)} puts`;
  const failed = results.find((each) => each.result?.$case !== "put");
  return failed === undefined
    ? undefined
    : `a put was answered with ${String(failed.result?.$case)}`;
}

/** Four bytes whatever the number: a varint may be longer than it needs to be. */
function writeWideVarint(bytes: Buffer, at: number, value: number): void {
  for (let byte = 0; byte < 4; byte += 1) {
    const more = byte < 3 ? 0x80 : 0;
    bytes[at + byte] = ((value >>> (7 * byte)) & 0x7f) | more;
  }
}

function scanLane(connection: Http2Connection, workload: Workload): Lane {
  return {
    ask([first = 0, count = 0], done) {
      const check = new ScanCheck(workload, first, count);
      const interval = { start: workload.key(first), end: workload.key(first + count) };
      const request = ScanRequest.fromPartial({
        range: { range: { $case: "interval", value: interval } },
      });
      const stream = connection.begin(kvdbPath.scan, {
        message(content) {
          check.take(content);
        },
        ended(failure) {
          done(failure ?? check.failure());
        },
      });
      connection.send(stream, ScanRequest.encode(request).finish(), true);
    },
    close() {
      connection.close();
    },
  };
}
