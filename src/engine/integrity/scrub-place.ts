/**
 * Where the scrubber is, kept beside the database so that a restart goes on there: a store that is
 * restarted often would otherwise never have its end looked at. It is not synced: at worst a pass
 * begins again, or a stretch is looked at twice.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import type { IndexValue } from "../sqlite/scrub-statements.js";
import { placeIn, type ScrubPlace, scrubSteps } from "./scrub-slice.js";

export interface ScrubProgress {
  /** Undefined: no pass is under way. */
  readonly place: ScrubPlace | undefined;
  readonly rows: number;
  readonly bytes: number;
  readonly passStartedAtMs: number;
  /** Of the last pass that came to its end; 0 = none has. */
  readonly completedAtMs: number;
}

export const noProgress: ScrubProgress = {
  place: undefined,
  rows: 0,
  bytes: 0,
  passStartedAtMs: 0,
  completedAtMs: 0,
};

/** What cannot be read means a pass from the beginning. */
export async function readProgress(file: string): Promise<ScrubProgress> {
  try {
    const { place, ...counts } = JSON.parse(await readFile(file, "utf8")) as {
      readonly place: { readonly step: string; readonly after: readonly string[] } | null;
      readonly rows: number;
      readonly bytes: number;
      readonly passStartedAtMs: number;
      readonly completedAtMs: number;
    };
    const numbers = [counts.rows, counts.bytes, counts.passStartedAtMs, counts.completedAtMs];
    if (!numbers.every(Number.isFinite)) return noProgress;
    if (place === null) return { ...counts, place: undefined };
    const known = placeIn(place.step, place.after.map(valueOfText));
    return known === undefined ? noProgress : { ...counts, place: known };
  } catch {
    // Missing at the first start; cut short or of another form: nothing depends on it.
    return noProgress;
  }
}

/** Throws what the file system throws. */
export async function writeProgress(file: string, progress: ScrubProgress): Promise<void> {
  const { place } = progress;
  // By its name: another version may have other steps.
  const shown =
    place === undefined
      ? null
      : { step: scrubSteps[place.step] ?? "", after: place.after.map(textOf) };
  const partial = `${file}.partial`;
  await writeFile(partial, `${JSON.stringify({ ...progress, place: shown })}\n`, { mode: 0o600 });
  await rename(partial, file);
}

function textOf(value: IndexValue): string {
  if (typeof value === "bigint") return `i${value}`;
  if (typeof value === "string") return `t${value}`;
  return `x${Buffer.from(value).toString("hex")}`;
}

function valueOfText(text: string): IndexValue {
  const rest = text.slice(1);
  if (text.startsWith("i")) return BigInt(rest);
  return text.startsWith("x") ? new Uint8Array(Buffer.from(rest, "hex")) : rest;
}
