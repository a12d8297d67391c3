/**
 * Room that is kept for bad times: a file of its own beside the database, filled once, and taken
 * away when the disk is full, so that a checkpoint or a delete finds the space it needs. Nothing is
 * ever read from it; what it holds is chance, because a file system that compresses would keep
 * zeros in no room at all.
 */
import { rmSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import type { Random } from "../../foundation/random.js";
import { diskReserveChunkBytes, diskReserveShare } from "../../storage/limits.js";
import { heldBytesOf } from "../held-bytes.js";
import { isNoSpace } from "./file-errors.js";

/** A small file system keeps a small reserve: it is there for the data, not for the reserve. */
export function reserveBytesOn(totalBytes: number, configuredBytes: number): number {
  return Math.min(configuredBytes, Math.floor(totalBytes / diskReserveShare));
}

export class ReserveFile {
  readonly #file: string;
  readonly #random: Random;

  constructor(file: string, random: Random) {
    this.#file = file;
    this.#random = random;
  }

  /** Bytes of the disk that it really holds. */
  heldBytes(): number {
    return heldBytesOf(this.#file);
  }

  /**
   * On disk, whole and synced, when it resolves with true. False: there is no room, and nothing of
   * it is left. Throws what else the file system throws.
   */
  async fill(bytes: number): Promise<boolean> {
    const chunk = this.#random.bytes(Math.min(diskReserveChunkBytes, bytes));
    try {
      const handle = await open(this.#file, "w", 0o600);
      try {
        for (let at = 0; at < bytes; ) {
          const { bytesWritten } = await handle.write(chunk, 0, Math.min(chunk.length, bytes - at));
          at += bytesWritten;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      return true;
    } catch (cause) {
      if (!isNoSpace(cause)) throw cause;
      await rm(this.#file, { force: true });
      return false;
    }
  }

  /** Its room is free at once. Twice is fine. */
  release(): void {
    releaseReserve(this.#file);
  }
}

export function releaseReserve(file: string): void {
  rmSync(file, { force: true });
}
