/**
 * More writes than the disk can take, by callers that do not wait for their answers. The disk is
 * slow on purpose (every sync of the WAL takes 200 ms), so that capacity is a small number and the
 * load generator of the test is not what is measured.
 */
import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { systemClock } from "../../src/foundation/clock.js";
import { buildRecorder, recordedEnvironment } from "../../src/prove/recording/recorder.js";
import { walHardLimitBytesDefault } from "../../src/storage/limits.js";
import { PutRequest } from "../../src/wire/kvdb/v1/kv.js";
import { KeyRange } from "../../src/wire/kvdb/v1/types.js";
import { answer, bytes, ContractClient, type Refused, readRefusal } from "../contract/client.js";
import { needProgram } from "../support/debian-package.js";
import { quantile } from "../support/figures.js";
import { residentBytes } from "../support/process-figures.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { pause, waitFor } from "../support/wait.js";

const clock = systemClock();
const syncMs = 200;
const valueBytes = 16 * 1024;
const closedLoopCallers = 64;
/** Few enough to fit into the next group, which takes a mebibyte: more would be refused at once. */
const lateWriters = 40;
const phaseMs = 5_000;
const resourceExhausted = 8;
const deadlineExceeded = 4;
const grownBytesMax = 160 * 1024 * 1024;

test("ten times the capacity is refused at the door, and who is let in does not wait longer", async (t) => {
  const { client, pid, file } = await slowDaemon(t, syncMs);
  const closed = await closedLoop(client);
  const capacity = closed.latencies.length / (phaseMs / 1_000);
  const restingBytes = residentBytes(pid);

  const twice = await openLoop(client, "twice", 2 * capacity);
  const tenfold = await openLoop(client, "tenfold", 10 * capacity);
  const peakBytes = residentBytes(pid);

  t.diagnostic(
    `capacity ${capacity.toFixed(0)}/s, p99 ${String(p99(closed.latencies))} ms; ` +
      [twice, tenfold].map(shown).join("; "),
  );
  assert.ok(tenfold.sent > 5 * capacity * (phaseMs / 1_000), "the load was offered");
  for (const { refusals, sent, acknowledged } of [twice, tenfold]) {
    assert.equal(acknowledged.length + refusals.length, sent, "every call has its answer");
    for (const { code, reason, retryMs } of refusals) {
      assert.deepEqual({ code, reason }, { code: resourceExhausted, reason: "OVERLOADED" });
      assert.ok(retryMs !== undefined && retryMs > 0, "says when to come again");
    }
  }
  // Flat: not by how much the load is above the capacity does the wait of the admitted grow.
  assert.ok(p99(tenfold.latencies) < 3 * Math.max(p99(twice.latencies), 4 * syncMs));
  // The door stays useful: about the capacity goes through it all the same.
  assert.ok(tenfold.acknowledged.length > (capacity * (phaseMs / 1_000)) / 3);
  assert.ok(peakBytes - restingBytes < grownBytesMax, `${String(peakBytes - restingBytes)} bytes`);
  assert.ok(statSync(`${file}-wal`).size < walHardLimitBytesDefault);

  const recoveredMs = await untilLike(client, p99(closed.latencies));
  t.diagnostic(`as before after ${String(recoveredMs)} ms`);
  await assertExactly(client, [
    ...closed.acknowledged,
    ...twice.acknowledged,
    ...tenfold.acknowledged,
  ]);
});

test("a write whose deadline passes in the queue is never executed", async (t) => {
  const { client } = await slowDaemon(t, 3_000);
  const first = put(client, "first");
  // Long enough to be in the hands of the writer, whose sync takes seconds.
  await pause(500);
  const late = await Promise.allSettled(
    Array.from({ length: lateWriters }, (_, index) => put(client, `late-${String(index)}`, 300)),
  );
  await first;
  for (const call of late) {
    assert.equal(call.status, "rejected");
    assert.equal((call.reason as { readonly code: number }).code, deadlineExceeded);
  }
  await put(client, "last");
  await assertExactly(client, ["first", "last"]);
});

interface Phase {
  readonly name: string;
  readonly sent: number;
  readonly acknowledged: string[];
  readonly latencies: number[];
  readonly refusals: Refused[];
  readonly refusedLatencies: number[];
}

