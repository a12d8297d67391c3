/** The gauges that describe the process and not the store: memory, versions, a late event loop. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Cancel, Clock } from "../foundation/clock.js";
import type { Metrics } from "../observability/metrics.js";
import { eventLoopSampleMs } from "../storage/limits.js";

export interface ProcessFacts {
  readonly version: string;
  readonly sqliteVersion: string;
  readonly startedAtMs: number;
  readonly cacheBudgetBytes: number;
}

const nanosecondsPerSecond = 1e9;

/** Sets what never changes, follows the rest until cancelled. */
export function followProcess(metrics: Metrics, facts: ProcessFacts, clock: Clock): Cancel {
  const { version, sqliteVersion } = facts;
  const labels = { version, sqlite: sqliteVersion, node: process.versions.node };
  metrics.gauge("buildInfo", labels).set(1);
  metrics.gauge("startTime").set(facts.startedAtMs / 1_000);
  metrics.gauge("memoryCacheBudget").set(facts.cacheBudgetBytes);
  metrics.gauge("memoryLimit").set(memoryLimitBytes());

  const resident = metrics.gauge("memoryRss");
  const heap = metrics.gauge("memoryHeap");
  metrics.beforeScrape(() => {
    const memory = process.memoryUsage();
    resident.set(memory.rss);
    heap.set(memory.heapUsed);
  });
  return followEventLoop(metrics, clock);
}

/** One observation per period: the longest delay in it. What matters is the worst, not the mean. */
function followEventLoop(metrics: Metrics, clock: Clock): Cancel {
  const delay = metrics.histogram("eventLoopDelay");
  const monitor = monitorEventLoopDelay();
  monitor.enable();
  const stop = clock.every(eventLoopSampleMs, () => {
    if (monitor.count > 0) delay.observe(monitor.max / nanosecondsPerSecond);
    monitor.reset();
  });
  return () => {
    stop();
    monitor.disable();
  };
}

/** The limit of the control group when there is one, else the machine's memory. */
function memoryLimitBytes(): number {
  for (const file of ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]) {
    try {
      const bytes = Number(readFileSync(file, "utf8").trim());
      // "max" is not a number, and version 1 writes a huge one for "no limit".
      if (Number.isSafeInteger(bytes) && bytes < totalmem()) return bytes;
    } catch {
      // Not this version of control groups, or none at all: the machine's memory is the limit.
    }
  }
  return totalmem();
}
