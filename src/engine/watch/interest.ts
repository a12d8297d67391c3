/**
 * What a watcher wants, and what is left of a commit for it. The same rules for a commit that has
 * just happened and for one that is read from the log, so that nobody can tell which it was.
 */
import { compareBytes, copyBytes } from "../../foundation/bytes.js";
import { watchChangeOverheadBytes } from "../../storage/limits.js";
import type { Change, ChangeBatch } from "../../storage/log-entry.js";
import type { Key, KeyRange, Revision } from "../../storage/model.js";
import type { WatchBatch, WatchOptions } from "../../storage/storage-engine.js";

export type Interest = Pick<WatchOptions, "range" | "puts" | "deletions" | "keysOnly">;

/** A batch with what it costs to keep. */
export interface SizedBatch extends WatchBatch {
  readonly bytes: number;
}

const noValue = new Uint8Array(0);
const noPrevious: readonly undefined[] = [];

export function within(key: Uint8Array, range: KeyRange): boolean {
  return (
    compareBytes(key, range.start) >= 0 &&
    (range.end === undefined || compareBytes(key, range.end) < 0)
  );
}

/** The change as it is shown; undefined = it is not wanted. Its key is in the range already. */
export function shown(change: Change, interest: Interest): Change | undefined {
  if (change.value === null) return interest.deletions ? change : undefined;
  if (!interest.puts) return undefined;
  return interest.keysOnly ? { ...change, value: noValue } : change;
}

/** What is wanted of a revision; undefined = nothing. */
export function wantedOf(batch: ChangeBatch, interest: Interest): SizedBatch | undefined {
  const changes: Change[] = [];
  for (const change of batch.changes) {
    if (!within(change.key, interest.range)) continue;
    const wanted = shown(change, interest);
    if (wanted !== undefined) changes.push(wanted);
  }
  return changes.length === 0 ? undefined : sizedBatch(batch.revision, changes);
}

/** Puts the changes in the order of their keys: the log has them in the order of the request. */
export function sizedBatch(revision: Revision, changes: Change[]): SizedBatch {
  changes.sort((a, b) => compareBytes(a.key, b.key));
  let bytes = 0;
  for (const { key, value } of changes) {
    bytes += key.length + (value?.length ?? 0) + watchChangeOverheadBytes;
  }
  return { revision, changes, previous: noPrevious, bytes };
}

/** The same batch with bytes of its own, so that it does not keep the whole entry in memory. */
export function detached(batch: SizedBatch): SizedBatch {
  const changes = batch.changes.map((change) => ({
    ...change,
    key: copyBytes(change.key) as Key,
    value: change.value === null ? null : copyBytes(change.value),
  }));
  return { ...batch, changes };
}
