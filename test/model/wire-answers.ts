/** The model's answers as messages. Written from the .proto files, not from the server's encoder. */
import type { EngineErrorKind } from "../../src/storage/errors.js";
import type {
  Entry,
  Lease,
  Namespace,
  Operation,
  OperationResult,
  TxnBody,
  TxnResult,
} from "../../src/storage/model.js";
import type { Duration } from "../../src/wire/google/protobuf/duration.js";
import type { Timestamp } from "../../src/wire/google/protobuf/timestamp.js";
import * as wire from "../../src/wire/kvdb/v1/kv.js";
import type { Lease as WireLease } from "../../src/wire/kvdb/v1/lease.js";
import type { NamespaceInfo } from "../../src/wire/kvdb/v1/namespace.js";
import type { KeyValue, ResponseHeader } from "../../src/wire/kvdb/v1/types.js";
import type { ModelNamespace } from "../support/model-store.js";
import type { BulkCall, Call, Condition, Mutation, PipelineEntry } from "./calls.js";
import type { Truth } from "./oracle.js";
import { About } from "./same.js";
import { durationOf, only, timeOf } from "./wire-requests.js";

/** Who answers: the same in every header between two restarts. */
export interface Identity {
  readonly epoch: bigint;
  readonly nodeId: string;
  readonly storeId: string;
}

/** A status with its details, as far as clients decide by them. */
export interface WireRefusal {
  readonly code: number;
  readonly reason: string;
  /** Those facts that the model knows. */
  readonly facts?: Readonly<Record<string, string>>;
}

const [INVALID, NOT_FOUND, EXISTS, EXHAUSTED, PRECONDITION, ABORTED, RANGE, UNAVAILABLE] = [
  3, 5, 6, 8, 9, 10, 11, 14,
] as const;

/** As the contract's table of errors has it. */
const refusals: Partial<Record<EngineErrorKind, WireRefusal>> = {
  draining: { code: UNAVAILABLE, reason: "DRAINING" },
  "history-changed": { code: ABORTED, reason: "HISTORY_CHANGED" },
  "history-off": { code: PRECONDITION, reason: "HISTORY_OFF" },
  "key-exists": { code: EXISTS, reason: "KEY_EXISTS" },
  "key-not-found": { code: NOT_FOUND, reason: "KEY_NOT_FOUND" },
  "lease-exists": { code: EXISTS, reason: "LEASE_EXISTS" },
  "lease-not-found": { code: NOT_FOUND, reason: "LEASE_NOT_FOUND" },
  "namespace-blocked": { code: PRECONDITION, reason: "NAMESPACE_BLOCKED" },
  "namespace-exists": { code: EXISTS, reason: "NAMESPACE_EXISTS" },
  "namespace-missing": { code: NOT_FOUND, reason: "NAMESPACE_NOT_FOUND" },
  "not-a-number": { code: PRECONDITION, reason: "NOT_A_NUMBER" },
  quota: { code: EXHAUSTED, reason: "QUOTA" },
  "request-id-reused": { code: INVALID, reason: "REQUEST_ID_REUSED" },
  "revision-compacted": { code: RANGE, reason: "COMPACTED" },
  "revision-in-future": { code: RANGE, reason: "FUTURE_REVISION" },
};

/** A time that only the server's clock knows is known as well as this: far beyond any slowness. */
const clockToleranceMs = 15 * 60_000;

export class WireAnswers {
  readonly #identity: Identity;
  readonly #ownTime: boolean;

  constructor(identity: Identity, options: { readonly ownTime: boolean }) {
    this.#identity = identity;
    this.#ownTime = options.ownTime;
  }

