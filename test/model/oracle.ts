/**
 * What the model answers to a call, in the words of the domain. A call that changes something has
 * changed the model when its answer is known, so each call is put to it once, in the order of the
 * store; only a request with an id may come again.
 */
import type { EngineErrorKind } from "../../src/storage/errors.js";
import type { LeaseLeft } from "../../src/storage/leases.js";
import type { Entry, Key, Lease, Namespace, TxnResult } from "../../src/storage/model.js";
import type { NamespaceSettings } from "../../src/storage/namespaces.js";
import { type Logged, ModelRefusal } from "../support/model-attempt.js";
import { type ModelNamespace, ModelStore } from "../support/model-store.js";
import {
  type BulkCall,
  type Call,
  isMutation,
  type LeaseRead,
  type ListCall,
  type Mutation,
  type NamespaceCall,
  type PipelineEntry,
  type PointCall,
  type ScanCall,
  type SettingPath,
  type WatchCall,
} from "./calls.js";

export interface ModelBatch {
  readonly revision: bigint;
  readonly changes: readonly Logged[];
}

/** With a namespace: the answer has a header, and this revision is in it. */
export type Truth =
  | { readonly kind: "refused"; readonly reason: EngineErrorKind }
  | {
      readonly kind: "committed";
      readonly namespace: Namespace;
      readonly revision: bigint;
      readonly value: TxnResult;
    }
  | {
      readonly kind: "points";
      readonly namespace: Namespace;
      readonly revision: bigint;
      readonly entries: readonly (Entry | undefined)[];
    }
  | {
      readonly kind: "page";
      readonly namespace: Namespace;
      readonly revision: bigint;
      readonly entries: readonly Entry[];
      readonly more: boolean;
      readonly count: number;
    }
  | { readonly kind: "pipeline"; readonly answers: readonly (readonly Truth[])[] }
  /** One per chunk; a refusal ends it. */
  | { readonly kind: "chunks"; readonly answers: readonly Truth[] }
  | { readonly kind: "watched"; readonly batches: readonly ModelBatch[] }
  | { readonly kind: "trimmed"; readonly oldest: bigint }
  | {
      readonly kind: "lease";
      readonly namespace: Namespace;
      readonly revision: bigint;
      readonly lease: Lease;
      readonly remainingMs: number;
      readonly keys: readonly Key[];
      readonly keyCount: number;
    }
  | {
      readonly kind: "leases";
      readonly namespace: Namespace;
      readonly revision: bigint;
      readonly leases: readonly LeaseLeft[];
    }
  | { readonly kind: "namespaces"; readonly namespaces: readonly ModelNamespace[] }
  | { readonly kind: "deleted"; readonly keys: number }
  | { readonly kind: "compacted"; readonly oldest: bigint }
  | { readonly kind: "level"; readonly previous: string; readonly level: string }
  | { readonly kind: "heads"; readonly heads: readonly (readonly [Namespace, bigint])[] }
  /** Whatever is answered must be in order in itself. */
  | { readonly kind: "sound" };

/** What only the answer tells: what the server chose, within what it may choose. */
export interface Hints {
  readonly leaseId?: Lease["leaseId"] | undefined;
  readonly oldest?: bigint | undefined;
}

export class Oracle {
  readonly model: ModelStore;
  /** The state that a restart forgets. */
  #drained = false;
  #level = "info";

  constructor(model: ModelStore = new ModelStore()) {
    this.model = model;
  }

  restarted(): void {
    this.#drained = false;
    this.#level = "info";
  }

  answer(call: Call, nowMs: number, hints: Hints = {}): Truth {
    try {
      return this.#answer(call, nowMs, hints);
    } catch (error) {
      if (error instanceof ModelRefusal) return { kind: "refused", reason: error.reason };
      throw error;
    }
  }

