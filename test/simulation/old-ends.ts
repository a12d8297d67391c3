/**
 * The old end of every log beside the model: which revisions share an entry, how far a cut may go, and
 * which replaced versions may be forgotten by now. A cut takes whole entries, so what is left of a log
 * after it is known exactly.
 */
import assert from "node:assert/strict";
import { trimEntriesPerSlice } from "../../src/storage/limits.js";
import type { Namespace } from "../../src/storage/model.js";
import type { ModelStore } from "../support/model-store.js";

export class OldEnds {
  readonly #model: ModelStore;
  /** The last revision of each entry that is in the log. */
  readonly #entries = new Map<Namespace, bigint[]>();
  /** Of what was replaced up to here some may be gone. */
  readonly #forgotten = new Map<Namespace, bigint>();
  /** Where history is kept. */
  readonly #historic = new Set<Namespace>();
  /** Compactions that were asked for. */
  readonly #asked = new Map<Namespace, Set<bigint>>();
  /** How many revisions a log was told to keep, now or earlier. */
  readonly #kept = new Map<Namespace, Set<number>>();
  cuts = 0;

  constructor(model: ModelStore) {
    this.#model = model;
  }

  /** A group has been committed, in which these namespaces stood at these heads before. */
  committed(headsBefore: ReadonlyMap<Namespace, bigint>): void {
    for (const [namespace, before] of headsBefore) {
      const head = this.#model.head(namespace);
      if (head > before) this.#entriesOf(namespace).push(head);
    }
  }

  deleted(namespace: Namespace): void {
    this.#entries.delete(namespace);
    this.#historic.delete(namespace);
  }

  asked(namespace: Namespace, upTo: bigint): void {
    setIn(this.#asked, namespace).add(upTo);
  }

  /** Its settings are others now. */
  set(namespace: Namespace): void {
    const { settings, head } = this.#model.namespace(namespace);
    if (settings.retentionRevisions !== undefined) {
      setIn(this.#kept, namespace).add(settings.retentionRevisions);
    }
    // Whatever was kept until now goes, even where history begins anew at once.
    if (!settings.historyReads || !this.#historic.has(namespace)) this.#forget(namespace, head);
    if (settings.historyReads) this.#historic.add(namespace);
    else this.#historic.delete(namespace);
  }

  /** The writer has worked off one slice. Throws when nobody may have asked for it. */
  cut(namespace: Namespace, upTo: bigint): void {
    const { head, oldest, settings } = this.#model.namespace(namespace);
    this.#assertWanted(namespace, upTo, head);
    const bound = upTo < head ? upTo : head;
    const entries = this.#entriesOf(namespace);
    let taken = 0;
    let left = oldest;
    for (; taken < trimEntriesPerSlice; taken++) {
      const [last] = entries;
      if (last === undefined || last > bound) break;
      entries.shift();
      left = last + 1n;
    }
    if (taken > 0) this.cuts++;
    this.#model.compact(namespace, bound, left);
    this.#forget(namespace, settings.historyReads ? bound : head);
  }

  /** What a change up to here has replaced may be gone. */
  forgottenUpTo(namespace: Namespace): bigint {
    return this.#forgotten.get(namespace) ?? 0n;
  }

  /** Throws when something is left of what a compaction up to here takes away. */
  assertCompacted(namespace: Namespace, upTo: bigint): void {
    const [last] = this.#entriesOf(namespace);
    const isGone = last === undefined || last > upTo;
    assert.ok(isGone, `${namespace} was compacted up to ${upTo}, and ${String(last)} is there`);
  }

  #forget(namespace: Namespace, upTo: bigint): void {
    if (upTo > this.forgottenUpTo(namespace)) this.#forgotten.set(namespace, upTo);
  }

  #assertWanted(namespace: Namespace, upTo: bigint, head: bigint): void {
    const isAsked = this.#asked.get(namespace)?.has(upTo) === true;
    const kept = [...(this.#kept.get(namespace) ?? [])];
    const isTooMuch = kept.some((revisions) => revisions > 0 && head - upTo >= BigInt(revisions));
    // What an ended history has left goes in cuts that take nothing of the log.
    assert.ok(isAsked || isTooMuch || upTo === 0n, `${namespace} is cut up to ${upTo} of ${head}`);
  }

  #entriesOf(namespace: Namespace): bigint[] {
    const entries = this.#entries.get(namespace) ?? [];
    this.#entries.set(namespace, entries);
    return entries;
  }
}

function setIn<Value>(map: Map<Namespace, Set<Value>>, namespace: Namespace): Set<Value> {
  const set = map.get(namespace) ?? new Set<Value>();
  map.set(namespace, set);
  return set;
}
