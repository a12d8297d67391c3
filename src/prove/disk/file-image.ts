/**
 * One file as the disk has it, and what has been asked of it since: a write that no sync has covered
 * may be on the disk, wholly, in part, or not at all.
 */
import type { Operation } from "../recording/operation-log.js";

/** What the kernel keeps or forgets together. */
const pageBytes = 4096;

export type FileChange =
  | { readonly kind: "write"; readonly at: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly at: number; readonly length: number };

interface Pending {
  readonly change: FileChange;
  /**
   * A sync of it has failed: the kernel calls the page clean now, so no later sync writes it, unless
   * a new write makes the page dirty again.
   */
  lost: boolean;
}

/** Bytes that grow as a file does: with zeros. */
export class Bytes {
  #room: Buffer;
  #length: number;

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.#room = Buffer.from(content);
    this.#length = content.length;
  }

  get content(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  write(offset: number, bytes: Buffer): void {
    this.truncate(Math.max(this.#length, offset + bytes.length));
    bytes.copy(this.#room, offset);
  }

  truncate(length: number): void {
    if (length > this.#room.length) {
      const room = Buffer.alloc(length * 2);
      this.content.copy(room);
      this.#room = room;
    }
    if (length > this.#length) this.#room.fill(0, this.#length, length);
    this.#length = length;
  }

  apply(change: FileChange): void {
    if (change.kind === "truncate") this.truncate(change.length);
    else this.write(change.offset, change.bytes);
  }
}

export class FileImage {
  readonly #durable = new Bytes();
  #pending: Pending[] = [];

  /** What a power cut leaves for certain. */
  get durable(): Buffer {
    return this.#durable.content;
  }

  /** In the order in which it was asked for. */
  get unsynced(): readonly FileChange[] {
    return this.#pending.map(({ change }) => change);
  }

  write(operation: Operation & { readonly kind: "wrote" }): void {
    const { index: at, offset, bytes } = operation;
    this.#makeDirty(offset, bytes.length);
    this.#pending.push({ change: { kind: "write", at, offset, bytes }, lost: false });
  }

  truncate(at: number, length: number): void {
    // Pages behind the new end are gone, whatever had become of them.
    this.#pending = this.#pending.filter(({ change, lost }) => {
      return !lost || change.kind === "truncate" || change.offset < length;
    });
    this.#pending.push({ change: { kind: "truncate", at, length }, lost: false });
  }

  /** Everything that was asked for before this index is on the disk now, except what is lost. */
  sync(beganAt: number): void {
    this.#pending = this.#pending.filter(({ change, lost }) => {
      if (lost || change.at > beganAt) return true;
      this.#durable.apply(change);
      return false;
    });
  }

  /** The sync failed: what it should have covered is lost, page by page. */
  failSync(beganAt: number): void {
    this.#pending = this.#pending.flatMap((pending) => {
      const { change, lost } = pending;
      if (lost || change.at > beganAt || change.kind === "truncate") return [pending];
      return pagesOf(change).map((page) => ({ change: page, lost: true }));
    });
  }

  #makeDirty(offset: number, length: number): void {
    const first = Math.floor(offset / pageBytes);
    const last = Math.floor((offset + length - 1) / pageBytes);
    for (const pending of this.#pending) {
      if (!pending.lost || pending.change.kind === "truncate") continue;
      const page = Math.floor(pending.change.offset / pageBytes);
      if (page >= first && page <= last) pending.lost = false;
    }
  }
}

function pagesOf(change: FileChange & { readonly kind: "write" }): readonly FileChange[] {
  const pages: FileChange[] = [];
  const { at, offset, bytes } = change;
  for (let done = 0; done < bytes.length; ) {
    const start = offset + done;
    const end = Math.min(bytes.length, done + pageBytes - (start % pageBytes));
    pages.push({ kind: "write", at, offset: start, bytes: bytes.subarray(done, end) });
    done = end;
  }
  return pages;
}
