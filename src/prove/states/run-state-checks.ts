/** Spreads the checking of crash states over processes and adds up what they found. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runWorker } from "../worker.js";
import type { BadState, CheckPlan, CheckResult, FromCheck } from "./check-plan.js";

const ownProgram = fileURLToPath(new URL("./state-check-process.js", import.meta.url));
const memoryDirectory = "/dev/shm";
/** A process writes one copy of a small store at a time. */
const memoryBytesNeeded = 64 * 1024 * 1024;

export type StateChecks = Omit<CheckPlan, "scratch" | "share" | "window" | "checks" | "keepBadIn"> &
  Partial<Pick<CheckPlan, "window" | "checks" | "keepBadIn">> & {
    readonly processes: number;
    /** Another build of the checking process. */
    readonly program?: string;
    readonly onProgress?: (states: number) => void;
  };

export async function runStateChecks(wanted: StateChecks): Promise<Omit<CheckResult, "kind">> {
  const { processes, onProgress, program = ownProgram, ...given } = wanted;
  const scratch = mkdtempSync(join(scratchRoot(), "kvdb-prove-"));
  const done = new Array<number>(processes).fill(0);
  const shares = done.map(async (_none, index) => {
    const plan: CheckPlan = {
      window: { from: 0, to: Number.MAX_SAFE_INTEGER },
      checks: true,
      keepBadIn: undefined,
      ...given,
      scratch: join(scratch, String(index)),
      share: { index, of: processes },
    };
    const results: CheckResult[] = [];
    await runWorker({ program, argument: plan }, (line) => {
      const message = line as FromCheck;
      if (message.kind === "result") results.push(message);
      done[index] = message.states;
      onProgress?.(done.reduce((sum, states) => sum + states, 0));
    });
    return results;
  });
  try {
    return sumOf((await Promise.all(shares)).flat());
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function sumOf(results: readonly CheckResult[]): Omit<CheckResult, "kind"> {
  const sum = (of: (result: CheckResult) => number): number => {
    return results.reduce((total, result) => total + of(result), 0);
  };
  return {
    states: sum(({ states }) => states),
    started: sum(({ started }) => started),
    bad: sum(({ bad }) => bad),
    recovered: sum(({ recovered }) => recovered),
    samples: results.flatMap<BadState>(({ samples }) => samples),
  };
}

/** A name for a directory in memory that does not exist yet and is gone afterwards. */
export async function scratchDirectory<T>(run: (path: string) => Promise<T>): Promise<T> {
  const parent = mkdtempSync(join(scratchRoot(), "kvdb-prove-"));
  try {
    return await run(join(parent, "store"));
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

/** Syncs cost nothing there; what is checked is content, not speed. */
export function scratchRoot(): string {
  try {
    const { bavail, bsize } = statfsSync(memoryDirectory);
    if (bavail * bsize >= memoryBytesNeeded) return memoryDirectory;
  } catch {
    // No memory file system: any other will do, only slower.
    return tmpdir();
  }
  return tmpdir();
}
