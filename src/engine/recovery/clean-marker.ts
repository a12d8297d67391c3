/**
 * The last thing a clean stop writes and the last thing a start removes. It says that nothing had to
 * be recovered, and which state the database must at least hold: a copy put in its place, or a file
 * that is gone, contradicts it.
 */
import { open, readFile, rename, rm } from "node:fs/promises";
import type { Epoch, StoreId } from "../../storage/model.js";
import { type DataFiles, syncDirectory } from "./data-directory.js";
import { absentOnly, openErrorOf } from "./file-errors.js";

const markerFormat = 1;

export interface CleanMarker {
  readonly storeId: StoreId;
  readonly epoch: Epoch;
  /** The SQLite commits of the file so far; the database may hold more, never fewer. */
  readonly commitSequence: bigint;
  readonly atMs: number;
}

export type CleanMarkerReading =
  | { readonly kind: "absent" }
  | { readonly kind: "present"; readonly marker: CleanMarker }
  /** A marker was there, but what it said is lost: the stop counts as unclean. */
  | { readonly kind: "unreadable" };

/** Throws OpenError "io" when the disk fails. */
export async function readCleanMarker(files: DataFiles): Promise<CleanMarkerReading> {
  let text: string | undefined;
  try {
    text = await readFile(files.cleanMarker, "utf8").catch(absentOnly);
  } catch (cause) {
    throw openErrorOf(cause, `reading ${files.cleanMarker}`);
  }
  if (text === undefined) return { kind: "absent" };
  const marker = parseMarker(text);
  return marker === undefined ? { kind: "unreadable" } : { kind: "present", marker };
}

/** On disk when it resolves, directory entry included. Throws what the file system throws. */
export async function writeCleanMarker(files: DataFiles, marker: CleanMarker): Promise<void> {
  const partial = `${files.cleanMarker}.partial`;
  const handle = await open(partial, "w", 0o600);
  try {
    await handle.writeFile(
      `${JSON.stringify({
        format: markerFormat,
        storeId: marker.storeId,
        epoch: marker.epoch.toString(),
        commitSequence: marker.commitSequence.toString(),
        atMs: marker.atMs,
      })}\n`,
    );
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, files.cleanMarker);
  await syncDirectory(files.directory);
}

/**
 * From here on an end without a new marker counts as a crash. Resolves when that is on disk. Throws
 * OpenError "io".
 */
export async function removeCleanMarker(files: DataFiles): Promise<void> {
  try {
    await rm(files.cleanMarker, { force: true });
    await syncDirectory(files.directory);
  } catch (cause) {
    throw openErrorOf(cause, `removing ${files.cleanMarker}`);
  }
}

function parseMarker(text: string): CleanMarker | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Cut short or overwritten: the caller treats the stop as unclean.
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { format, storeId, epoch, commitSequence, atMs } = parsed as Record<string, unknown>;
  if (format !== markerFormat || typeof storeId !== "string" || typeof atMs !== "number") {
    return undefined;
  }
  if (!isCount(epoch) || !isCount(commitSequence)) return undefined;
  return {
    storeId: storeId as StoreId,
    epoch: BigInt(epoch) as Epoch,
    commitSequence: BigInt(commitSequence),
    atMs,
  };
}

function isCount(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,19}$/.test(value);
}
