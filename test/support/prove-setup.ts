/** What the suites of the proof share: the compiled recorder, a seed, sizes for CI and for nights. */
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { systemClock } from "../../src/foundation/clock.js";
import type { PartReport, ProveContext } from "../../src/prove/part.js";
import { buildRecorder } from "../../src/prove/recording/recorder.js";
import { needProgram } from "./debian-package.js";
import { seedFor } from "./seed.js";
import { tempDirectory } from "./temp-directory.js";

/** KVDB_PROVE_FULL=1: the sizes of a night instead of those of a few minutes. */
const isFull = process.env["KVDB_PROVE_FULL"] === "1";

export function sizeFor<Size>(sizes: { readonly ci: Size; readonly full: Size }): Size {
  return isFull ? sizes.full : sizes.ci;
}

export function proveContext(t: TestContext): ProveContext {
  needProgram({ check: ["cc", "--version"], packages: ["gcc", "libc6-dev"] });
  const directory = tempDirectory(t);
  const disk = join(directory, "disk");
  mkdirSync(disk, { mode: 0o700 });
  const { random } = seedFor(t);
  return {
    directory: disk,
    recorder: buildRecorder(directory),
    clock: systemClock(),
    random,
    processes: Math.max(2, availableParallelism()),
    progress: () => undefined,
    keepIn: undefined,
  };
}

/** Prints what was counted; what the report found is the test's to judge. */
export function show(t: TestContext, report: PartReport): void {
  const { name, tried, unit, violations, facts } = report;
  t.diagnostic(`${name}: ${String(tried)} ${unit}, ${String(violations)} violations`);
  for (const fact of facts) t.diagnostic(`  ${fact}`);
}