  header(namespace: Namespace, revision: bigint): ResponseHeader {
    return { namespace, revision, ...this.#identity };
  }

  /** What a call is answered with: a message, a list of them, or a refusal. */
  of(call: Call, truth: Truth): unknown {
    switch (truth.kind) {
      case "refused":
        return refusalOf(truth);
      case "committed":
        return this.#commit(call as Mutation, truth);
      case "points":
        return this.#points(call, truth);
      case "page":
        return this.#page(call, truth);
      case "pipeline": {
        const { entries } = call as Extract<Call, { rpc: "Pipeline" }>;
        return truth.answers.map((answers, at) =>
          answers.map((answer, index) => this.of(entries[at]?.[index] as PipelineEntry, answer)),
        );
      }
      case "chunks":
        return this.#chunks(call as BulkCall, truth.answers);
      case "watched":
        return truth.batches.flatMap(({ revision, changes }) =>
          changes.map((change) => this.#event(revision, change)),
        );
      case "trimmed":
        return { compactedRevision: truth.oldest, ...refusals["revision-compacted"] };
      case "lease": {
        const { namespace, revision, lease, remainingMs, keys, keyCount } = truth;
        const header = this.header(namespace, revision);
        return { header, lease: this.#lease(lease, remainingMs), keys, keyCount };
      }
      case "leases": {
        const leases = truth.leases.map(({ lease, remainingMs }) =>
          this.#lease(lease, remainingMs),
        );
        return { header: this.header(truth.namespace, truth.revision), leases };
      }
      case "namespaces": {
        const infos = truth.namespaces.map((info) => this.#info(info));
        return call.rpc === "ListNamespaces" ? infos : { namespace: infos[0] };
      }
      case "deleted":
        return { deletedCount: truth.keys };
      case "compacted":
        return { oldestRevision: truth.oldest };
      case "level":
        return { previousLevel: truth.previous, level: truth.level };
      case "heads":
        return truth.heads.map(([namespace, revision]) => ({ namespace, revision }));
      case "sound":
        return { sound: true };
    }
  }

  #commit(call: Mutation, truth: Truth & { kind: "committed" }): unknown {
    const { value, namespace, revision } = truth;
    const header = this.header(namespace, revision);
    if (call.condition !== undefined && !value.succeeded) return unmet(call.condition, value);
    const [result] = value.responses;
    switch (call.rpc) {
      case "Txn":
        return { header, ...this.#txn(call.body, value) };
      case "BatchWrite": {
        const responses = value.responses.map((one, at) => {
          return { result: this.#result(call.body.success[at], one) };
        });
        return { header, responses };
      }
      case "Put":
        return { header, previous: this.#optional(of(result, "put").previous) };
      case "Delete": {
        const { count, previous } = of(result, "deleted");
        return { header, deleted: count > 0, previous: this.#optional(previous) };
      }
      case "DeleteRange":
        return { header, deletedCount: of(result, "deleted").count };
      case "Rename":
        return { header, kv: this.#optional(of(result, "renamed").entry) };
      case "Increment":
        return { header, value: of(result, "incremented").value };
      case "RevokeLease":
        return { header, deletedCount: of(result, "expired").count };
      case "GrantLease":
      case "KeepAliveLease": {
        const { lease } = of(result, "lease");
        const shown = lease && this.#lease(lease, lease.ttlMs);
        if (call.rpc === "GrantLease") return { header, lease: shown };
        const { leaseId } = only(call.body.success[0], "lease-keep-alive");
        return { header, leaseId, lease: shown };
      }
    }
  }

  #points(call: Call, truth: Truth & { kind: "points" }): unknown {
    const header = this.header(truth.namespace, truth.revision);
    const kvs = truth.entries.map((entry) => this.#optional(entry));
    return call.rpc === "Get"
      ? { header, kv: kvs[0] }
      : { header, entries: kvs.map((kv) => ({ kv })) };
  }

  /** Where a list goes on is opaque: whether it does is all that is compared. */
  #page(
    call: Call,
    { namespace, revision, entries, more, count }: Truth & { kind: "page" },
  ): unknown {
    const header = this.header(namespace, revision);
    const kvs = entries.map((entry) => this.#entry(entry));
    return call.rpc === "Scan" ? { header, kvs } : { header, kvs, more, count };
  }

  #chunks({ namespace }: BulkCall, answers: readonly Truth[]): readonly unknown[] {
    return answers.map((answer, at) => {
      const chunkId = BigInt(at + 1);
      if (answer.kind === "refused") {
        return { ...refusalOf(answer), facts: { chunk_id: String(chunkId) } };
      }
      const { revision } = answer as Truth & { kind: "committed" };
      return { header: this.header(namespace, revision), chunkId };
    });
  }

  #txn(body: TxnBody, { succeeded, failedCompares, responses }: TxnResult): wire.TxnResult {
    const branch = succeeded ? body.success : body.failure;
    return {
      succeeded,
      failedCompares: [...failedCompares],
      responses: responses.map((one, at) => ({ result: this.#result(branch[at], one) })),
    };
  }

  #result(
    operation: Operation | undefined,
    result: OperationResult,
  ): wire.OperationResult["result"] {
    switch (result.kind) {
      case "got":
        return { $case: "get", value: { kv: this.#optional(result.entry) } };
      case "put":
        return { $case: "put", value: { previous: this.#optional(result.previous) } };
      case "incremented":
        return { $case: "increment", value: { value: result.value } };
      case "txn":
        return { $case: "txn", value: this.#txn(only(operation, "txn").body, result.result) };
      case "deleted": {
        const { count, previous } = result;
        if (only(operation, "delete").span.kind === "range") {
          return { $case: "deleteRange", value: { deletedCount: count } };
        }
        const value = { deleted: count > 0, previous: this.#optional(previous) };
        return { $case: "delete", value };
      }
      case "renamed":
      case "lease":
      case "expired":
        throw new Error(`a transaction of the contract has no ${result.kind}`);
    }
  }

  #event(
    revision: bigint,
    change: (Truth & { kind: "watched" })["batches"][number]["changes"][number],
  ): wire.WatchEvent {
    const { key, entry, cause, previous } = change;
    const prevKv = this.#optional(previous);
    if (entry !== undefined) {
      const [type, reason] = [
        wire.EventType.EVENT_TYPE_PUT,
        wire.DeleteReason.DELETE_REASON_UNSPECIFIED,
      ];
      return { type, reason, kv: this.#entry(entry), prevKv };
    }
    const nothing = { value: new Uint8Array(0), createRevision: 0n, version: 0n, leaseId: 0n };
    const kv = { key, modRevision: revision, expireTime: undefined, ...nothing };
    const reasons = {
      client: wire.DeleteReason.DELETE_REASON_CLIENT,
      expired: wire.DeleteReason.DELETE_REASON_EXPIRED,
      "lease-revoked": wire.DeleteReason.DELETE_REASON_LEASE_REVOKED,
      "lease-expired": wire.DeleteReason.DELETE_REASON_LEASE_EXPIRED,
    } as const;
    return { type: wire.EventType.EVENT_TYPE_DELETE, reason: reasons[cause], kv, prevKv };
  }

  #optional(entry: Entry | undefined): KeyValue | undefined {
    return entry === undefined ? undefined : this.#entry(entry);
  }

  #entry(entry: Entry): KeyValue {
    const { key, value, createRevision, modRevision, version, expiresAtMs, leaseId } = entry;
    const expireTime = expiresAtMs === undefined ? undefined : this.#time(expiresAtMs);
    const revisions = { createRevision, modRevision, version };
    return { key, value, ...revisions, expireTime, leaseId: leaseId ?? 0n };
  }

  #lease({ leaseId, ttlMs, deadlineMs }: Lease, remainingMs: number): WireLease {
    return {
      leaseId,
      ttl: durationOf(ttlMs),
      expireTime: this.#time(deadlineMs),
      remainingTtl: this.#ownTime ? about(remainingMs) : durationOf(remainingMs),
    };
  }

  #time(ms: number): Timestamp {
    return this.#ownTime ? about(ms) : timeOf(ms);
  }

  #info({ name, createdAtMs, keys, liveBytes, head, oldest, settings }: ModelNamespace): unknown {
    const { quotaBytes, quotaKeys, historyReads, blockReads, blockWrites, blockReason } = settings;
    const info: Omit<NamespaceInfo, "stats"> & { readonly stats: unknown } = {
      name,
      settings: {
        quotaBytes: BigInt(quotaBytes ?? 0),
        quotaKeys: BigInt(quotaKeys ?? 0),
        logRetention: { age: undefined, bytes: undefined, revisions: undefined },
        ...{ historyReads, blockReads, blockWrites, blockReason },
      },
      stats: {
        keys,
        liveBytes,
        headRevision: head,
        oldestRevision: oldest,
        createTime: this.#time(createdAtMs),
      },
    };
    return info;
  }
}

/** Stands where the message has its time. */
function about(ms: number): Timestamp & Duration {
  return new About(ms, clockToleranceMs) as unknown as Timestamp & Duration;
}

function refusalOf({ reason }: Truth & { kind: "refused" }): WireRefusal {
  const found = refusals[reason];
  if (found === undefined) throw new Error(`no status is known for ${reason}`);
  return found;
}

/** A condition that did not hold says what is really there. */
function unmet({ of: what }: Condition, { responses }: TxnResult): WireRefusal {
  const { entry } = of(responses[0], "got");
  const facts = {
    actual_mod_revision: String(entry?.modRevision ?? 0n),
    actual_version: String(entry?.version ?? 0n),
    actual_create_revision: String(entry?.createRevision ?? 0n),
  };
  if (what === "absent") return { code: EXISTS, reason: "KEY_EXISTS", facts };
  if (what === "present") return { code: NOT_FOUND, reason: "KEY_NOT_FOUND", facts };
  return { code: ABORTED, reason: "CONDITION_FAILED", facts };
}

function of<Kind extends OperationResult["kind"]>(
  result: OperationResult | undefined,
  kind: Kind,
): Extract<OperationResult, { readonly kind: Kind }> {
  if (result?.kind !== kind) throw new Error(`the model answers with ${kind}`);
  return result as Extract<OperationResult, { readonly kind: Kind }>;
}
