/** The raw process: see raw-job.ts. Its own processor time is what raw SQLite costs. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { anyKeys, everyKey } from "../load/key-order.js";
import { readHot } from "../measure/hot-reads.js";
import { Latencies } from "../measure/latency.js";
import { answerJobs } from "../processes/answer-jobs.js";
import { Workload } from "../workload/keys.js";
import type { RawJob, RawReport } from "./raw-job.js";
import { RawStore } from "./raw-store.js";

const workload = new Workload();
let store: RawStore | undefined;

answerJobs((job: RawJob) => {
  switch (job.kind) {
    case "open":
      store?.close();
      store = new RawStore(job, workload);
      return nothing();
    case "fill":
      opened().fill(job.keys);
      return nothing();
    case "reads":
      return reads(job.keys, job.seconds);
    case "cold-reads":
      return coldReads(job.keys);
    case "writes": {
      const next = anyKeys({ first: job.keys, count: job.keys }, job.perCommit, 1);
      return repeat(job.seconds, job.perCommit, () => {
        opened().write(next() ?? []);
      });
    }
    case "write-count":
      return writeCount(job.perCommit, job.writes);
    case "scan":
      return scan(job.keys, job.seconds);
    case "disk-sync":
      return diskSync(job.directory, job.seconds);
  }
});

function opened(): RawStore {
  if (store === undefined) throw new Error("no database was opened");
  return store;
}

function nothing(): RawReport {
  return measured(0, 0, { user: 0, system: 0 }, new Latencies());
}

/** Runs for so long; each run counts as so many items. */
function repeat(seconds: number, itemsPerRun: number, run: () => void): RawReport {
  const latencies = new Latencies();
  const before = process.cpuUsage();
  const beganMs = performance.now();
  const endMs = beganMs + seconds * 1_000;
  let runs = 0;
  for (let nowMs = beganMs; nowMs < endMs; runs += 1) {
    run();
    const thenMs = performance.now();
    latencies.addMs(thenMs - nowMs);
    nowMs = thenMs;
  }
  const elapsedMs = performance.now() - beganMs;
  return measured(runs * itemsPerRun, elapsedMs, process.cpuUsage(before), latencies);
}

/** Runs until `run` says that it was the last time. */
function untilDone(itemsPerRun: number, run: () => boolean): RawReport {
  const latencies = new Latencies();
  const before = process.cpuUsage();
  const beganMs = performance.now();
  let runs = 0;
  for (let nowMs = beganMs; run(); runs += 1) {
    const thenMs = performance.now();
    latencies.addMs(thenMs - nowMs);
    nowMs = thenMs;
  }
  const elapsedMs = performance.now() - beganMs;
  return measured(runs * itemsPerRun, elapsedMs, process.cpuUsage(before), latencies);
}

function reads(keys: number, seconds: number): RawReport {
  const raw = opened();
  const { items, elapsedMs, cpu, latencies } = readHot(keys, seconds, {
    request: (index) => ({ key: workload.key(index), value: workload.value(index) }),
    read: ({ key, value }) => {
      raw.readKnown(key, value);
    },
  });
  return measured(items, elapsedMs, cpu, latencies);
}

function coldReads(keys: number): RawReport {
  const next = everyKey({ first: 0, count: keys }, 1, true);
  return untilDone(1, () => {
    const [index] = next() ?? [];
    if (index !== undefined) opened().read(index);
    return index !== undefined;
  });
}

function writeCount(perCommit: number, writes: number): RawReport {
  const next = everyKey({ first: 0, count: writes }, perCommit, false);
  return untilDone(perCommit, () => {
    const indices = next();
    if (indices !== undefined) opened().write(indices);
    return indices !== undefined;
  });
}

function scan(keys: number, seconds: number): RawReport {
  let index = 0;
  // Looked at once, row by row; the passes that are measured only count.
  const rows = opened().scan(keys, ([key, value]) => {
    if (!key.equals(workload.key(index)) || !value.equals(workload.value(index))) {
      throw new Error(`row ${String(index)} of SQLite's scan is not the one that was written`);
    }
    index += 1;
  });
  return repeat(seconds, rows, () => {
    const found = opened().scan(keys, () => undefined);
    if (found !== rows) throw new Error(`a scan found ${String(found)} of ${String(rows)} rows`);
  });
}

function diskSync(directory: string, seconds: number): RawReport {
  const file = join(directory, "disk-sync");
  const page = Buffer.alloc(4_096, 1);
  const descriptor = openSync(file, "w");
  try {
    return repeat(seconds, 1, () => {
      writeSync(descriptor, page);
      fdatasyncSync(descriptor);
    });
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}

function measured(
  items: number,
  elapsedMs: number,
  cpu: NodeJS.CpuUsage,
  latencies: Latencies,
): RawReport {
  return {
    items,
    seconds: elapsedMs / 1_000,
    cpuMicros: cpu.user + cpu.system,
    latency: latencies.percentiles(),
  };
}
