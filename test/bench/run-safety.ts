/** Measures raw SQLite in every journal mode with every synchronous setting, a new file for each. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Machine, thisMachine } from "./measure/machine.js";
import { WorkingProcess } from "./processes/working-process.js";
import { journalModes, type RawJob, type RawReport, synchronousModes } from "./raw/raw-job.js";
import { groupSizes, type SafetyCell } from "./report/safety-table.js";

const rawProgram = new URL("./raw/raw-program.js", import.meta.url);
const cacheBytes = 64 * 1_024 * 1_024;
const syncSeconds = 1;

export interface SafetyRun {
  readonly directory: string;
  /** Of one cell, at most; whole commits are measured. */
  readonly writes: number;
  readonly say: (what: string) => void;
}

export async function runSafety(
  run: SafetyRun,
): Promise<{ readonly machine: Machine; readonly cells: readonly SafetyCell[] }> {
  const directory = mkdtempSync(join(run.directory, "kvdb-safety-"));
  const raw = new WorkingProcess<RawJob, RawReport>(rawProgram);
  try {
    const cells: SafetyCell[] = [];
    for (const journal of journalModes) {
      for (const synchronous of synchronousModes) {
        run.say(`journal ${journal}, synchronous ${synchronous}`);
        const file = join(directory, `${journal}-${synchronous}.db`);
        await raw.run({ kind: "open", file, journal, synchronous, cacheBytes });
        for (const perCommit of groupSizes.filter((size) => size <= run.writes)) {
          const report = await raw.run({ kind: "write-count", perCommit, writes: run.writes });
          const msPer1000Writes = (report.seconds * 1_000 * 1_000) / report.items;
          cells.push({ journal, synchronous, perCommit, msPer1000Writes });
        }
      }
    }
    const sync = await raw.run({ kind: "disk-sync", directory, seconds: syncSeconds });
    return { machine: thisMachine(directory, sync.latency.p50), cells };
  } finally {
    raw.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