  #answer(call: Call, nowMs: number, hints: Hints): Truth {
    const isOfStore = "namespace" in call || call.rpc === "Pipeline";
    if (this.#drained && isOfStore) throw new ModelRefusal("draining");
    if (isMutation(call)) return this.#mutate(call, nowMs, hints);
    switch (call.rpc) {
      case "Get":
      case "BatchGet":
        return this.#points(call, nowMs);
      case "List":
      case "Scan":
        return this.#range(call, nowMs);
      case "Pipeline": {
        const one = (entry: PipelineEntry): Truth => this.answer(entry, nowMs);
        return { kind: "pipeline", answers: call.entries.map((list) => list.map(one)) };
      }
      case "BulkLoad":
        return this.#load(call, nowMs);
      case "Watch":
        return this.#watch(call);
      case "GetLease":
      case "ListLeases":
        return this.#leases(call, nowMs);
      case "CreateNamespace":
      case "UpdateNamespace":
      case "GetNamespace":
      case "DeleteNamespace":
      case "Compact":
        return this.#administer(call, nowMs, hints);
      case "ListNamespaces": {
        const all = this.model.namespaces.map((name) => this.model.namespace(name));
        return { kind: "namespaces", namespaces: all };
      }
      case "GetStatus": {
        const heads = this.model.namespaces.map((name) => [name, this.model.head(name)] as const);
        return { kind: "heads", heads };
      }
      case "SetLogLevel": {
        const previous = this.#level;
        this.#level = call.level;
        return { kind: "level", previous, level: call.level };
      }
      case "Drain":
      case "Resume":
        this.#drained = call.rpc === "Drain";
        return { kind: "sound" };
      case "GetPragmaStatus":
      case "GetWalStatus":
      case "GetIntegrityReport":
      case "Checkpoint":
      case "CheckIntegrity":
      case "Vacuum":
      case "WatchEvents":
      case "Malformed":
        return { kind: "sound" };
    }
  }

  #mutate(call: Mutation, nowMs: number, hints: Hints): Truth {
    const { namespace, requestId } = call;
    const body = hints.leaseId === undefined ? call.body : withLeaseId(call, hints.leaseId);
    const request = { namespace, principal: undefined, requestId, body };
    const outcome = this.model.commit(request, nowMs);
    if (outcome.kind === "refused") return outcome;
    return { kind: "committed", namespace, revision: outcome.revision, value: outcome.value };
  }

  #points({ namespace, keys, at, keysOnly }: PointCall, nowMs: number): Truth {
    this.model.assertReadable(namespace, at);
    const head = this.model.head(namespace);
    const found = keys.map((key) => {
      if (at === undefined || at === head) return this.model.get(namespace, key, nowMs);
      return this.model.getAt(namespace, key, at);
    });
    const entries = found.map((entry) => entry && shown(entry, keysOnly));
    return { kind: "points", namespace, revision: head, entries };
  }

  #range(call: ListCall | ScanCall, nowMs: number): Truth {
    const { namespace, range, reverse, keysOnly } = call;
    const at = this.#revisionOf(call);
    this.model.assertReadable(namespace, at);
    const from = call.rpc === "List" ? call.from : undefined;
    const found = this.model.page(namespace, { range, reverse, after: from?.after, at }, nowMs);
    const rowsMax = call.rpc === "List" ? call.pageSize : Infinity;
    const isCount = call.rpc === "List" && call.countOnly;
    const entries = isCount ? [] : found.entries.slice(0, rowsMax);
    return {
      kind: "page",
      namespace,
      revision: this.model.head(namespace),
      entries: entries.map((entry) => shown(entry, keysOnly)),
      more: !isCount && found.entries.length > rowsMax,
      count: isCount ? found.count : entries.length,
    };
  }

  /** Later pages read the revision of the first one where history is kept. */
  #revisionOf(call: ListCall | ScanCall): bigint | undefined {
    const from = call.rpc === "List" ? call.from : undefined;
    if (call.at !== undefined || from === undefined || from.revision === 0n) return call.at;
    const head = this.model.head(call.namespace);
    const keeps = this.model.readableSince(call.namespace) !== undefined || from.revision >= head;
    return keeps ? from.revision : undefined;
  }

  #load({ namespace, chunks }: BulkCall, nowMs: number): Truth {
    const answers: Truth[] = [];
    for (const { requestId, puts } of chunks) {
      const body = { compares: [], success: puts, failure: [] };
      const mutation: Mutation = {
        rpc: "BatchWrite",
        namespace,
        requestId,
        condition: undefined,
        body,
      };
      const answer = this.answer(mutation, nowMs);
      answers.push(answer);
      if (answer.kind === "refused") break;
    }
    return { kind: "chunks", answers };
  }

  #watch(call: WatchCall): Truth {
    const { namespace } = call;
    if (call.store === "another") throw new ModelRefusal("history-changed");
    this.model.assertReadable(namespace, undefined);
    if (call.previous && this.model.readableSince(namespace) === undefined)
      throw new ModelRefusal("history-off");
    try {
      const batches = wanted(call, this.model.logFrom(namespace, call.from));
      if (call.previous) this.#assertPreviousKept(namespace, batches);
      return { kind: "watched", batches };
    } catch (error) {
      const isTrimmed = error instanceof ModelRefusal && error.reason === "revision-compacted";
      const { oldest } = isTrimmed ? this.model.namespace(namespace) : { oldest: 0n };
      if (call.from >= oldest) throw error;
      return { kind: "trimmed", oldest };
    }
  }

  /** Some of the log may be there whose replaced versions are forgotten already. */
  #assertPreviousKept(namespace: Namespace, batches: readonly ModelBatch[]): void {
    const since = this.model.readableSince(namespace) ?? 0n;
    const needed = batches.some(({ revision, changes }) => {
      return revision < since && changes.some(({ previous }) => previous !== undefined);
    });
    if (needed) throw new ModelRefusal("revision-compacted");
  }

  #leases(call: LeaseRead, nowMs: number): Truth {
    const { namespace } = call;
    this.model.assertReadable(namespace, undefined);
    const revision = this.model.head(namespace);
    const leases = this.model.leases(namespace, nowMs);
    if (call.rpc === "ListLeases") {
      const left = leases.map((lease) => ({ lease, remainingMs: lease.deadlineMs - nowMs }));
      return { kind: "leases", namespace, revision, leases: left };
    }
    const lease = leases.find(({ leaseId }) => leaseId === call.leaseId);
    if (lease === undefined) throw new ModelRefusal("lease-not-found");
    const keys = this.model.keysOfLease(namespace, call.leaseId);
    return {
      kind: "lease",
      namespace,
      revision,
      lease,
      remainingMs: lease.deadlineMs - nowMs,
      keys: call.keys ? keys : [],
      keyCount: keys.length,
    };
  }

  #administer(call: NamespaceCall, nowMs: number, hints: Hints): Truth {
    const { namespace } = call;
    switch (call.rpc) {
      case "CreateNamespace":
        this.model.createNamespace(namespace, call.settings, nowMs);
        break;
      case "UpdateNamespace":
        this.model.updateNamespace(namespace, maskedSettings(call.settings, call.mask));
        break;
      case "DeleteNamespace":
        return { kind: "deleted", keys: this.model.deleteNamespace(namespace) };
      case "Compact": {
        const before = this.model.namespace(namespace).oldest;
        this.model.compact(namespace, call.upTo, hints.oldest ?? before);
        return { kind: "compacted", oldest: this.model.namespace(namespace).oldest };
      }
      case "GetNamespace":
        break;
    }
    return { kind: "namespaces", namespaces: [this.model.namespace(namespace)] };
  }
}

