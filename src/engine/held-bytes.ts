/** What a file really takes of the disk: one with holes, or on a disk that compresses, takes less. */
import { statSync } from "node:fs";

/** What `stat` counts in, whatever the file system's own blocks are. */
const statBlockBytes = 512;

/** Zero when there is no such file. */
export function heldBytesOf(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? 0 : Math.min(found.size, found.blocks * statBlockBytes);
}
