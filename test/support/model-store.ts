/**
 * The store as its contract has it, in maps: no files, no threads, no groups, one request after the
 * other. It is slow and plain on purpose; whatever it answers, the engine must answer too.
 */
import assert from "node:assert/strict";
import { binaryText, compareBytes } from "../../src/foundation/bytes.js";
import type { EngineErrorKind } from "../../src/storage/errors.js";
import { ledgerWindowMs } from "../../src/storage/limits.js";
import type {
  Entry,
  Key,
  KeyRange,
  Lease,
  LeaseId,
  Namespace,
  TxnRequest,
  TxnResult,
} from "../../src/storage/model.js";
import { defaultNamespaceSettings, type NamespaceSettings } from "../../src/storage/namespaces.js";
import type { Outcome } from "../../src/storage/storage-engine.js";
import { canonical } from "./canonical.js";
import { isKeptOut } from "./kept-out.js";
import { Attempt, type Logged, ModelRefusal, type Rows } from "./model-attempt.js";

export type ModelOutcome =
  | { readonly kind: "ok"; readonly revision: bigint; readonly value: TxnResult }
  | { readonly kind: "refused"; readonly reason: EngineErrorKind };

export interface ModelPage {
  readonly entries: readonly Entry[];
  readonly count: number;
}

/** What is known of a namespace; how many bytes its log has is not. */
export interface ModelNamespace {
  readonly name: Namespace;
  readonly createdAtMs: number;
  readonly keys: number;
  readonly liveBytes: number;
  readonly head: bigint;
  readonly oldest: bigint;
  readonly settings: NamespaceSettings;
}

interface Answered {
  readonly body: string;
  readonly atMs: number;
  readonly revision: bigint;
  readonly value: TxnResult;
}

interface Space {
  readonly createdAtMs: number;
  head: bigint;
  rows: Rows;
  leases: ReadonlyMap<LeaseId, Lease>;
  settings: NamespaceSettings;
  /** The first revision in the log. */
  oldest: bigint;
  /** The first revision that can be read; undefined = only the present one. */
  since: bigint | undefined;
  readonly answers: Map<string, Answered>;
  /** The rows as each revision left them, while history is kept. */
  past: Map<bigint, Rows>;
  readonly log: Map<bigint, readonly Logged[]>;
}

export interface ModelOptions {
  readonly namespaceAutoCreate: boolean;
  /** False: whether a read is let in is somebody else's to say. Undefined = true. */
  readonly blocksReads?: boolean;
}

export class ModelStore {
  readonly #spaces = new Map<Namespace, Space>();
  /** Heads of deleted namespaces: what is made under the name later goes on above. */
  readonly #buried = new Map<Namespace, bigint>();
  readonly #options: ModelOptions;

  constructor(options: ModelOptions = { namespaceAutoCreate: true }) {
    this.#options = options;
  }

