/**
 * Judges what a watcher was given against what the writers were answered. It knows nothing of logs,
 * hubs or buffers: only the history, what was asked for, and every response in the order it came.
 */
import { binaryText, compareBytes } from "../../src/foundation/bytes.js";
import type { KeyRange } from "../../src/storage/model.js";

/** The value as text; undefined = deleted. */
export interface SeenChange {
  readonly key: string;
  readonly value: string | undefined;
}

export interface SeenBatch {
  readonly revision: bigint;
  readonly changes: readonly SeenChange[];
}

export type Seen =
  /** A response: whole revisions, and the revision up to which it says it is complete. */
  | { readonly kind: "response"; readonly complete: bigint; readonly batches: readonly SeenBatch[] }
  /** The watcher had to start again from the oldest retained revision. */
  | { readonly kind: "compacted"; readonly oldest: bigint };

export interface Wanted {
  /** Keys are compared as bytes; texts here hold one byte per character. */
  readonly range: KeyRange;
  readonly puts: boolean;
  readonly deletions: boolean;
  /** The first revision asked for. */
  readonly from: bigint;
}

/** What was committed: per revision, every change in the order of the keys. */
export type History = ReadonlyMap<bigint, readonly SeenChange[]>;

export const properties = [
  "filtered",
  "ordered",
  "unique",
  "atomic",
  "reliable",
  "resumable",
] as const;
export type Property = (typeof properties)[number];

export interface Violation {
  readonly property: Property;
  readonly message: string;
}

/** Everything that is wrong; empty when all six properties hold up to the history's end. */
export function violationsOf(history: History, wanted: Wanted, seen: readonly Seen[]): Violation[] {
  const found: Violation[] = [];
  const broken = (property: Property, message: string): void => {
    found.push({ property, message });
  };
  const given = new Set<bigint>();
  let last = 0n;
  let from = wanted.from;
  for (const step of seen) {
    if (step.kind === "compacted") {
      from = step.oldest > from ? step.oldest : from;
      continue;
    }
    for (const batch of step.batches) {
      const { revision } = batch;
      if (given.has(revision)) broken("unique", `revision ${revision} came twice`);
      else if (revision <= last) broken("ordered", `revision ${revision} came after ${last}`);
      given.add(revision);
      last = revision > last ? revision : last;
      judge(batch, expectedOf(history, wanted, revision), wanted, broken);
    }
    const missing = firstMissing(history, wanted, given, from, step.complete);
    if (missing !== undefined) {
      broken("resumable", `complete up to ${step.complete}, but ${missing} had not come`);
    }
  }
  const head = [...history.keys()].reduce(
    (most, revision) => (revision > most ? revision : most),
    0n,
  );
  const missing = firstMissing(history, wanted, given, from, head);
  if (missing !== undefined) broken("reliable", `revision ${missing} never came`);
  return found;
}

function judge(
  { revision, changes }: SeenBatch,
  expected: readonly SeenChange[],
  wanted: Wanted,
  broken: (property: Property, message: string) => void,
): void {
  const foreign = changes.filter((change) => !isWanted(change, wanted) || revision < wanted.from);
  if (foreign.length > 0) broken("filtered", `revision ${revision} has what was not asked for`);
  const own = changes.filter((change) => isWanted(change, wanted));
  if (textOf(own) !== textOf(expected)) {
    broken("atomic", `revision ${revision} is ${textOf(own)}, and was ${textOf(expected)}`);
  }
}

/**
 * The first wanted revision from the start up to `to` that was not given. What a watcher skipped
 * because it was compacted away is not missing; the start has moved.
 */
function firstMissing(
  history: History,
  wanted: Wanted,
  given: ReadonlySet<bigint>,
  from: bigint,
  to: bigint,
): bigint | undefined {
  for (let revision = from; revision <= to; revision++) {
    if (given.has(revision)) continue;
    if (expectedOf(history, wanted, revision).length > 0) return revision;
  }
  return undefined;
}

function expectedOf(history: History, wanted: Wanted, revision: bigint): readonly SeenChange[] {
  return (history.get(revision) ?? []).filter((change) => isWanted(change, wanted));
}

function isWanted({ key, value }: SeenChange, { range, puts, deletions }: Wanted): boolean {
  const bytes = Buffer.from(key, "latin1");
  const inside =
    compareBytes(bytes, range.start) >= 0 &&
    (range.end === undefined || compareBytes(bytes, range.end) < 0);
  return inside && (value === undefined ? deletions : puts);
}

function textOf(changes: readonly SeenChange[]): string {
  return JSON.stringify(changes.map(({ key, value }) => [key, value?.slice(0, 40) ?? null]));
}

/** A change as the engine gives it. */
export function seenChange(change: { key: Uint8Array; value: Uint8Array | null }): SeenChange {
  const value = change.value === null ? undefined : binaryText(change.value);
  return { key: binaryText(change.key), value };
}
