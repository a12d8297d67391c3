/** A reader that stops reading: what it costs the server, how it is cut, and how it goes on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import { statusCode } from "../../src/rpc/status-code.js";
import { ScanRequest, type ScanResponse } from "../../src/wire/kvdb/v1/kv.js";
import { waitFor } from "../support/wait.js";
import { bytes, readRefusal, text } from "./client.js";
import { startInProcess } from "./in-process-runner.js";

const range = { range: { $case: "all", value: true } } as const;

test("a scan that is not read is cut, and goes on from the last message without loss", async (ending) => {
  const { client, engine } = await startInProcess(ending, { snapshotIdleMsMax: 200 });
  const keys = Array.from({ length: 80 }, (_none, at) => `k${String(at).padStart(3, "0")}`);
  const value = new Uint8Array(256 * 1024);
  for (const key of keys) await client.put({ key: bytes(key), value });

  const stream = client.kv.scan(ScanRequest.fromPartial({ range }));
  const ended = once(stream, "error");
  await once(stream, "readable");
  await waitFor("the snapshot to be cut", () =>
    engine.maintenance.wal().snapshots.length === 0 ? true : undefined,
  );
  const read: string[] = [];
  let resumeToken = "";
  stream.on("data", (message: ScanResponse) => {
    read.push(...message.kvs.map(({ key }) => text(key) ?? ""));
    ({ resumeToken } = message);
  });
  const refusal = readRefusal((await ended)[0] as ServiceError);
  assert.equal(refusal.code, statusCode.RESOURCE_EXHAUSTED);
  assert.equal(refusal.reason, "SLOW_CONSUMER");
  assert.equal(refusal.metadata["resume_token"], resumeToken);
  assert.ok(read.length > 0 && read.length < keys.length);

  const rest = await client.scan({ range, resumeToken });
  read.push(...rest.flatMap(({ kvs }) => kvs.map(({ key }) => text(key) ?? "")));
  assert.deepEqual(read, keys);
});

test("a scan that the client gives up frees its snapshot", async (ending) => {
  const { client, engine } = await startInProcess(ending);
  const value = new Uint8Array(256 * 1024);
  for (let at = 0; at < 40; at++) await client.put({ key: Uint8Array.of(1, at), value });
  const stream = client.kv.scan(ScanRequest.fromPartial({ range }));
  stream.on("error", () => undefined);
  await once(stream, "readable");
  assert.equal(engine.maintenance.wal().snapshots.length, 1);
  stream.cancel();
  await waitFor("the snapshot to be freed", () =>
    engine.maintenance.wal().snapshots.length === 0 ? true : undefined,
  );
});
