/** Every entry as it was at every revision, made by applying one revision after the other. */
import type { Effect, Values } from "./questions.js";
import { absentEntry, type SeenEntry } from "./store.js";

export class Timeline {
  /** Per key what each revision that changed it made of it, in order. */
  readonly #past = new Map<string, { readonly revision: bigint; readonly entry: SeenEntry }[]>();
  #values: Values = new Map();
  #head = 0n;

  get head(): bigint {
    return this.#head;
  }

  /** The newest state. */
  get values(): Values {
    return this.#values;
  }

  /** Makes the next revision. */
  apply(writes: Effect["writes"]): void {
    const revision = ++this.#head;
    const next = new Map(this.#values);
    for (const [key, value] of writes) {
      const before = this.entryAt(key, revision - 1n);
      const entry = value === undefined ? absentEntry(key) : written(before, value, revision);
      const past = this.#past.get(key);
      if (past === undefined) this.#past.set(key, [{ revision, entry }]);
      else past.push({ revision, entry });
      if (value === undefined) next.delete(key);
      else next.set(key, value);
    }
    this.#values = next;
  }

  entryAt(key: string, revision: bigint): SeenEntry {
    const past = this.#past.get(key) ?? [];
    let low = 0;
    let high = past.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((past[middle]?.revision ?? 0n) <= revision) low = middle + 1;
      else high = middle;
    }
    return past[low - 1]?.entry ?? absentEntry(key);
  }

  valuesAt(revision: bigint): Values {
    if (revision === this.#head) return this.#values;
    const values = new Map<string, string>();
    for (const key of this.#past.keys()) {
      const { value } = this.entryAt(key, revision);
      if (value !== undefined) values.set(key, value);
    }
    return values;
  }

  /** The revisions of a span at which a key is not what it was one revision before, and its first. */
  turnsOf(key: string, first: bigint, last: bigint): readonly bigint[] {
    const past = this.#past.get(key) ?? [];
    const within = past.filter(({ revision }) => revision > first && revision <= last);
    return [first, ...within.map(({ revision }) => revision)];
  }
}

function written(before: SeenEntry, value: string, revision: bigint): SeenEntry {
  const { key } = before;
  if (before.modRevision === 0n) {
    return { key, value, createRevision: revision, modRevision: revision, version: 1n };
  }
  const { createRevision, version } = before;
  return { key, value, createRevision, modRevision: revision, version: version + 1n };
}
