/**
 * First in, first out, bounded by items and by bytes. It refuses at the door and never drops: what
 * was let in comes out, or is withdrawn by whoever put it in.
 */
import { assert } from "./assert.js";

export interface QueueBounds<Item> {
  readonly itemsMax: number;
  readonly bytesMax: number;
  /** Asked once, on entry. */
  bytesOf(item: Item): number;
}

/** What became of an offer: taken, or which bound was in the way. */
export type Offered = "queued" | "items-full" | "bytes-full";

interface Slot<Item> {
  readonly item: Item;
  readonly bytes: number;
}

/** Places that were emptied at the front before the rest is moved up. */
const emptyFrontMax = 1_024;

export class BoundedQueue<Item> {
  readonly #bounds: QueueBounds<Item>;
  #slots: Slot<Item>[] = [];
  /** Index of the first slot that is still queued. */
  #first = 0;
  #bytes = 0;

  constructor(bounds: QueueBounds<Item>) {
    assert(bounds.itemsMax >= 1 && bounds.bytesMax >= 1, "a queue has room for something");
    this.#bounds = bounds;
  }

  get items(): number {
    return this.#slots.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** An item above the byte bound is let in when the queue is empty, or it could never be served. */
  offer(item: Item): Offered {
    if (this.items >= this.#bounds.itemsMax) return "items-full";
    const bytes = this.#bounds.bytesOf(item);
    if (this.items > 0 && this.#bytes + bytes > this.#bounds.bytesMax) return "bytes-full";
    this.#slots.push({ item, bytes });
    this.#bytes += bytes;
    return "queued";
  }

  /** The oldest item, still queued. */
  peek(): Item | undefined {
    return this.#slots[this.#first]?.item;
  }

  /** The oldest item, taken out. */
  take(): Item | undefined {
    const slot = this.#slots[this.#first];
    if (slot === undefined) return undefined;
    this.#first++;
    this.#bytes -= slot.bytes;
    this.#moveUp();
    return slot.item;
  }

  /** Takes an item out of its place. False = it is not queued (any more). */
  withdraw(item: Item): boolean {
    for (let at = this.#first; at < this.#slots.length; at++) {
      const slot = this.#slots[at];
      if (slot?.item !== item) continue;
      this.#slots.splice(at, 1);
      this.#bytes -= slot.bytes;
      return true;
    }
    return false;
  }

  /** Takes out everything, oldest first. */
  drain(): readonly Item[] {
    const items = this.#slots.slice(this.#first).map((slot) => slot.item);
    this.#slots = [];
    this.#first = 0;
    this.#bytes = 0;
    return items;
  }

  /** Lets go of the slots in front: seldom, so that taking stays cheap on average. */
  #moveUp(): void {
    if (this.#first < this.#slots.length && this.#first < emptyFrontMax) return;
    this.#slots.splice(0, this.#first);
    this.#first = 0;
  }
}