async function slowDaemon(
  t: TestContext,
  slowMs: number,
): Promise<{ readonly client: ContractClient; readonly pid: number; readonly file: string }> {
  needProgram({ check: ["cc", "--version"], packages: ["gcc", "libc6-dev"] });
  const directory = tempDirectory(t);
  const data = join(directory, "data");
  mkdirSync(data, { mode: 0o700 });
  const { LD_PRELOAD, PROVE_DIRECTORY, PROVE_LOG, PROVE_FAULTS, UV_USE_IO_URING } =
    recordedEnvironment({
      recorder: buildRecorder(directory),
      directory: data,
      log: join(directory, "calls.log"),
      faults: [`sync:-wal:1:${String(slowMs)}:always`],
    });
  const environment = { LD_PRELOAD, PROVE_DIRECTORY, PROVE_LOG, PROVE_FAULTS, UV_USE_IO_URING };
  const file = join(data, "kv.db");
  const env = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value ?? ""]),
  );
  const daemon = startDaemon(t, { file, env });
  const { grpc, pid } = await daemon.ready();
  const [address] = grpc;
  assert.ok(address !== undefined);
  const client = new ContractClient(t, address);
  const began = performance.now();
  await put(client, "probe");
  assert.ok(performance.now() - began >= slowMs, "the disk is slow, or nothing is tested");
  await client.delete({ key: bytes("probe") });
  return { client, pid, file };
}

/** Each caller sends its next write when it has the answer to the last: what the disk can take. */
async function closedLoop(client: ContractClient): Promise<Phase> {
  const phase = phaseNamed("closed");
  const until = performance.now() + phaseMs;
  const callers = Array.from({ length: closedLoopCallers }, async (_, caller) => {
    for (let call = 0; performance.now() < until; call++) {
      await oneWrite(client, phase, `closed-${String(caller)}-${String(call)}`);
    }
  });
  await Promise.all(callers);
  return phase;
}

/** So many a second, whatever becomes of them. */
async function openLoop(client: ContractClient, name: string, perSecond: number): Promise<Phase> {
  const phase = phaseNamed(name);
  const began = performance.now();
  const calls: Promise<void>[] = [];
  for (;;) {
    const elapsedMs = performance.now() - began;
    if (elapsedMs >= phaseMs) break;
    const due = Math.floor((elapsedMs / 1_000) * perSecond);
    while (calls.length < due) {
      calls.push(oneWrite(client, phase, `${name}-${String(calls.length)}`));
    }
    await pause(5);
  }
  await Promise.all(calls);
  return { ...phase, sent: calls.length };
}

function phaseNamed(name: string): Phase {
  return { name, sent: 0, acknowledged: [], latencies: [], refusals: [], refusedLatencies: [] };
}

async function oneWrite(client: ContractClient, phase: Phase, key: string): Promise<void> {
  const began = performance.now();
  try {
    await put(client, key);
    phase.acknowledged.push(key);
    phase.latencies.push(performance.now() - began);
  } catch (error) {
    phase.refusals.push(readRefusal(error));
    phase.refusedLatencies.push(performance.now() - began);
  }
}

const value = new Uint8Array(valueBytes).fill(7);

function put(client: ContractClient, key: string, withinMs?: number): Promise<unknown> {
  const request = PutRequest.fromPartial({ key: bytes(key), value });
  return answer((done) =>
    withinMs === undefined
      ? client.kv.put(request, done)
      : client.kv.put(
          request,
          new Metadata(),
          { deadline: new Date(clock.wallMs() + withinMs) },
          done,
        ),
  );
}

/** Milliseconds until a write takes no longer than most did before. */
async function untilLike(client: ContractClient, usualMs: number): Promise<number> {
  const began = performance.now();
  await waitFor("writes to be as fast as before", async () => {
    const sent = performance.now();
    await put(client, "after");
    return performance.now() - sent <= 2 * usualMs ? true : undefined;
  });
  await client.delete({ key: bytes("after") });
  return Math.round(performance.now() - began);
}

/** What was acknowledged is there, and nothing that was refused. */
async function assertExactly(client: ContractClient, keys: readonly string[]): Promise<void> {
  const range = KeyRange.fromPartial({ range: { $case: "all", value: true } });
  const pages = await client.scan({ range, keysOnly: true });
  const found = pages.flatMap(({ kvs }) => kvs.map(({ key }) => new TextDecoder().decode(key)));
  assert.deepEqual(found.sort(), [...keys].sort());
}

function p99(latencies: readonly number[]): number {
  return latencies.length === 0 ? 0 : Math.round(quantile(latencies, 0.99));
}

function shown({ name, sent, acknowledged, refusals, latencies, refusedLatencies }: Phase): string {
  return (
    `${name}: ${String(sent)} sent, ${String(acknowledged.length)} written, p99 ` +
    `${String(p99(latencies))} ms; ${String(refusals.length)} refused, p99 ${String(p99(refusedLatencies))} ms`
  );
}
