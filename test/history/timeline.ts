/** Every entry as it was at every revision, made by applying one revision after the other. */
import { type Effect, objectOfKey, type Values } from "./questions.js";
import { absentEntry, type SeenEntry } from "./store.js";

const nothing: Values = new Map();

interface Turn {
  readonly revision: bigint;
  readonly entry: SeenEntry;
}

export class Timeline {
  /** Per object and key what each revision that changed it made of it, in order. */
  readonly #past = new Map<string, Map<string, Turn[]>>();
  /** Per object: the newest state. Replaced and never changed. */
  readonly #values = new Map<string, Values>();
  #head = 0n;

  get head(): bigint {
    return this.#head;
  }

  /** The newest state of an object. */
  valuesOf(object: string): Values {
    return this.#values.get(object) ?? nothing;
  }

  /** Makes the next revision. */
  apply(writes: Effect["writes"]): void {
    const revision = ++this.#head;
    const changed = new Map<string, Map<string, string>>();
    for (const [key, value] of writes) {
      const object = objectOfKey(key);
      const before = this.entryAt(key, revision - 1n);
      const entry = value === undefined ? absentEntry(key) : written(before, value, revision);
      this.#pastOf(object, key).push({ revision, entry });
      const next = changed.get(object) ?? new Map(this.valuesOf(object));
      changed.set(object, next);
      if (value === undefined) next.delete(key);
      else next.set(key, value);
    }
    for (const [object, next] of changed) this.#values.set(object, next);
  }

  entryAt(key: string, revision: bigint): SeenEntry {
    const past = this.#turnsOf(key);
    let low = 0;
    let high = past.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((past[middle]?.revision ?? 0n) <= revision) low = middle + 1;
      else high = middle;
    }
    return past[low - 1]?.entry ?? absentEntry(key);
  }

  /** An object as it was at a revision. */
  valuesAt(revision: bigint, object: string): Values {
    if (revision === this.#head) return this.valuesOf(object);
    const values = new Map<string, string>();
    for (const key of this.#past.get(object)?.keys() ?? []) {
      const { value } = this.entryAt(key, revision);
      if (value !== undefined) values.set(key, value);
    }
    return values;
  }

  /** The revisions of a span at which a key is not what it was one revision before, and its first. */
  turnsOf(key: string, first: bigint, last: bigint): readonly bigint[] {
    const past = this.#turnsOf(key);
    const within = past.filter(({ revision }) => revision > first && revision <= last);
    return [first, ...within.map(({ revision }) => revision)];
  }

  #turnsOf(key: string): readonly Turn[] {
    return this.#past.get(objectOfKey(key))?.get(key) ?? [];
  }

  #pastOf(object: string, key: string): Turn[] {
    const keys = this.#past.get(object) ?? new Map<string, Turn[]>();
    this.#past.set(object, keys);
    const past = keys.get(key) ?? [];
    keys.set(key, past);
    return past;
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
