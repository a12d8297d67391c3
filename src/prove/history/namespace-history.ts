/**
 * Everything that happened to one namespace, by revision: so what it holds at any of them is known
 * without asking the store. Taken from the stream of changes while the daemon ran, and compared with
 * what the callers know of their own writes.
 */
import { binaryText, equalBytes } from "../../foundation/bytes.js";

export interface RecordedChange {
  readonly revision: number;
  readonly key: Uint8Array;
  /** Undefined: the key was deleted or ran out. */
  readonly value: Uint8Array | undefined;
}

export interface FoundEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly modRevision: bigint;
}

export class NamespaceHistory {
  readonly name: string;
  readonly #changes: RecordedChange[] = [];
  readonly #byKey = new Map<string, RecordedChange[]>();
  /** Live keys after each revision; the place is the revision. */
  readonly #live: number[] = [0];

  constructor(name: string, changes: readonly RecordedChange[] = []) {
    this.name = name;
    for (const change of changes) this.add(change);
  }

  get head(): number {
    return this.#live.length - 1;
  }

  get changes(): readonly RecordedChange[] {
    return this.#changes;
  }

  /** Changes come in the order of their revisions; one revision may have several. */
  add(change: RecordedChange): void {
    const text = binaryText(change.key);
    const before = this.#byKey.get(text) ?? [];
    const was = before.at(-1)?.value !== undefined ? 1 : 0;
    const is = change.value !== undefined ? 1 : 0;
    const live = (this.#live.at(-1) ?? 0) + is - was;
    this.#changes.push(change);
    this.#byKey.set(text, [...before, change]);
    while (this.head < change.revision) this.#live.push(this.#live.at(-1) ?? 0);
    this.#live[change.revision] = live;
  }

  /** What differs from the content at this revision, as a sentence; undefined = nothing. */
  differenceAt(revision: number, entries: readonly FoundEntry[]): string | undefined {
    if (revision > this.head) {
      return `${this.name} stands at revision ${String(revision)}, but only ${String(this.head)} were ever given`;
    }
    for (const entry of entries) {
      const wrong = this.#differenceOf(entry, revision);
      if (wrong !== undefined) return `${this.name} at revision ${String(revision)}: ${wrong}`;
    }
    const live = this.#live[revision] ?? 0;
    if (entries.length === live) return undefined;
    return `${this.name} at revision ${String(revision)} holds ${String(entries.length)} keys instead of ${String(live)}`;
  }

  #differenceOf(entry: FoundEntry, revision: number): string | undefined {
    const key = Buffer.from(entry.key).toString("utf8");
    const last = (this.#byKey.get(binaryText(entry.key)) ?? []).findLast((change) => {
      return change.revision <= revision;
    });
    if (last?.value === undefined) return `key ${key} should not be there`;
    if (BigInt(last.revision) !== entry.modRevision) {
      return `key ${key} is of revision ${String(entry.modRevision)} instead of ${String(last.revision)}`;
    }
    return equalBytes(last.value, entry.value) ? undefined : `key ${key} has another value`;
  }
}