  /** A store with this namespace alone, as it is now, whatever is committed here later. */
  frozen(name: Namespace): ModelStore {
    const copy = new ModelStore(this.#options);
    const space = this.#spaces.get(name);
    if (space !== undefined) copy.#spaces.set(name, { ...space });
    return copy;
  }

  createNamespace(name: Namespace, settings: Partial<NamespaceSettings>, nowMs: number): void {
    if (this.#spaces.has(name)) throw new ModelRefusal("namespace-exists");
    const space = this.#fresh(name, nowMs);
    this.#spaces.set(name, space);
    this.#set(space, settings);
  }

  updateNamespace(name: Namespace, settings: Partial<NamespaceSettings>): void {
    this.#set(this.#existing(name), settings);
  }

  /** Returns how many keys went with it. */
  deleteNamespace(name: Namespace): number {
    const space = this.#existing(name);
    this.#buried.set(name, space.head + 1n);
    this.#spaces.delete(name);
    return space.rows.size;
  }

  get namespaces(): readonly Namespace[] {
    return [...this.#spaces.keys()].sort();
  }

  namespace(name: Namespace): ModelNamespace {
    const { createdAtMs, rows, head, oldest, settings } = this.#existing(name);
    return { name, createdAtMs, keys: rows.size, liveBytes: bytesOf(rows), head, oldest, settings };
  }

  head(namespace: Namespace): bigint {
    return this.#spaces.get(namespace)?.head ?? 0n;
  }

  commit(request: TxnRequest, nowMs: number): ModelOutcome {
    const known = this.#spaces.get(request.namespace);
    if (known === undefined && !this.#options.namespaceAutoCreate) {
      return refused("namespace-missing");
    }
    const space = known ?? this.#fresh(request.namespace, nowMs);
    if (isKeptOut(request.body, space.settings)) return refused("namespace-blocked");
    const body = request.requestId === undefined ? "" : canonical(request.body);
    const before = this.#answered(space, request, nowMs);
    if (before !== undefined && before.body !== body) return refused("request-id-reused");
    if (before !== undefined) {
      return { kind: "ok", revision: before.revision, value: { ...before.value, replayed: true } };
    }
    const attempt = new Attempt(space, nowMs);
    let value: TxnResult;
    try {
      value = attempt.evaluate(request.body);
    } catch (error) {
      if (error instanceof ModelRefusal) return refused(error.reason);
      throw error;
    }
    const { changes } = attempt;
    const { requestId } = request;
    const remember = (revision: bigint): void => {
      if (requestId !== undefined) {
        space.answers.set(requestId, { body, atMs: nowMs, revision, value });
      }
    };
    if (changes.length === 0 && !attempt.changedLeases) {
      // A condition that did not hold leaves its id free, and what is not there remembers nothing.
      if (known !== undefined && value.succeeded) remember(space.head);
      return { kind: "ok", revision: space.head, value };
    }
    if (!isWithinQuota(space, attempt.rows)) return refused("quota");
    this.#spaces.set(request.namespace, space);
    if (changes.length > 0) this.#advance(space, attempt.rows, changes);
    space.leases = attempt.leases;
    remember(space.head);
    return { kind: "ok", revision: space.head, value };
  }

  /** What has run out by now and is still there. */
  due(namespace: Namespace, nowMs: number): readonly Logged[] {
    const space = this.#spaces.get(namespace);
    if (space === undefined) return [];
    const attempt = new Attempt(space, nowMs);
    attempt.expireAll();
    return attempt.changes;
  }

  /**
   * What has run out by now is gone. Which revisions took it away depends on when the engine came
   * by, so they are taken over from its log, if they are what they can be: each key once, for its own
   * reason, and all keys of a lease together.
   */
  expire(namespace: Namespace, nowMs: number, revisions: readonly (readonly Key[])[]): void {
    const space = this.#existing(namespace);
    const attempt = new Attempt(space, nowMs);
    attempt.expireAll();
    const due = new Map(attempt.changes.map((change) => [binaryText(change.key), change]));
    for (const keys of revisions) {
      const changes = keys.map((key) => {
        const change = due.get(binaryText(key));
        assert.ok(change !== undefined, `${canonical(key)} was taken away without being due`);
        due.delete(binaryText(key));
        return change;
      });
      const [lease, ...others] = new Set(keys.map((key) => leaseOf(space.rows, key)));
      const left = [...due.values()].some(({ key }) => leaseOf(space.rows, key) === lease);
      const whole = others.length === 0 && (lease === undefined || !left);
      assert.ok(keys.length > 0 && whole, "a lease ends alone, and with all its keys");
      const rows = new Map(space.rows);
      for (const key of keys) rows.delete(binaryText(key));
      this.#advance(space, rows, changes);
    }
    assert.equal(
      due.size,
      0,
      `${String(due.size)} keys of ${namespace} have run out and are there`,
    );
    space.leases = attempt.leases;
  }

  get(namespace: Namespace, key: Key, nowMs: number): Entry | undefined {
    const space = this.#spaces.get(namespace);
    return space === undefined ? undefined : new Attempt(space, nowMs).find(key);
  }

  /** Throws the refusal of reads in this namespace, or at this revision. */
  assertReadable(namespace: Namespace, at: bigint | undefined): void {
    const space = this.#spaces.get(namespace);
    this.#assertNotBlocked(space);
    const head = space?.head ?? 0n;
    if (at === undefined || at === head) return;
    if (at > head) throw new ModelRefusal("revision-in-future");
    if (space?.since === undefined) throw new ModelRefusal("history-off");
    if (at < space.since) throw new ModelRefusal("revision-compacted");
  }

  /** The rows of a past revision, as the log said then: what has run out since is still there. */
  getAt(namespace: Namespace, key: Key, revision: bigint): Entry | undefined {
    return this.#spaces.get(namespace)?.past.get(revision)?.get(binaryText(key));
  }

  /** Live leases in the order of their ids. */
  leases(namespace: Namespace, nowMs: number): readonly Lease[] {
    const all = [...(this.#spaces.get(namespace)?.leases.values() ?? [])];
    return all
      .filter(({ deadlineMs }) => deadlineMs > nowMs)
      .sort((a, b) => (a.leaseId < b.leaseId ? -1 : 1));
  }

  /** The keys that are bound to a lease, in order. */
  keysOfLease(namespace: Namespace, leaseId: LeaseId): readonly Key[] {
    const rows = [...(this.#spaces.get(namespace)?.rows.values() ?? [])];
    const bound = rows.filter((row) => row.leaseId === leaseId);
    return bound.map(({ key }) => key).sort(compareBytes);
  }

  /** The live entries of a range in key order, from `after` on, and how many the range holds. */
  page(
    namespace: Namespace,
    read: {
      readonly range: KeyRange;
      readonly reverse: boolean;
      readonly after: Uint8Array | undefined;
      readonly at?: bigint | undefined;
    },
    nowMs: number,
  ): ModelPage {
    const space = this.#spaces.get(namespace);
    if (space === undefined) return { entries: [], count: 0 };
    const { after, reverse, at } = read;
    const past = at === undefined || at === space.head ? undefined : space.past.get(at);
    const found = past === undefined ? space : { ...space, rows: past, leases: new Map() };
    const all = new Attempt(found, past === undefined ? nowMs : -Infinity).range(read.range);
    if (reverse) all.reverse();
    const entries = all.filter(({ key }) => {
      if (after === undefined) return true;
      return reverse ? compareBytes(key, after) < 0 : compareBytes(key, after) > 0;
    });
    return { entries, count: all.length };
  }

  /** Every revision of the log from this one on. Throws the refusal of a watch. */
  logFrom(
    namespace: Namespace,
    from: bigint,
  ): readonly { readonly revision: bigint; readonly changes: readonly Logged[] }[] {
    const space = this.#spaces.get(namespace);
    this.#assertNotBlocked(space);
    const head = space?.head ?? 0n;
    if (from > head + 1n) throw new ModelRefusal("revision-in-future");
    if (space !== undefined && from < space.oldest) throw new ModelRefusal("revision-compacted");
    const found = [];
    for (let revision = from; revision <= head; revision++) {
      found.push({ revision, changes: space?.log.get(revision) ?? [] });
    }
    return found;
  }

  /** The first revision that can be read; undefined = only the present one. */
  readableSince(namespace: Namespace): bigint | undefined {
    return this.#spaces.get(namespace)?.since;
  }

  /** The oldest revision that is read or watched after a compaction up to here, if it is exact. */
  compact(namespace: Namespace, upTo: bigint, oldest: bigint): void {
    const space = this.#existing(namespace);
    if (upTo > space.head) throw new ModelRefusal("revision-in-future");
    // Revisions that were committed together leave the log together, so some more may stay.
    const possible = oldest >= space.oldest && oldest <= maximum(space.oldest, upTo + 1n);
    assert.ok(possible, `compacted up to ${String(upTo)}, and ${String(oldest)} is the oldest`);
    space.oldest = oldest;
    if (space.since !== undefined) space.since = maximum(space.since, upTo + 1n);
  }

  #set(space: Space, settings: Partial<NamespaceSettings>): void {
    const keeps = settings.historyReads ?? space.settings.historyReads;
    if (keeps && space.since === undefined) {
      space.since = space.head;
      space.past.set(space.head, space.rows);
    }
    if (!keeps) {
      space.since = undefined;
      // Whoever has a frozen copy goes on reading it.
      space.past = new Map();
    }
    space.settings = { ...space.settings, ...settings };
  }

  #assertNotBlocked(space: Space | undefined): void {
    const isBlocked = this.#options.blocksReads !== false && space?.settings.blockReads === true;
    if (isBlocked) throw new ModelRefusal("namespace-blocked");
  }

  #advance(space: Space, rows: Rows, changes: readonly Logged[]): void {
    space.head++;
    space.rows = rows;
    space.log.set(space.head, changes);
    if (space.since !== undefined) space.past.set(space.head, rows);
  }

  #existing(name: Namespace): Space {
    const space = this.#spaces.get(name);
    if (space === undefined) throw new ModelRefusal("namespace-missing");
    return space;
  }

  #fresh(name: Namespace, nowMs: number): Space {
    const head = this.#buried.get(name) ?? 0n;
    return {
      createdAtMs: nowMs,
      head,
      rows: new Map(),
      leases: new Map(),
      settings: defaultNamespaceSettings,
      oldest: head + 1n,
      since: undefined,
      answers: new Map(),
      past: new Map(),
      log: new Map(),
    };
  }

  #answered(space: Space, request: TxnRequest, nowMs: number): Answered | undefined {
    const found =
      request.requestId === undefined ? undefined : space.answers.get(request.requestId);
    return found === undefined || found.atMs < nowMs - ledgerWindowMs ? undefined : found;
  }
}

/** What makes a namespace smaller is always allowed. */
function isWithinQuota({ settings, rows }: Space, next: Rows): boolean {
  const fits = (max: number | undefined, before: number, after: number): boolean =>
    max === undefined || max === 0 || after <= max || after <= before;
  return (
    fits(settings.quotaKeys, rows.size, next.size) &&
    fits(settings.quotaBytes, bytesOf(rows), bytesOf(next))
  );
}

function bytesOf(rows: Rows): number {
  return [...rows.values()].reduce((sum, { key, value }) => sum + key.length + value.length, 0);
}

function leaseOf(rows: Rows, key: Key): LeaseId | undefined {
  return rows.get(binaryText(key))?.leaseId;
}

function maximum(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function refused(reason: EngineErrorKind): ModelOutcome {
  return { kind: "refused", reason };
}

/** An outcome in the words of the model. */
export function inModelWords(
  outcome: Outcome<TxnResult> | undefined,
): ModelOutcome | Outcome<TxnResult> | undefined {
  if (outcome?.kind === "ok") {
    return { kind: "ok", revision: outcome.header.revision, value: outcome.value };
  }
  if (outcome?.kind === "refused") return { kind: "refused", reason: outcome.refusal.kind };
  return outcome;
}
