/**
 * Reads a `-wal` before SQLite does. SQLite's recovery takes the frames up to the last commit before
 * the first bad one and says nothing about the rest, so damage in the middle silently drops every
 * later transaction. With FULL sync and one writer only the last transaction can be un-synced at a
 * crash, and a transaction ends in exactly one commit frame: two commit frames of the present
 * generation at or behind the first bad frame prove that acknowledged data is damaged.
 */
import { type FileHandle, open } from "node:fs/promises";
import { walScanChunkBytes } from "../../storage/limits.js";
import type { WalTail } from "../../storage/maintenance.js";
import {
  type DatabaseHeader,
  databaseHeaderBytes,
  readDatabaseHeader,
} from "../sqlite/database-header.js";
import {
  addFrame,
  type FrameHeader,
  frameHeaderBytes,
  readFrameHeader,
  readWalHeader,
  viewOf,
  type WalChecksum,
  type WalHeader,
  walHeaderBytes,
  wordsOf,
} from "../sqlite/wal-format.js";
import { absentOnly } from "./file-errors.js";

const sectorBytes = 512;

export interface WalScan {
  readonly tail: WalTail;
  readonly reason: string;
  readonly bytes: number;
  /** Undefined when there is none that can be trusted. */
  readonly header: WalHeader | undefined;
  /** What SQLite will recover: everything up to the last commit before the first bad frame. */
  readonly frames: number;
  readonly commits: number;
  /** Of the database after the last of those commits; 0 = there is none. */
  readonly databasePages: number;
  /** At or behind the first bad frame, with the salts of this generation. */
  readonly framesBeyond: number;
  readonly commitsBeyond: number;
  /** The database header of the newest recoverable page 1, when the WAL holds one. */
  readonly databaseHeader: DatabaseHeader | undefined;
}

/** Call only while no connection to the database is open: it opens and closes a file of SQLite. */
export async function scanWal(file: string): Promise<WalScan> {
  const handle = await open(file, "r").catch(absentOnly);
  if (handle === undefined) return withoutFrames("absent", "there is no WAL", 0);
  try {
    const { size } = await handle.stat();
    if (size === 0) return withoutFrames("absent", "the WAL is empty", 0);
    return await scanFile(handle, size);
  } finally {
    await handle.close();
  }
}

async function scanFile(handle: FileHandle, bytes: number): Promise<WalScan> {
  const start = new Uint8Array(walHeaderBytes);
  await readFully(handle, start, 0);
  const reading = readWalHeader(start);
  if (reading.kind === "invalid") {
    // The header is synced before the first frame of its generation is written.
    return bytes > walHeaderBytes
      ? withoutFrames("damaged", `frames behind a bad header: ${reading.reason}`, bytes)
      : withoutFrames("torn-tail", `a header without frames: ${reading.reason}`, bytes);
  }
  const scan = new FrameScan(reading.header);
  const frameBytes = frameHeaderBytes + reading.header.pageBytes;
  const chunk = new Uint8Array(
    Math.max(1, Math.floor(walScanChunkBytes / frameBytes)) * frameBytes,
  );
  for (let at = walHeaderBytes; at < bytes; at += chunk.length) {
    const length = await readFully(handle, chunk, at);
    scan.add(chunk.subarray(0, length), at);
    if (length < chunk.length) break;
  }
  return scan.finish(bytes);
}

/** The state of one pass over the frames. */
class FrameScan {
  readonly #header: WalHeader;
  #checksum: WalChecksum;
  /** False from the first bad frame on: nothing behind it can be verified. */
  #intact = true;
  /** Valid frames so far, and how many of them the last commit covers. */
  #valid = 0;
  #committed = 0;
  #commits = 0;
  #databasePages = 0;
  #framesBeyond = 0;
  #commitsBeyond = 0;
  #cut = false;
  #pendingHeader: DatabaseHeader | undefined;
  #databaseHeader: DatabaseHeader | undefined;

  constructor(header: WalHeader) {
    this.#header = header;
    this.#checksum = header.checksum;
  }

