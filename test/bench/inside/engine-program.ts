/** The engine process: see engine-job.ts. Options are those of the daemon's production profile. */
import { openEngine } from "../../../src/engine/index.js";
import { systemClock } from "../../../src/foundation/clock.js";
import { Failpoints } from "../../../src/foundation/failpoint.js";
import { systemRandom } from "../../../src/foundation/random.js";
import { startWorker } from "../../../src/foundation/thread-link.js";
import { Metrics } from "../../../src/observability/metrics.js";
import type { Key, Namespace, Operation } from "../../../src/storage/model.js";
import type { StorageEngine } from "../../../src/storage/storage-engine.js";
import { recordingLog } from "../../support/recording-log.js";
import { patient, testOptions } from "../../support/temp-engine.js";
import { anyKeys, everyKey } from "../load/key-order.js";
import { beating, firstBeatMs } from "../load/pacing.js";
import { readHot } from "../measure/hot-reads.js";
import { Latencies } from "../measure/latency.js";
import { answerJobs } from "../processes/answer-jobs.js";
import { Workload } from "../workload/keys.js";
import type { EngineJob, EngineReport } from "./engine-job.js";

const namespace = "default" as Namespace;
const putsPerFill = 1_000;
const cacheBytes = 64 * 1_024 * 1_024;
const workload = new Workload();
let engine: StorageEngine | undefined;

answerJobs(async (job: EngineJob) => {
  switch (job.kind) {
    case "open":
      engine = await open(job.file);
      return nothing();
    case "fill":
      await fill(job.keys);
      return nothing();
    case "reads":
      return reads(job.keys, job.seconds);
    case "batches":
      return batches(job);
    case "lone-puts":
      return lonePuts(job.perSecond, job.seconds);
    case "close":
      await opened().close();
      return nothing();
  }
});

function open(file: string): Promise<StorageEngine> {
  process.umask(0o077);
  return openEngine(
    {
      ...testOptions(file),
      synchronous: "EXTRA",
      cacheBytes,
      checkpointIntervalMs: 60_000,
      readerThreads: 2,
    },
    {
      clock: systemClock(),
      random: systemRandom(),
      failpoints: Failpoints.parse(""),
      startThread: startWorker,
      log: recordingLog(),
      metrics: new Metrics(),
      onFatal(fault) {
        throw new Error(`the engine latched: ${fault.reason}`);
      },
    },
  );
}

function opened(): StorageEngine {
  if (engine === undefined) throw new Error("no engine was opened");
  return engine;
}

async function commit(indices: readonly number[]): Promise<void> {
  const success = indices.map((index): Operation => {
    const key = workload.key(index) as Uint8Array as Key;
    const value = workload.value(index);
    return { kind: "put", key, value, expiry: { kind: "never" }, returnPrevious: false };
  });
  const body = { compares: [], success, failure: [] };
  const request = { namespace, principal: undefined, requestId: undefined, body };
  const outcome = await opened().commit(request, patient);
  if (outcome.kind !== "ok") throw new Error(`a commit was answered "${outcome.kind}"`);
}

async function fill(keys: number): Promise<void> {
  const next = everyKey({ first: 0, count: keys }, Math.min(keys, putsPerFill), false);
  for (let indices = next(); indices !== undefined; indices = next()) await commit(indices);
}

/** Reads are answered at once, so nothing is awaited. */
function reads(keys: number, seconds: number): EngineReport {
  const engine = opened();
  const { items, elapsedMs, cpu, latencies } = readHot(keys, seconds, {
    request: (index) => ({
      read: { keys: [workload.key(index) as Uint8Array as Key], at: undefined, keysOnly: false },
      expected: workload.value(index),
    }),
    read: ({ read, expected }) => {
      const answer = engine.get(namespace, read, patient);
      const value = answer instanceof Promise ? undefined : answer.entries[0]?.value;
      if (value === undefined || expected.compare(value) !== 0) {
        throw new Error(`the engine's value of ${String(read.keys[0])} is wrong`);
      }
    },
  });
  return {
    items,
    seconds: elapsedMs / 1_000,
    cpuMicros: cpu.user + cpu.system,
    latency: latencies.percentiles(),
  };
}

async function batches(job: EngineJob & { readonly kind: "batches" }): Promise<EngineReport> {
  const next = anyKeys({ first: 0, count: job.keys }, job.putsPerRequest, 1);
  const latencies = new Latencies();
  const begin = beginning();
  const endMs = begin.ms + job.seconds * 1_000;
  let items = 0;
  const one = async (): Promise<void> => {
    for (let nowMs = performance.now(); nowMs < endMs; nowMs = performance.now()) {
      await commit(next() ?? []);
      latencies.addMs(performance.now() - nowMs);
      items += job.putsPerRequest;
    }
  };
  await Promise.all(Array.from({ length: job.inFlight }, one));
  return report(items, begin, latencies);
}

async function lonePuts(perSecond: number, seconds: number): Promise<EngineReport> {
  const latencies = new Latencies();
  const begin = { ...beginning(), ms: firstBeatMs() };
  const endMs = begin.ms + seconds * 1_000;
  const intervalMs = 1_000 / perSecond;
  let sent = 0;
  let unanswered = 0;
  await beating({ beginMs: begin.ms, intervalMs }, (end) => {
    const nowMs = performance.now();
    for (;;) {
      const dueMs = begin.ms + sent * intervalMs;
      if (dueMs > nowMs || dueMs >= endMs) break;
      sent += 1;
      unanswered += 1;
      commit([sent]).then(
        () => {
          unanswered -= 1;
          latencies.addMs(performance.now() - dueMs);
        },
        (error: unknown) => {
          end(error instanceof Error ? error : new Error(String(error)));
        },
      );
    }
    if (nowMs >= endMs && unanswered === 0) end(undefined);
  });
  return report(sent, begin, latencies);
}

interface Beginning {
  readonly ms: number;
  readonly cpu: NodeJS.CpuUsage;
}

function beginning(): Beginning {
  return { ms: performance.now(), cpu: process.cpuUsage() };
}

function report(items: number, begin: Beginning, latencies: Latencies): EngineReport {
  const { user, system } = process.cpuUsage(begin.cpu);
  return {
    items,
    seconds: (performance.now() - begin.ms) / 1_000,
    cpuMicros: user + system,
    latency: latencies.percentiles(),
  };
}

function nothing(): EngineReport {
  return report(0, beginning(), new Latencies());
}
