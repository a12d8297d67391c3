/**
 * h2load as a second opinion on our own load generator: the same call with one and the same key,
 * because one body is all that it can send. It counts HTTP answers and does not look into them.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GetRequest } from "../../../src/wire/kvdb/v1/kv.js";
import { kvdbPath } from "../load/kvdb-lane.js";
import { grpcMessage } from "../wire/http2-frames.js";
import { Workload } from "../workload/keys.js";

/** Gets per second over eight connections with 32 in flight on each. */
export async function h2loadGets(
  directory: string,
  port: number,
  seconds: number,
): Promise<number> {
  const file = join(directory, "h2load-request");
  const key = new Workload().key(0);
  writeFileSync(file, grpcMessage(GetRequest.encode(GetRequest.fromPartial({ key })).finish()));
  const duration = ["-D", String(Math.ceil(seconds)), "--warm-up-time=0"];
  const shape = ["-c", "8", "-m", "32", "-t", "1", "-d", file];
  const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
  const url = `http://127.0.0.1:${String(port)}${kvdbPath.get}`;
  const output = await outputOf("h2load", [...duration, ...shape, ...headers, url]);
  const rate = /finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1];
  const failures = /, (\d+) failed, (\d+) errored/.exec(output);
  if (rate === undefined || failures?.[1] !== "0" || failures[2] !== "0") {
    throw new Error(`h2load did not go well:\n${output}`);
  }
  return Number(rate);
}

function outputOf(command: string, flags: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, flags, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (bytes: Buffer) => {
      text += bytes.toString();
    });
    child.once("error", reject);
    child.once("close", () => {
      resolve(text);
    });
  });
}
