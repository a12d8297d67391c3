/**
 * The proof has parts. Each tries something many times, counts, and says what broke a promise. A
 * part that could not be tried on this machine says so: that is not proven, and not fine either.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../foundation/clock.js";
import type { Random } from "../foundation/random.js";

const examplesMax = 10;

export interface ProveContext {
  /** On the disk that is put to the proof; parts make directories of their own in it. */
  readonly directory: string;
  /** The compiled recorder. */
  readonly recorder: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How many processes may work at once. */
  readonly processes: number;
  /** What is being done now, for people. */
  readonly progress: (text: string) => void;
  /** Where evidence of a violation is kept; undefined = nowhere. */
  readonly keepIn: string | undefined;
}

export interface PartReport {
  /** For machines, stable. */
  readonly name: string;
  readonly title: string;
  /** How often it was tried, and what one try is. */
  readonly tried: number;
  readonly unit: string;
  readonly violations: number;
  /** The first few, as sentences. */
  readonly examples: readonly string[];
  /** Why this part proves nothing here; undefined = it does. */
  readonly notProven: string | undefined;
  /** The mechanism that it would take. */
  readonly missing?: string;
  /** What else was measured or seen. */
  readonly facts: readonly string[];
}

/** A directory for one use on the disk that is put to the proof, gone afterwards. */
export async function withDirectory<T>(
  { directory }: Pick<ProveContext, "directory">,
  name: string,
  run: (path: string) => Promise<T>,
): Promise<T> {
  // Without links, as the recorder wants it.
  const path = realpathSync(mkdtempSync(join(directory, `${name}-`)));
  try {
    return await run(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** A part whose tries have all been made. */
export function reportOf(
  part: Pick<PartReport, "name" | "title" | "tried" | "unit"> &
    Partial<Pick<PartReport, "facts" | "notProven" | "missing">>,
  violations: readonly string[],
): PartReport {
  return {
    notProven: undefined,
    facts: [],
    ...part,
    violations: violations.length,
    examples: violations.slice(0, examplesMax),
  };
}
