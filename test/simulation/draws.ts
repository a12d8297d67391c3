/** What a seed draws for each life of its engine. */
import type { EngineOptions } from "../../src/engine/index.js";
import type { Values } from "../model/values.js";
import { testOptions } from "../support/temp-engine.js";

/** The first commit of a life is that of its start, the next two make the namespaces of a new store. */
const firstHit = 4;
const startFails = "@1";

/** A failpoint, or none. */
export function drawFault(values: Values): string {
  if (values.seldom(2)) return "";
  const hit = values.seldom(8) ? startFails : `@${String(firstHit + values.random.below(40))}`;
  const fault = values.pick([
    "before-commit=error:SQLITE_FULL",
    "before-commit=error:SQLITE_BUSY",
    "before-commit=error:SQLITE_IOERR_FSYNC",
    "after-commit=error:SQLITE_IOERR_FSYNC",
  ]);
  return `${fault}${hit}`;
}

/** The start itself meets the fault. */
export function failsAtStart(failpoints: string): boolean {
  return failpoints.endsWith(startFails);
}

export function drawOptions(values: Values): EngineOptions {
  return {
    ...testOptions(""),
    synchronous: "OFF",
    cacheBytes: 512 * 1024,
    busyBudgetMs: 300,
    checkpointIntervalMs: values.pick([0, 700, 5_000]),
    walSoftLimitBytes: values.pick([100_000, 1_000_000]),
    readerThreads: 1 + values.random.below(2),
    scrubBytesPerSecond: values.pick([0, 0, 1_000_000]),
  };
}
