/**
 * A hundred thousand malformed messages and frames against a running daemon: it goes on serving
 * others meanwhile, every answer is a status that gRPC knows, and afterwards it holds no more
 * memory and no more descriptors than before.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { keepaliveIntervalMs, keepaliveTimeoutMs } from "../../src/storage/limits.js";
import {
  GetRequest,
  type GetResponse,
  KvServiceService,
  PutRequest,
} from "../../src/wire/kvdb/v1/kv.js";
import { LeaseServiceService } from "../../src/wire/kvdb/v1/lease.js";
import { mebibytes } from "../support/figures.js";
import { answerTo, connectTo, type TestClient } from "../support/grpc-client.js";
import { openSockets, residentBytes } from "../support/process-figures.js";
import { seedFor } from "../support/seed.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";
import { BrokenTraffic } from "./broken-traffic.js";

const callsTotal = 60_000;
const framesTotal = 40_000;
/** The first part warms the daemon up: compiled code, caches, buffers of the size they stay at. */
const warmShare = 0.3;
const grownBytesMax = 48 * 1024 * 1024;
const sendersAtOnce = 12;
const statusMax = 16;
const keepaliveBoundMs = 4 * (keepaliveIntervalMs + keepaliveTimeoutMs);

test("a hundred thousand malformed messages and frames leave the daemon as it was", async (t) => {
  const { random } = seedFor(t);
  const daemon = startDaemon(t, {
    file: join(tempDirectory(t), "data", "kv.db"),
    // A small heap is collected often: what stays resident then is held, not merely not yet freed.
    // Caches of the default size would fill with what the noise happens to write and to read.
    env: { NODE_OPTIONS: "--max-old-space-size=96", KVDB_CACHE_BYTES: "1048576" },
  });
  const { grpc, pid } = await daemon.ready();
  const [address] = grpc;
  assert.ok(address !== undefined);
  const honest = connectTo(t, address);
  await putKept(honest);
  const sockets = openSockets(pid);
  const paths = [KvServiceService, LeaseServiceService].flatMap((service) =>
    Object.values(service as unknown as Record<string, { readonly path: string }>).map(
      ({ path }) => path,
    ),
  );
  const traffic = new BrokenTraffic(address, paths, random);
  const send = async (share: number): Promise<void> => {
    const noise = Array.from({ length: sendersAtOnce }, () =>
      traffic.noise((framesTotal * share) / sendersAtOnce),
    );
    await Promise.all([traffic.call(callsTotal * share), ...noise]);
  };

  await send(warmShare);
  const warm = residentBytes(pid);
  await assertKept(honest);
  await send(1 - warmShare);
  // Node leaves a connection that ends inside of a frame open; the keep-alive finds it.
  await waitFor(
    "the sockets to be given back",
    () => (openSockets(pid) <= sockets ? true : undefined),
    keepaliveBoundMs,
  );
  const after = residentBytes(pid);
  const { calls, frames, connections, statuses } = traffic.counts;
  t.diagnostic(
    `${String(calls)} calls, ${String(frames)} frames, ${String(connections)} connections; ` +
      `statuses ${JSON.stringify([...statuses])}; resident ${mebibytes(warm)} to ${mebibytes(after)}`,
  );

  assert.ok(calls + frames >= callsTotal + framesTotal);
  for (const status of statuses.keys()) {
    assert.ok(status === "none" || Number(status) <= statusMax, `status ${status}`);
  }
  // Frames reached the handlers, or nothing was tried.
  assert.ok((statuses.get("0") ?? 0) > 0 && (statuses.get("3") ?? 0) > 0);
  assert.deepEqual(daemon.logged("not foreseen"), []);
  assert.ok(after - warm < grownBytesMax, `grew from ${mebibytes(warm)} to ${mebibytes(after)}`);
  await assertKept(honest);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

/** In a namespace of its own: a random DeleteRange may well be a good one. */
const kept = {
  namespace: "honest",
  key: new TextEncoder().encode("kept"),
  value: new TextEncoder().encode("before"),
};

async function putKept({ kv }: TestClient): Promise<void> {
  await answerTo((done) => kv.put(PutRequest.fromPartial(kept), done));
}

async function assertKept({ kv }: TestClient): Promise<void> {
  const { namespace, key } = kept;
  const request = GetRequest.fromPartial({ namespace, key });
  const found = await answerTo<GetResponse>((done) => kv.get(request, done));
  assert.deepEqual(new Uint8Array(found.kv?.value ?? []), kept.value);
}
