/**
 * The contents of a disk that a power cut may leave at a moment: what is synced is there, and of
 * the rest some has arrived, in any order, torn at the size of a sector or of a page. All of them
 * are too many; each pattern picks one in its own way.
 */
import type { Random } from "../../foundation/random.js";
import type { Disk } from "./disk.js";
import { Bytes, type FileChange, type FileImage } from "./file-image.js";

const sectorBytes = 512;
const pageBytes = 4096;

export const patterns = [
  /** Nothing that was not synced. */
  "nothing",
  /** Everything, as if the power had gone a moment later. */
  "everything",
  /** Each write with the same chance, so that anything may be reordered. */
  "some",
  /** The same, and each of them torn at sectors. */
  "torn at 512",
  "torn at 4096",
  /** Only one file's writes: as when two disks or two queues are behind the directory. */
  "one file",
  /** A single write is missing. */
  "all but one",
  /** The newest few came first. */
  "newest only",
  /** The oldest few, in order. */
  "oldest only",
] as const;

export type Pattern = (typeof patterns)[number];

/** File contents by name. */
export type Content = ReadonlyMap<string, Buffer>;

export function contentAfterCut(disk: Disk, pattern: Pattern, random: Random): Content {
  const { nameChanges } = disk;
  const names = disk.namesAfter(
    pattern === "nothing"
      ? 0
      : pattern === "everything"
        ? nameChanges
        : random.below(nameChanges + 1),
  );
  const chosen = chooseChanges(names.values(), pattern, random);
  const content = new Map<string, Buffer>();
  const made = new Map<FileImage, Buffer>();
  for (const [name, file] of names) {
    let bytes = made.get(file);
    if (bytes === undefined) {
      const image = new Bytes(file.durable);
      for (const change of file.unsynced) {
        if (chosen(file, change)) applyTorn(image, change, pattern, random);
      }
      bytes = image.content;
      made.set(file, bytes);
    }
    content.set(name, bytes);
  }
  return content;
}

function chooseChanges(
  files: Iterable<FileImage>,
  pattern: Pattern,
  random: Random,
): (file: FileImage, change: FileChange) => boolean {
  const waiting = [...new Set(files)].filter((file) => file.unsynced.length > 0);
  const changes = waiting.flatMap((file) => file.unsynced).sort((a, b) => a.at - b.at);
  const percent = random.below(100);
  switch (pattern) {
    case "nothing":
      return () => false;
    case "everything":
      return () => true;
    case "some":
    case "torn at 512":
    case "torn at 4096":
      return () => random.below(100) < percent;
    case "one file": {
      const only = waiting.length === 0 ? undefined : waiting[random.below(waiting.length)];
      return (file) => file === only;
    }
    case "all but one": {
      const missing = changes.length === 0 ? undefined : changes[random.below(changes.length)];
      return (_file, change) => change !== missing;
    }
    case "newest only": {
      const from = changes.length === 0 ? 0 : (changes.at(-1 - random.below(3))?.at ?? 0);
      return (_file, change) => change.at >= from;
    }
    case "oldest only": {
      const last = changes[random.below(changes.length + 1)]?.at ?? 0;
      return (_file, change) => change.at < last;
    }
  }
}

function applyTorn(image: Bytes, change: FileChange, pattern: Pattern, random: Random): void {
  const unit = pattern === "torn at 512" ? sectorBytes : pattern === "torn at 4096" ? pageBytes : 0;
  if (unit === 0 || change.kind === "truncate" || random.below(3) === 0) {
    image.apply(change);
    return;
  }
  const { offset, bytes } = change;
  // Either the first sectors arrived, as a disk that stops writing leaves it, or any of them.
  const stopsAt = random.below(2) === 0 ? random.below(bytes.length + 1) : undefined;
  for (let done = 0; done < bytes.length; ) {
    const end = Math.min(bytes.length, done + unit - ((offset + done) % unit));
    const arrived = stopsAt === undefined ? random.below(2) === 0 : end <= stopsAt;
    if (arrived) image.write(offset + done, bytes.subarray(done, end));
    done = end;
  }
}
