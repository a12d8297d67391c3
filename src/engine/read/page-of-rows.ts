/** Collects the rows of one page as they come, statement by statement, and knows when it is full. */
import { compareBytes } from "../../foundation/bytes.js";
import { EngineError } from "../../storage/errors.js";
import { endedRowsPerRead, packedRowsMax } from "../../storage/limits.js";
import { EntryPacker } from "../../storage/packed-entries.js";
import type { PageRead } from "../../storage/storage-engine.js";
import { damagedStoreHint } from "../damage-hints.js";
import { isLive } from "../state/kv-row.js";
import type { PackedRows } from "./packed-rows.js";

export interface Rows {
  /** See storage/packed-entries.ts. */
  readonly packed: Uint8Array<ArrayBuffer>;
  readonly rows: number;
  /** Of the last row; undefined = there is none. */
  readonly lastKey: Uint8Array | undefined;
  readonly more: boolean;
  readonly count: number | undefined;
  /**
   * Set where so many rows that have run out lay in the way that nothing was found yet: go on behind
   * this key, in the same snapshot. There are no entries then, and no count.
   */
  readonly walkedTo: Uint8Array | undefined;
}

/** Most pages are small; the packer grows for those that are not. */
const packedBytesExpected = 4_096;
/** What a row is taken to have until some have been seen. */
const rowBytesExpected = 512;
const rowsMin = 8;

export class PageOfRows {
  /** Nothing more is wanted. */
  full = false;
  /** The last row that was looked at: the next statement goes on behind it. */
  place: Uint8Array | undefined;
  readonly #read: PageRead;
  readonly #nowMs: number;
  readonly #out = new EntryPacker(packedBytesExpected);
  #rows = 0;
  #bytes = 0;
  #ended = 0;
  #more = false;
  #nothingYet = false;
  #lastKey: Uint8Array | undefined;

  constructor(read: PageRead, nowMs: number) {
    this.#read = read;
    this.place = read.after;
    this.#nowMs = nowMs;
  }

  /** How many rows to ask for next: enough to fill the page and see one more, hardly more than that. */
  rowsWanted(): number {
    const { rowsMax, bytesMax } = this.#read;
    const each = this.#rows === 0 ? rowBytesExpected : Math.max(this.#bytes / this.#rows, 1);
    const byBytes = Math.max(Math.ceil((bytesMax - this.#bytes) / each) + 1, rowsMin);
    return Math.min(rowsMax - this.#rows + 1, byBytes, packedRowsMax);
  }

  /** Returns how many rows there were. Throws EngineError "corrupt". */
  take(rows: PackedRows): number {
    let taken = 0;
    while (!this.full && !rows.atEnd) {
      if (!rows.next()) throw outOfOrder();
      taken++;
      this.#assertInOrder(rows.key);
      this.place = rows.key;
      this.#row(rows);
    }
    return taken;
  }

  page(): Rows {
    const walkedTo = this.#nothingYet ? ownBytes(this.place) : undefined;
    return {
      packed: this.#out.finish(),
      rows: this.#rows,
      lastKey: ownBytes(this.#lastKey),
      more: this.#more,
      count: undefined,
      walkedTo,
    };
  }

  #row(row: PackedRows): void {
    if (!isLive(row, this.#nowMs)) {
      // Whoever waits for this thread shall not wait until a million of them are passed.
      if (++this.#ended < endedRowsPerRead) return;
      this.#nothingYet = this.#rows === 0;
      this.#end(true);
      return;
    }
    this.#bytes += row.key.length + row.value.length;
    const { rowsMax, bytesMax } = this.#read;
    if (this.#rows > 0 && (this.#rows >= rowsMax || this.#bytes > bytesMax)) {
      this.#end(true);
    } else if (rowsMax === 0) {
      this.#end(false);
    } else {
      this.#out.add(row);
      this.#rows++;
      this.#lastKey = row.key;
    }
  }

  #end(more: boolean): void {
    this.#more = more;
    this.full = true;
  }

  /** Who goes on behind a key, a caller or the next statement, would read in circles. Throws "corrupt". */
  #assertInOrder(key: Uint8Array): void {
    if (this.place === undefined) return;
    const order = compareBytes(this.place, key);
    if (this.#read.reverse ? order <= 0 : order >= 0) throw outOfOrder();
  }
}

export function outOfOrder(): EngineError {
  return new EngineError("corrupt", "the index of keys is out of order", {
    hint: damagedStoreHint,
    facts: { table: "kv" },
  });
}

/** A key is a view of all that a statement gave. */
function ownBytes(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : new Uint8Array(bytes);
}
