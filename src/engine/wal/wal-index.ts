/**
 * The `-shm` file: SQLite's index of the WAL, in this machine's byte order, and who holds its read
 * marks. The file is opened once and kept until the last connection is closed: POSIX locks belong to
 * the process and the inode, so closing any descriptor of it would drop SQLite's own locks, and
 * another process could then delete the WAL under us.
 */
import { closeSync, openSync, readSync } from "node:fs";
import type { WalReadMark } from "../../storage/maintenance.js";
import { locksOn, type ProcessLock } from "../sqlite/process-locks.js";

const headerBytes = 136;
const copyBytes = 48;
const indexVersion = 3_007_000;
const readMarkCount = 5;
const readMarkOffset = 100;
/** The lock byte of read mark 0; one byte for each mark follows. */
const readLockByte = 123;
const unusedMark = 0xffffffff;
/** A writer updates the two copies one after the other; a torn pair settles at once. */
const readAttemptsMax = 10;

export interface WalIndex {
  readonly frames: number;
  readonly framesBackfilled: number;
  readonly salts: readonly [number, number];
  readonly readMarks: readonly WalReadMark[];
}

/** Somebody who is not this process and holds a read mark. */
export interface ForeignReader {
  readonly pid: number;
  /** The last frame it lets be copied. */
  readonly frame: number;
}

export class WalIndexReader {
  readonly #file: string;
  #descriptor: number | undefined;

  private constructor(file: string, descriptor: number) {
    this.#file = file;
    this.#descriptor = descriptor;
  }

  /** After the first connection is open, and again after a re-open of the database. */
  static open(shmFile: string): WalIndexReader {
    return new WalIndexReader(shmFile, openSync(shmFile, "r"));
  }

  /** Undefined while the index is being rebuilt, or after close. */
  read(): WalIndex | undefined {
    const header = this.#readHeader();
    if (header === undefined) return undefined;
    return { ...header, readMarks: readMarks(header.marks, locksOn(this.#file)) };
  }

  /** Readers of other processes, the one that pins the most first. */
  foreignReaders(): ForeignReader[] {
    const header = this.#readHeader();
    if (header === undefined) return [];
    return locksOn(this.#file)
      .filter((lock) => lock.pid !== process.pid && !lock.exclusive)
      .flatMap((lock) =>
        slotsOf(lock).map((slot) => ({ pid: lock.pid, frame: frameOf(header, slot) })),
      )
      .sort((a, b) => a.frame - b.frame);
  }

  /** Only after the last connection of this process is closed. Twice is fine. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #readHeader(): WalIndexHeader | undefined {
    if (this.#descriptor === undefined) return undefined;
    const bytes = new Uint8Array(headerBytes);
    for (let attempt = 0; attempt < readAttemptsMax; attempt++) {
      if (readSync(this.#descriptor, bytes, 0, headerBytes, 0) < headerBytes) return undefined;
      const header = parseWalIndex(bytes);
      if (header !== undefined) return header;
    }
    return undefined;
  }
}

export interface WalIndexHeader {
  readonly frames: number;
  readonly framesBackfilled: number;
  readonly salts: readonly [number, number];
  /** By slot; slot 0 means "the database file alone". */
  readonly marks: readonly number[];
}

/** Undefined: the two copies differ (being written), or it is not initialised. */
export function parseWalIndex(bytes: Uint8Array): WalIndexHeader | undefined {
  const first = bytes.subarray(0, copyBytes);
  const second = bytes.subarray(copyBytes, 2 * copyBytes);
  if (Buffer.compare(first, second) !== 0) return undefined;
  const words = new Uint32Array(bytes.slice(0, headerBytes).buffer);
  const word = (offset: number): number => words[offset / 4] ?? 0;
  if (word(0) !== indexVersion || bytes[12] !== 1) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    frames: word(16),
    framesBackfilled: word(96),
    // The salts keep the byte order of the WAL file.
    salts: [view.getUint32(32), view.getUint32(36)],
    marks: Array.from({ length: readMarkCount }, (_, slot) => word(readMarkOffset + 4 * slot)),
  };
}

/** A mark keeps its number after its reader has gone; it is in use only while its byte is locked. */
export function readMarks(marks: readonly number[], locks: readonly ProcessLock[]): WalReadMark[] {
  const held = new Set(locks.filter((lock) => !lock.exclusive).flatMap(slotsOf));
  return marks.flatMap((frame, slot) =>
    frame === unusedMark ? [] : [{ slot, frame, held: held.has(slot) }],
  );
}

function slotsOf(lock: ProcessLock): number[] {
  const slots: number[] = [];
  for (let slot = 0; slot < readMarkCount; slot++) {
    const byte = readLockByte + slot;
    if (lock.firstByte <= byte && byte <= lock.lastByte) slots.push(slot);
  }
  return slots;
}

/** Slot 0 reads the database file alone: it lets every frame be copied, but no reset happen. */
function frameOf(header: WalIndexHeader, slot: number): number {
  return slot === 0 ? header.framesBackfilled : (header.marks[slot] ?? 0);
}
