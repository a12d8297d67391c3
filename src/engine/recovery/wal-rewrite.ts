/**
 * After a failed sync the page cache can hold WAL frames that the disk does not have: Linux reports
 * the error once and then calls the pages clean. SQLite would recover those frames, and a power cut
 * during the first checkpoint then leaves pages in the database whose frames are gone. Writing every
 * byte over itself makes the pages dirty again, so the sync behind it really writes. Safe under a
 * second power cut, because each byte is replaced by itself.
 */
import { open } from "node:fs/promises";
import { walScanChunkBytes } from "../../storage/limits.js";

/**
 * Returns the bytes written. Call only while no connection to the database is open. Throws what the
 * file system throws; the WAL then holds the same bytes as before, but not surely on disk.
 */
export async function rewriteWalInPlace(file: string): Promise<number> {
  const handle = await open(file, "r+");
  try {
    const chunk = new Uint8Array(walScanChunkBytes);
    let done = 0;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, done);
      if (bytesRead === 0) break;
      let written = 0;
      while (written < bytesRead) {
        const left = bytesRead - written;
        const { bytesWritten } = await handle.write(chunk, written, left, done + written);
        written += bytesWritten;
      }
      done += bytesRead;
    }
    await handle.sync();
    return done;
  } finally {
    await handle.close();
  }
}
