/**
 * What callers ask of a store, and what a single copy of the data would answer if it were asked one
 * thing after the other. The specification speaks of values only: whoever judges by it needs none of
 * the store's revisions. Every value that is written is unique, so a value names its write, and a
 * condition on a revision is a condition on the value seen with it.
 */

export type Question =
  | { readonly kind: "get"; readonly key: string }
  /** The key as it was at a revision. */
  | { readonly kind: "past"; readonly key: string; readonly revision: bigint }
  | {
      readonly kind: "put";
      readonly key: string;
      readonly value: string;
      /** True: the answer has what was replaced. */
      readonly previous: boolean;
    }
  | { readonly kind: "delete"; readonly key: string }
  /** Writes if the key is still as it was seen. */
  | {
      readonly kind: "cas";
      readonly key: string;
      readonly expected: Sighting;
      readonly value: string;
    }
  | { readonly kind: "increment"; readonly key: string; readonly delta: bigint }
  /** Writes all if every compare of a value holds, else reads all. */
  | {
      readonly kind: "txn";
      readonly compares: readonly KeyAndValue[];
      readonly puts: readonly (readonly [key: string, value: string])[];
    }
  /** Writes some keys of an object and deletes others, whatever they are. At least one is written. */
  | {
      readonly kind: "batch";
      readonly puts: readonly (readonly [key: string, value: string])[];
      readonly deletes: readonly string[];
    }
  /** Every key of one object. */
  | { readonly kind: "list"; readonly object: string };

/** Undefined: the key is absent. */
export type KeyAndValue = readonly [key: string, value: string | undefined];

/** A key as somebody saw it. Absent: no value, revision 0. */
export interface Sighting {
  readonly value: string | undefined;
  readonly revision: bigint;
}

export type Values = ReadonlyMap<string, string>;

export interface Effect {
  /** The answer as text: what the caller gets to see, without any revision. */
  readonly seen: string;
  /** Keys that change; undefined = deleted. */
  readonly writes: ReadonlyMap<string, string | undefined>;
}

/** What the one copy of the data answers and does. */
export function effectOf(values: Values, question: Question): Effect {
  switch (question.kind) {
    case "get":
    case "past":
      return reading(seenEntries([[question.key, values.get(question.key)]]));
    case "list":
      return reading(seenEntries(entriesOf(values, question.object)));
    case "put": {
      const { key, value, previous } = question;
      return writing(seenPut(previous ? [key, values.get(key)] : undefined), [[key, value]]);
    }
    case "delete": {
      const { key } = question;
      return values.has(key)
        ? writing(seenDeleted(true), [[key, undefined]])
        : reading(seenDeleted(false));
    }
    case "cas": {
      const { key, value, expected } = question;
      const holds = values.get(key) === expected.value;
      return holds ? writing(seenCas(true), [[key, value]]) : reading(seenCas(false));
    }
    case "increment": {
      const sum = String(BigInt(values.get(question.key) ?? "0") + question.delta);
      return writing(sum, [[question.key, sum]]);
    }
    case "txn": {
      const { compares, puts } = question;
      const holds = compares.every(([key, value]) => values.get(key) === value);
      if (holds) return writing(seenTxn(undefined), puts);
      return reading(seenTxn(puts.map(([key]) => [key, values.get(key)])));
    }
    case "batch": {
      const deleted = question.deletes.filter((key) => values.has(key));
      const deletions = deleted.map((key) => [key, undefined] as const);
      return writing(seenBatch(deleted), [...question.puts, ...deletions]);
    }
  }
}

/** Such a question changes nothing, whatever the state is. */
export function isRead({ kind }: Question): boolean {
  return kind === "get" || kind === "past" || kind === "list";
}

export function withWrites(values: Values, writes: Effect["writes"]): Values {
  const next = new Map(values);
  for (const [key, value] of writes) {
    if (value === undefined) next.delete(key);
    else next.set(key, value);
  }
  return next;
}

/** Questions about different objects have nothing to do with each other. */
export function objectOf(question: Question): string {
  if (question.kind === "list") return question.object;
  if (question.kind === "txn" || question.kind === "batch") {
    return objectOfKey(question.puts[0]?.[0] ?? "");
  }
  return objectOfKey(question.key);
}

/** "group/a" belongs to "group/", a key without a slash is an object by itself. */
export function objectOfKey(key: string): string {
  return key.slice(0, key.indexOf("/") + 1) || key;
}

export function seenEntries(entries: readonly KeyAndValue[]): string {
  return entries.map(([key, value]) => `${key}=${value ?? "-"}`).join(" ");
}

/** With what was replaced, where that was asked for. */
export function seenPut(previous: KeyAndValue | undefined): string {
  return previous === undefined ? "written" : `replaced ${seenEntries([previous])}`;
}

export function seenDeleted(deleted: boolean): string {
  return deleted ? "deleted" : "absent";
}

export function seenCas(written: boolean): string {
  return written ? "written" : "refused";
}

/** With what was read because a compare did not hold. */
export function seenTxn(read: readonly KeyAndValue[] | undefined): string {
  return read === undefined ? "written" : `refused ${seenEntries(read)}`;
}

/** With the keys that were there to be deleted. */
export function seenBatch(deleted: readonly string[]): string {
  return ["written", ...deleted].join(" ");
}

function entriesOf(values: Values, object: string): readonly KeyAndValue[] {
  return [...values].filter(([key]) => key.startsWith(object)).sort(([a], [b]) => (a < b ? -1 : 1));
}

function reading(seen: string): Effect {
  return { seen, writes: new Map() };
}

function writing(seen: string, writes: readonly KeyAndValue[]): Effect {
  return { seen, writes: new Map(writes) };
}
