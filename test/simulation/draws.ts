/** What a seed draws for each life of its engine. */
import type { EngineOptions } from "../../src/engine/index.js";
import type { Values } from "../model/values.js";
import { testOptions } from "../support/temp-engine.js";

/** A failpoint, or none. The first commits of a life are those of its start. */
export function drawFault(values: Values): string {
  if (values.seldom(2)) return "";
  const hit = String(3 + values.random.below(40));
  const fault = values.pick([
    "before-commit=error:SQLITE_FULL",
    "before-commit=error:SQLITE_BUSY",
    "before-commit=error:SQLITE_IOERR_FSYNC",
    "after-commit=error:SQLITE_IOERR_FSYNC",
  ]);
  return `${fault}@${hit}`;
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
