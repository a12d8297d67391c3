/**
 * Copies files aside before anybody may discard what is in them: SQLite deletes a WAL whose database
 * is missing, and a checkpoint ends the tail of a doubtful one. The copies are for people; nothing
 * reads them back. The same files are copied once, however often the start is repeated, and never
 * so many that the copies themselves fill the disk.
 */
import { constants } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import { quarantineCopiesMax } from "../../storage/limits.js";
import { type DataFiles, syncDirectory } from "./data-directory.js";
import { absentOnly, codeOf } from "./file-errors.js";

export type QuarantineOutcome =
  | { readonly kind: "copied"; readonly directory: string; readonly left: readonly string[] }
  | { readonly kind: "already-there"; readonly directory: string }
  /** Not a reason to go on: the refusal stands, and the originals are untouched. */
  | { readonly kind: "failed"; readonly reason: string };

/** Why: one word of the directory's name. "doubtful" copies are pruned, "refused" ones never. */
export type QuarantineReason = "refused" | "doubtful";

/**
 * Copies WAL, journal and database, the WAL first: it is what SQLite would destroy. A file that
 * does not fit beside a reserve of free space is left, and named. Never throws.
 */
export async function quarantineFiles(
  files: DataFiles,
  why: QuarantineReason,
): Promise<QuarantineOutcome> {
  try {
    const sources = await presentFiles(why === "refused" ? allOf(files) : [files.wal]);
    const directory = join(files.quarantine, `${why}-${fingerprint(sources)}`);
    if ((await stat(directory).catch(absentOnly)) !== undefined) {
      return { kind: "already-there", directory };
    }
    await mkdir(files.quarantine, { recursive: true, mode: 0o700 });
    if (why === "doubtful") await pruneDoubtful(files.quarantine);
    const left = await copyAll(sources, directory);
    await syncDirectory(files.quarantine);
    await syncDirectory(files.directory);
    return { kind: "copied", directory, left };
  } catch (cause) {
    return { kind: "failed", reason: codeOf(cause) };
  }
}

interface Source {
  readonly file: string;
  readonly bytes: number;
  readonly changedMs: number;
}

function allOf(files: DataFiles): string[] {
  return [files.wal, files.journal, files.database, files.cleanMarker];
}

async function presentFiles(candidates: readonly string[]): Promise<Source[]> {
  const sources: Source[] = [];
  for (const file of candidates) {
    const found = await stat(file).catch(absentOnly);
    if (found === undefined || found.size === 0) continue;
    sources.push({ file, bytes: found.size, changedMs: Math.floor(found.mtimeMs) });
  }
  return sources;
}

/** The same for the same untouched files, so that a restart loop does not copy them again. */
function fingerprint(sources: readonly Source[]): string {
  const newest = Math.max(0, ...sources.map((source) => source.changedMs));
  return [newest, ...sources.map((source) => source.bytes)].join("-");
}

/** Under a temporary name until all of it is on disk: a half copy must not pass for a whole one. */
async function copyAll(sources: readonly Source[], directory: string): Promise<string[]> {
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  const left: string[] = [];
  for (const source of sources) {
    if (!(await fits(source.bytes, partial))) {
      left.push(source.file);
      continue;
    }
    const target = join(partial, basename(source.file));
    await copyFile(source.file, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await syncFile(target);
  }
  await syncDirectory(partial);
  await rename(partial, directory);
  return left;
}

/** A copy may use half of what is free: the other half is needed to recover. */
async function fits(bytes: number, directory: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory);
  return bytes <= (bavail * bsize) / 2;
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes room for one more: names start with the time of the file, so they sort by age. */
async function pruneDoubtful(quarantine: string): Promise<void> {
  const copies = (await readdir(quarantine)).filter((name) => name.startsWith("doubtful-")).sort();
  const tooMany = copies.length - quarantineCopiesMax + 1;
  for (const name of copies.slice(0, Math.max(0, tooMany))) {
    await rm(join(quarantine, name), { recursive: true, force: true });
  }
}
