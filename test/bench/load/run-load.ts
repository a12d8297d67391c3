/** Runs one job against one server, and reads back a sample of what it wrote. */
import type { Workload } from "../workload/keys.js";
import { openEchoLane } from "./echo-lane.js";
import { openEtcdLane } from "./etcd-lane.js";
import { anyKeys, everyKey, type NextKeys } from "./key-order.js";
import { openKvdbLane } from "./kvdb-lane.js";
import type { Lane } from "./lane.js";
import type { LoadJob, LoadReport, Work } from "./load-job.js";
import { runClosed, runOnce, runOpen } from "./pacing.js";
import { openRedisLane } from "./redis-lane.js";

const sampleKeysMax = 64;
const writes: readonly Work[] = ["put", "batch-write", "pipeline"];

export async function runLoad(job: LoadJob, workload: Workload, seed: number): Promise<LoadReport> {
  const lanes: Lane[] = [];
  try {
    for (let lane = 0; lane < job.connections; lane += 1) {
      lanes.push(await openLane(job, workload, job.work, job.itemsPerRequest));
    }
    const sampled: number[] = [];
    const next = sampling(keysFor(job, seed), sampled);
    const report = await paced(job, lanes, next);
    if (writes.includes(job.work) && job.server !== "echo") await readBack(job, workload, sampled);
    return report;
  } finally {
    for (const lane of lanes) lane.close();
  }
}

function openLane(job: LoadJob, workload: Workload, work: Work, items: number): Promise<Lane> {
  switch (job.server) {
    case "kvdb":
      return openKvdbLane(job.port, work, items, workload);
    case "etcd":
      return openEtcdLane(job.port, work, items, workload);
    case "redis":
      return openRedisLane(job.port, work, items, workload);
    case "echo":
      return openEchoLane(job.port, work, workload);
  }
}

function keysFor(job: LoadJob, seed: number): NextKeys {
  // A scan is one request that names the span's first key and its length.
  if (job.work === "scan") return () => [job.keys.first, job.keys.count];
  if (job.pace.kind !== "once") return anyKeys(job.keys, job.itemsPerRequest, seed);
  return everyKey(job.keys, job.itemsPerRequest, job.pace.shuffled);
}

function paced(job: LoadJob, lanes: readonly Lane[], next: NextKeys): Promise<LoadReport> {
  const { pid, itemsPerRequest, warmupSeconds, seconds } = job;
  const settings = { lanes, pid, itemsPerRequest, warmupSeconds, seconds, next };
  switch (job.pace.kind) {
    case "closed":
      return runClosed(settings, job.pace.inFlight);
    case "open":
      return runOpen(settings, job.pace.requestsPerSecond);
    case "once":
      return runOnce(settings, job.pace.inFlight);
  }
}

/** Remembers the first key of some requests, more of them early than late. */
function sampling(next: NextKeys, sampled: number[]): NextKeys {
  let asked = 0;
  let everyNth = 1;
  return () => {
    const keys = next();
    asked += 1;
    if (keys?.[0] === undefined || asked % everyNth !== 0) return keys;
    if (sampled.length < sampleKeysMax) sampled.push(keys[0]);
    everyNth = Math.ceil(everyNth * 1.1);
    return keys;
  };
}

async function readBack(
  job: LoadJob,
  workload: Workload,
  sampled: readonly number[],
): Promise<void> {
  const lane = await openLane(job, workload, "get", 1);
  try {
    for (const index of sampled) {
      await new Promise<void>((resolve, reject) => {
        lane.ask([index], (failure) => {
          if (failure === undefined) resolve();
          else reject(new Error(`what was written is not read back: ${failure}`));
        });
      });
    }
  } finally {
    lane.close();
  }
}
