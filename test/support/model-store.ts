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
import { canonical } from "./canonical.js";
import { Attempt, ModelRefusal, type Rows } from "./model-attempt.js";

export type ModelOutcome =
  | { readonly kind: "ok"; readonly revision: bigint; readonly value: TxnResult }
  | { readonly kind: "refused"; readonly reason: EngineErrorKind };

export interface ModelPage {
  readonly entries: readonly Entry[];
  readonly count: number;
}

interface Answered {
  readonly body: string;
  readonly atMs: number;
  readonly revision: bigint;
  readonly value: TxnResult;
}

interface Space {
  head: bigint;
  rows: Rows;
  leases: ReadonlyMap<LeaseId, Lease>;
  readonly answers: Map<string, Answered>;
  /** The rows as each revision left them. */
  readonly past: Map<bigint, Rows>;
}

export class ModelStore {
  readonly #spaces = new Map<Namespace, Space>();
  /** Heads of deleted namespaces: what is made under the name later goes on above. */
  readonly #buried = new Map<Namespace, bigint>();
  readonly #autoCreate: boolean;

  constructor(options: { readonly namespaceAutoCreate: boolean } = { namespaceAutoCreate: true }) {
    this.#autoCreate = options.namespaceAutoCreate;
  }

  createNamespace(name: Namespace): "done" | "exists" {
    if (this.#spaces.has(name)) return "exists";
    this.#spaces.set(name, this.#fresh(name));
    return "done";
  }

  deleteNamespace(name: Namespace): "done" | "missing" {
    const space = this.#spaces.get(name);
    if (space === undefined) return "missing";
    this.#buried.set(name, space.head);
    this.#spaces.delete(name);
    return "done";
  }

  get namespaces(): readonly Namespace[] {
    return [...this.#spaces.keys()].sort();
  }

  head(namespace: Namespace): bigint {
    return this.#spaces.get(namespace)?.head ?? 0n;
  }

  commit(request: TxnRequest, nowMs: number): ModelOutcome {
    const known = this.#spaces.get(request.namespace);
    if (known === undefined && !this.#autoCreate) return refused("namespace-missing");
    const space = known ?? this.#fresh(request.namespace);
    const body = canonical(request.body);
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
    if (!attempt.changedRows && !attempt.changedLeases) {
      return { kind: "ok", revision: space.head, value };
    }
    if (attempt.changedRows) space.past.set(++space.head, attempt.rows);
    space.rows = attempt.rows;
    space.leases = attempt.leases;
    this.#spaces.set(request.namespace, space);
    const revision = space.head;
    if (request.requestId !== undefined) {
      space.answers.set(request.requestId, { body, atMs: nowMs, revision, value });
    }
    return { kind: "ok", revision, value };
  }

  /**
   * What has run out by now is gone from every namespace. How many revisions that took depends on
   * when the engine came by, so its heads are taken over, within what they can be.
   */
  expire(nowMs: number, headOf: (namespace: Namespace) => bigint): void {
    for (const [name, space] of this.#spaces) {
      const attempt = new Attempt(space, nowMs);
      const gone = attempt.expireAll();
      const head = headOf(name);
      const grown = Number(head - space.head);
      const possible = grown >= Math.min(gone, 1) && grown <= gone;
      assert.ok(possible, `${String(gone)} keys of ${name} ran out in ${String(grown)} revisions`);
      space.rows = attempt.rows;
      space.leases = attempt.leases;
      space.head = head;
    }
  }

  get(namespace: Namespace, key: Key, nowMs: number): Entry | undefined {
    const space = this.#spaces.get(namespace);
    return space === undefined ? undefined : new Attempt(space, nowMs).find(key);
  }

  /** As the log said then: what has run out since is still there. */
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

  /** The live entries of a range in key order, from `after` on, and how many the range holds. */
  page(
    namespace: Namespace,
    read: {
      readonly range: KeyRange;
      readonly reverse: boolean;
      readonly after: Uint8Array | undefined;
    },
    nowMs: number,
  ): ModelPage {
    const space = this.#spaces.get(namespace);
    if (space === undefined) return { entries: [], count: 0 };
    const all = new Attempt(space, nowMs).range(read.range);
    if (read.reverse) all.reverse();
    const { after, reverse } = read;
    const entries = all.filter(({ key }) => {
      if (after === undefined) return true;
      return reverse ? compareBytes(key, after) < 0 : compareBytes(key, after) > 0;
    });
    return { entries, count: all.length };
  }

  #fresh(name: Namespace): Space {
    const head = this.#buried.get(name) ?? 0n;
    return { head, rows: new Map(), leases: new Map(), answers: new Map(), past: new Map() };
  }

  #answered(space: Space, request: TxnRequest, nowMs: number): Answered | undefined {
    const found =
      request.requestId === undefined ? undefined : space.answers.get(request.requestId);
    return found === undefined || found.atMs < nowMs - ledgerWindowMs ? undefined : found;
  }
}

function refused(reason: EngineErrorKind): ModelOutcome {
  return { kind: "refused", reason };
}