  /** A run of whole frames, or the last, cut run of the file; starts at this file offset. */
  add(bytes: Uint8Array, offset: number): void {
    const frameBytes = frameHeaderBytes + this.#header.pageBytes;
    const view = viewOf(bytes);
    const count = Math.floor(bytes.length / frameBytes);
    // Headers and page 1 are read before the words are swapped for summing, which is in place.
    const headers: FrameHeader[] = [];
    const pageOnes = new Map<number, DatabaseHeader>();
    for (let at = 0; at + frameHeaderBytes <= bytes.length; at += frameBytes) {
      const header = readFrameHeader(view, at);
      if (header.pageNumber === 1) this.#rememberPageOne(pageOnes, headers.length, bytes, at);
      headers.push(header);
    }
    const words = this.#intact ? wordsOf(bytes, this.#header.swapWords) : undefined;
    for (const [index, header] of headers.entries()) {
      const whole = index < count;
      if (words !== undefined && whole && this.#accept(header, words, (index * frameBytes) / 4)) {
        this.#pendingHeader = pageOnes.get(index) ?? this.#pendingHeader;
        if (header.commitPages !== 0) this.#commit(header.commitPages);
      } else {
        this.#reject(header, { offset: offset + index * frameBytes, whole });
      }
    }
    // Too short to tell its generation. Behind a frame of another generation it does not matter.
    const rest = bytes.length % frameBytes;
    if (rest > 0 && rest < frameHeaderBytes && this.#intact) this.#cut = true;
  }

  finish(bytes: number): WalScan {
    const { tail, reason } = this.#classify();
    return {
      tail,
      reason,
      bytes,
      header: this.#header,
      frames: this.#committed,
      commits: this.#commits,
      databasePages: this.#databasePages,
      framesBeyond: this.#framesBeyond,
      commitsBeyond: this.#commitsBeyond,
      databaseHeader: this.#databaseHeader,
    };
  }

  #rememberPageOne(
    into: Map<number, DatabaseHeader>,
    index: number,
    bytes: Uint8Array,
    at: number,
  ): void {
    const from = at + frameHeaderBytes;
    const reading = readDatabaseHeader(bytes.slice(from, from + databaseHeaderBytes));
    if (reading.kind === "valid") into.set(index, reading.header);
  }

  #isCurrent(header: FrameHeader): boolean {
    const [salt1, salt2] = this.#header.salts;
    return header.pageNumber !== 0 && header.salts[0] === salt1 && header.salts[1] === salt2;
  }

  #accept(header: FrameHeader, words: Int32Array, at: number): boolean {
    if (!this.#intact || !this.#isCurrent(header)) return false;
    const sums = addFrame(this.#checksum, words, at, this.#header.pageBytes);
    if (sums.s0 !== header.checksum.s0 || sums.s1 !== header.checksum.s1) return false;
    this.#checksum = sums;
    this.#valid++;
    return true;
  }

  #commit(databasePages: number): void {
    this.#databasePages = databasePages;
    this.#committed = this.#valid;
    this.#commits++;
    this.#databaseHeader = this.#pendingHeader;
  }

  #reject(header: FrameHeader, found: { readonly offset: number; readonly whole: boolean }): void {
    this.#intact = false;
    if (!this.#isCurrent(header)) return;
    this.#framesBeyond++;
    // A frame header over two sectors may be half new and half old: it proves nothing. Nor does a
    // frame that the end of the file cuts, which is what a write under way leaves.
    const straddles = found.offset % sectorBytes > sectorBytes - frameHeaderBytes;
    if (header.commitPages !== 0 && found.whole && !straddles) this.#commitsBeyond++;
  }

  #classify(): { readonly tail: WalTail; readonly reason: string } {
    if (this.#commitsBeyond >= 2) {
      const reason = `${String(this.#commitsBeyond)} commits behind the first bad frame (${String(this.#valid + 1)})`;
      return { tail: "damaged", reason };
    }
    if (this.#commitsBeyond === 1) {
      const reason = "one commit at or behind the first bad frame: torn, or damaged";
      return { tail: "ambiguous", reason };
    }
    if (this.#valid > this.#committed || this.#framesBeyond > 0 || this.#cut) {
      return { tail: "torn-tail", reason: "the last transaction is not complete" };
    }
    return { tail: "clean", reason: "the last frame ends a transaction" };
  }
}

function withoutFrames(tail: WalTail, reason: string, bytes: number): WalScan {
  return {
    tail,
    reason,
    bytes,
    header: undefined,
    frames: 0,
    commits: 0,
    databasePages: 0,
    framesBeyond: 0,
    commitsBeyond: 0,
    databaseHeader: undefined,
  };
}

/** Fills the target from this offset on; fewer bytes only at the end of the file. */
async function readFully(handle: FileHandle, target: Uint8Array, offset: number): Promise<number> {
  let done = 0;
  while (done < target.length) {
    const { bytesRead } = await handle.read(target, done, target.length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