export function shown(entry: Entry, keysOnly: boolean): Entry {
  return keysOnly ? { ...entry, value: new Uint8Array(0) } : entry;
}

/** What the settings are set to: undefined is the default. */
export function maskedSettings(
  settings: Partial<NamespaceSettings>,
  mask: readonly SettingPath[],
): Partial<NamespaceSettings> {
  if (mask.length === 0) return settings;
  return Object.assign({}, ...mask.map((path) => settingAt(settings, path))) as typeof settings;
}

function settingAt(given: Partial<NamespaceSettings>, path: SettingPath): object {
  const { quotaBytes, quotaKeys, historyReads = false, blockReads = false } = given;
  const { blockWrites = false, blockReason = "" } = given;
  const found = {
    quota_bytes: { quotaBytes },
    quota_keys: { quotaKeys },
    history_reads: { historyReads },
    block_reads: { blockReads },
    block_writes: { blockWrites },
    block_reason: { blockReason },
  };
  return found[path];
}

/** The revisions that have something for the watcher. */
function wanted(call: WatchCall, log: readonly ModelBatch[]): ModelBatch[] {
  const { start, end } = call.range;
  return log.flatMap(({ revision, changes }) => {
    const matching = changes.filter(({ key, entry }) => {
      const inside =
        Buffer.compare(key, start) >= 0 && (end === undefined || Buffer.compare(key, end) < 0);
      return inside && (entry === undefined ? call.deletions : call.puts);
    });
    const given = matching.map((change) => ({
      ...change,
      entry: change.entry && shown(change.entry, call.keysOnly),
      previous: call.previous
        ? change.previous && shown(change.previous, call.keysOnly)
        : undefined,
    }));
    return given.length === 0 ? [] : [{ revision, changes: given }];
  });
}

function withLeaseId(call: Mutation, leaseId: Lease["leaseId"]): Mutation["body"] {
  const success = call.body.success.map((operation) => {
    return operation.kind === "lease-grant" ? { ...operation, leaseId } : operation;
  });
  return { ...call.body, success };
}
