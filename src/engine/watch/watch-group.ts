/**
 * Watchers that want the very same: what a commit means for them is worked out once, and the result
 * is shared. Filled change by change while an entry is looked through, then handed out whole.
 */
import { binaryText } from "../../foundation/bytes.js";
import type { Change } from "../../storage/log-entry.js";
import type { KeyRange, Revision } from "../../storage/model.js";
import { detached, type Interest, type SizedBatch, shown, sizedBatch } from "./interest.js";

/** What a batch may keep alive of its entry, as a multiple of its own size. */
const sparseFactor = 2;

export interface Subscriber {
  readonly interest: Interest;
  /**
   * Called while a commit is being published, so it is quick, never throws, and leaves no seat. True:
   * it waited for nothing but this, and shall be woken in a later turn.
   */
  receive(batches: readonly SizedBatch[]): boolean;
  wake(): void;
  /** The engine ends the watch. */
  end(reason: Error): void;
}

export class WatchGroup {
  readonly name: string;
  readonly range: KeyRange;
  readonly subscribers = new Set<Subscriber>();
  readonly #interest: Interest;
  /** The revision that is being gathered, and what is wanted of it so far. */
  #revision: Revision | undefined;
  #changes: Change[] = [];
  #batches: SizedBatch[] = [];

  constructor(interest: Interest) {
    this.#interest = interest;
    this.range = interest.range;
    this.name = nameOf(interest);
  }

  /** A change whose key is in the range. Revisions come in ascending order. */
  add(revision: Revision, change: Change): void {
    const wanted = shown(change, this.#interest);
    if (wanted === undefined) return;
    if (revision !== this.#revision) this.#endRevision();
    this.#revision = revision;
    this.#changes.push(wanted);
  }

  /** Hands out what was gathered; returns who must be woken. */
  deliver(entryBytes: number): Subscriber[] {
    this.#endRevision();
    if (this.#batches.length === 0) return [];
    const own = this.#batches.reduce((sum, { bytes }) => sum + bytes, 0);
    const sparse = own * sparseFactor < entryBytes;
    const batches = sparse ? this.#batches.map(detached) : this.#batches;
    this.#batches = [];
    return [...this.subscribers].filter((subscriber) => subscriber.receive(batches));
  }

  #endRevision(): void {
    if (this.#revision === undefined) return;
    this.#batches.push(sizedBatch(this.#revision, this.#changes));
    this.#revision = undefined;
    this.#changes = [];
  }
}

/** Equal for equal interests. */
export function nameOf({ range, puts, deletions, keysOnly }: Interest): string {
  const start = `${range.start.length}:${binaryText(range.start)}`;
  const end = range.end === undefined ? "open" : `:${binaryText(range.end)}`;
  return `${puts} ${deletions} ${keysOnly} ${start} ${end}`;
}
