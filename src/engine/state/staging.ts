/**
 * What one request has decided so far: at most one change per key, over the state it started from.
 * Nothing is written here, so a request that is refused halfway leaves nothing to undo.
 */
import { binaryText, compareBytes } from "../../foundation/bytes.js";
import type { Random } from "../../foundation/random.js";
import { EngineError } from "../../storage/errors.js";
import { changesPerRequestMax, leaseKeysMax } from "../../storage/limits.js";
import type { Change, ChangeCause } from "../../storage/log-entry.js";
import type { Entry, Key, KeyRange, Lease, LeaseId, Revision } from "../../storage/model.js";
import { isLive, type KvFacts } from "./kv-row.js";

/** The namespace's tables as evaluation needs them. Rows that have run out are still in them. */
export interface StateView {
  find(key: Key): KvFacts | undefined;
  range(range: KeyRange, rowsMax: number): KvFacts[];
  entry(facts: KvFacts): Entry;
  findLease(leaseId: LeaseId): Lease | undefined;
  leaseCount(): number;
  leaseKeyCount(leaseId: LeaseId): number;
  rowsOfLease(leaseId: LeaseId): KvFacts[];
}

/** A live key as the request sees it: from the table, or from its own earlier operations. */
export interface Current {
  readonly key: Key;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: LeaseId | undefined;
  entry(): Entry;
}

export interface StagedChange {
  readonly change: Change;
  /** The row that stands in the table now, live or expired. */
  readonly replaces: KvFacts | undefined;
}

export class Staging {
  readonly nowMs: number;
  readonly #view: StateView;
  readonly #random: Random;
  readonly #revision: Revision;
  readonly #changes = new Map<string, StagedChange>();
  /** Null = the lease is gone. */
  readonly #leases = new Map<LeaseId, Lease | null>();
  /** By how much this request raises the number of keys that are bound to a lease. */
  readonly #bound = new Map<LeaseId, number>();

  constructor(
    view: StateView,
    at: { readonly revision: Revision; readonly nowMs: number; readonly random: Random },
  ) {
    this.#view = view;
    this.#random = at.random;
    this.nowMs = at.nowMs;
    this.#revision = at.revision;
  }

  get changes(): Iterable<StagedChange> {
    return this.#changes.values();
  }

  get size(): number {
    return this.#changes.size;
  }

  get leases(): ReadonlyMap<LeaseId, Lease | null> {
    return this.#leases;
  }

  /** The live key, or undefined. */
  find(key: Key): Current | undefined {
    const staged = this.#changes.size === 0 ? undefined : this.#changes.get(binaryText(key));
    if (staged !== undefined) return this.#currentOfChange(staged.change);
    return this.#liveOf(this.#view.find(key));
  }

  /** The live keys of a range in order. Throws "limit-exceeded" when there are more than allowed. */
  range(range: KeyRange): Current[] {
    const rows = this.#view.range(range, changesPerRequestMax + 1);
    if (rows.length > changesPerRequestMax) throw tooManyKeys();
    const found: Current[] = [];
    for (const facts of rows) {
      const current = this.#changes.has(binaryText(facts.key)) ? undefined : this.#liveOf(facts);
      if (current !== undefined) found.push(current);
    }
    for (const { change } of this.#changes.values()) {
      if (!within(change.key, range)) continue;
      const current = this.#currentOfChange(change);
      if (current !== undefined) found.push(current);
    }
    return found.sort((a, b) => compareBytes(a.key, b.key));
  }

  /** The lease as the request sees it, live or run out. */
  findLease(leaseId: LeaseId): Lease | undefined {
    const staged = this.#leases.get(leaseId);
    return staged === undefined ? this.#view.findLease(leaseId) : (staged ?? undefined);
  }

  liveLease(leaseId: LeaseId): Lease | undefined {
    const lease = this.findLease(leaseId);
    return lease === undefined || lease.deadlineMs <= this.nowMs ? undefined : lease;
  }

  /** An id that no lease has: 63 random bits, so that a second draw is next to never needed. */
  freeLeaseId(): LeaseId {
    for (;;) {
      const { buffer, byteOffset } = this.#random.bytes(8);
      const id = (new DataView(buffer, byteOffset).getBigUint64(0) >> 1n) as LeaseId;
      if (id !== 0n && this.findLease(id) === undefined) return id;
    }
  }

  leaseCount(): number {
    return this.#view.leaseCount() + this.#leases.size;
  }

  putLease(lease: Lease): void {
    this.#leases.set(lease.leaseId, lease);
  }

  /** The lease and all keys that are bound to it: they end together, so their number is bounded. */
  deleteLease(leaseId: LeaseId, cause: ChangeCause): number {
    const rows = this.#view.rowsOfLease(leaseId);
    for (const facts of rows) {
      this.#changes.set(binaryText(facts.key), { change: removal(facts, cause), replaces: facts });
    }
    this.#leases.set(leaseId, null);
    return rows.length;
  }

