/**
 * Finds the ranges that hold a key without asking each: the ranges in the order of their starts are
 * read as a balanced tree, and each inner place knows how far any range below it reaches. Watchers
 * come and go far less often than keys are written, so the reaches are made anew after a change, and
 * only when the next key is looked up.
 */
import { compareBytes } from "../../foundation/bytes.js";
import type { KeyRange } from "../../storage/model.js";

/** Anything with a range. */
export interface Ranged {
  readonly range: KeyRange;
}

/** Undefined = to the last key. */
type Reach = Uint8Array | undefined;

export class RangeIndex<Item extends Ranged> {
  /** In the order of their starts. */
  readonly #items: Item[] = [];
  /** Per place: the farthest end of the part of the tree whose root it is. */
  #reaches: Reach[] = [];
  #stale = false;

  get size(): number {
    return this.#items.length;
  }

  add(item: Item): void {
    this.#items.splice(this.#placeAfter(item.range.start), 0, item);
    this.#stale = true;
  }

  /** An item that is not there is no error. */
  delete(item: Item): void {
    const at = this.#items.indexOf(item);
    if (at === -1) return;
    this.#items.splice(at, 1);
    this.#stale = true;
  }

  /** Calls back for every item whose range holds the key; it must not add or delete meanwhile. */
  visit(key: Uint8Array, each: (item: Item) => void): void {
    if (this.#stale) {
      this.#reaches = new Array<Reach>(this.#items.length);
      this.#measure(0, this.#items.length);
      this.#stale = false;
    }
    this.#search(0, this.#items.length, key, each);
  }

  /** The place behind all items that start at or before the key. */
  #placeAfter(start: Uint8Array): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.#items[middle]?.range.start ?? start;
      if (compareBytes(found, start) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #measure(low: number, high: number): Reach {
    const middle = (low + high) >>> 1;
    let reach: Reach = this.#items[middle]?.range.end;
    if (low < middle) reach = farther(reach, this.#measure(low, middle));
    if (middle + 1 < high) reach = farther(reach, this.#measure(middle + 1, high));
    this.#reaches[middle] = reach;
    return reach;
  }

  #search(low: number, high: number, key: Uint8Array, each: (item: Item) => void): void {
    if (low >= high) return;
    const middle = (low + high) >>> 1;
    if (endsBefore(this.#reaches[middle], key)) return;
    this.#search(low, middle, key, each);
    const item = this.#items[middle];
    if (item === undefined || compareBytes(item.range.start, key) > 0) return;
    if (!endsBefore(item.range.end, key)) each(item);
    this.#search(middle + 1, high, key, each);
  }
}

function farther(a: Reach, b: Reach): Reach {
  if (a === undefined || b === undefined) return undefined;
  return compareBytes(a, b) >= 0 ? a : b;
}

function endsBefore(end: Reach, key: Uint8Array): boolean {
  return end !== undefined && compareBytes(end, key) <= 0;
}