  /** Takes a key away whose own time has run out; false when it has not. */
  expire(key: Key): boolean {
    const facts = this.#view.find(key);
    if (facts?.expiresAtMs === undefined || facts.expiresAtMs > this.nowMs) return false;
    this.#stage(binaryText(key), { change: removal(facts, "expired"), replaces: facts });
    return true;
  }

  /** The key has this value from now on; created when it was not live. */
  put(
    key: Key,
    value: Uint8Array,
    life: { readonly expiresAtMs: number | undefined; readonly leaseId: LeaseId | undefined },
  ): bigint {
    const text = binaryText(key);
    const staged = this.#changes.get(text);
    const replaces = staged === undefined ? this.#view.find(key) : staged.replaces;
    const current =
      staged === undefined ? this.#liveOf(replaces) : this.#currentOfChange(staged.change);
    // One change per key and request: a second put of the same key does not count again.
    const version =
      (current?.version ?? 0n) + (current === undefined || staged === undefined ? 1n : 0n);
    const createRevision = current?.createRevision ?? this.#revision;
    // Field by field: a caller may hand in a whole entry as its life, and its key is not ours.
    const { expiresAtMs, leaseId } = life;
    this.#bind(staged === undefined ? replaces?.leaseId : staged.change.leaseId, leaseId);
    const cause = "client" as const;
    const change = { key, value, createRevision, version, expiresAtMs, leaseId, cause };
    // Whoever looks later sees only that the row is gone, and not whether it had run out before.
    const takesOver = version === 1n && this.#liveOf(replaces) !== undefined;
    this.#stage(text, { change: takesOver ? { ...change, takesOver } : change, replaces });
    return version;
  }

  /** The key is gone. It must be live. */
  delete(current: Current, cause: ChangeCause): void {
    const text = binaryText(current.key);
    const staged = this.#changes.get(text);
    const replaces = staged === undefined ? this.#view.find(current.key) : staged.replaces;
    this.#bind(current.leaseId, undefined);
    if (replaces === undefined) {
      // Made and taken away by the same request: nobody will ever have seen it.
      this.#changes.delete(text);
      return;
    }
    this.#stage(text, { change: removal(current, cause), replaces });
  }

  /** A lease's keys end in one commit, so there is a bound; throws "limit-exceeded" above it. */
  #bind(before: LeaseId | undefined, after: LeaseId | undefined): void {
    if (before === after) return;
    if (before !== undefined) this.#bound.set(before, (this.#bound.get(before) ?? 0) - 1);
    if (after === undefined) return;
    const bound = (this.#bound.get(after) ?? 0) + 1;
    if (this.#view.leaseKeyCount(after) + bound > leaseKeysMax) throw tooManyLeaseKeys();
    this.#bound.set(after, bound);
  }

  #stage(text: string, staged: StagedChange): void {
    if (this.#changes.size >= changesPerRequestMax && !this.#changes.has(text)) throw tooManyKeys();
    this.#changes.set(text, staged);
  }

  #liveOf(facts: KvFacts | undefined): Current | undefined {
    if (facts === undefined || !isLive(facts, this.nowMs)) return undefined;
    const { key, createRevision, modRevision, version, expiresAtMs, leaseId } = facts;
    const entry = (): Entry => this.#view.entry(facts);
    return { key, createRevision, modRevision, version, expiresAtMs, leaseId, entry };
  }

  #currentOfChange(change: Change): Current | undefined {
    const value = change.value;
    if (value === null) return undefined;
    const { key, createRevision, version, expiresAtMs, leaseId } = change;
    // Written with a moment that has passed: absent at once, for this request too.
    if (expiresAtMs !== undefined && expiresAtMs <= this.nowMs) return undefined;
    const modRevision = this.#revision;
    const entry = (): Entry => {
      return { key, value, createRevision, modRevision, version, expiresAtMs, leaseId };
    };
    return { key, createRevision, modRevision, version, expiresAtMs, leaseId, entry };
  }
}

function removal(
  { key, createRevision }: { readonly key: Key; readonly createRevision: Revision },
  cause: ChangeCause,
): Change {
  const nothing = { expiresAtMs: undefined, leaseId: undefined } as const;
  return { key, value: null, createRevision, version: 0n, ...nothing, cause };
}

function within(key: Uint8Array, range: KeyRange): boolean {
  return (
    compareBytes(key, range.start) >= 0 &&
    (range.end === undefined || compareBytes(key, range.end) < 0)
  );
}

function tooManyLeaseKeys(): EngineError {
  return new EngineError("limit-exceeded", `a lease holds at most ${leaseKeysMax} keys`, {
    hint: "grant another lease for the other keys",
    facts: { limit: "lease_keys", max: `${leaseKeysMax}` },
  });
}

function tooManyKeys(): EngineError {
  return new EngineError(
    "limit-exceeded",
    `one request may touch at most ${changesPerRequestMax} keys`,
    {
      hint: "narrow the range and repeat the request",
      facts: { limit: "changes_per_request", max: `${changesPerRequestMax}` },
    },
  );
}
