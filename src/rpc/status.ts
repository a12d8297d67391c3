/**
 * The one place where a refusal of the engine becomes a code and a reason. A new kind breaks the
 * build here.
 */
import { EngineError, type EngineErrorKind, type Refusal } from "../storage/errors.js";
import { retryDelayDefaultMs, retryDelayOverloadedMs } from "../storage/limits.js";
import type { RequestId } from "../storage/model.js";
import type { Outcome } from "../storage/storage-engine.js";
import type { StatusError } from "./call.js";
import { type RefusalDetail, refuse } from "./error-details.js";
import type { Reason } from "./reasons.js";
import { type StatusCode, statusCode } from "./status-code.js";

interface StatusRow {
  readonly reason: Reason;
  /** Only where it differs from the reason's own. */
  readonly code?: StatusCode;
  /** Sent as RetryInfo. */
  readonly retryMs?: number;
  /** Sent as ResourceInfo: the type of thing that is there or is not. */
  readonly resource?: string;
  /** Sent as PreconditionFailure. */
  readonly precondition?: string;
  /** Sent as QuotaFailure: what ran out. */
  readonly quota?: string;
}

export const statusOf = {
  cancelled: { reason: "NOT_EXECUTED", code: statusCode.CANCELLED },
  corrupt: { reason: "CORRUPT", resource: "database" },
  deadline: { reason: "NOT_EXECUTED" },
  "disk-full": { reason: "DISK_FULL", retryMs: retryDelayDefaultMs, quota: "disk" },
  draining: { reason: "DRAINING", retryMs: retryDelayDefaultMs },
  "history-changed": { reason: "HISTORY_CHANGED" },
  "history-off": { reason: "HISTORY_OFF", precondition: "history" },
  "key-exists": { reason: "KEY_EXISTS", resource: "key" },
  "key-not-found": { reason: "KEY_NOT_FOUND", resource: "key" },
  "lease-exists": { reason: "LEASE_EXISTS", resource: "lease" },
  "lease-not-found": { reason: "LEASE_NOT_FOUND", resource: "lease" },
  "limit-exceeded": { reason: "LIMIT_EXCEEDED" },
  "namespace-blocked": { reason: "NAMESPACE_BLOCKED", precondition: "namespace" },
  "namespace-exists": { reason: "NAMESPACE_EXISTS", resource: "namespace" },
  "namespace-missing": { reason: "NAMESPACE_NOT_FOUND", resource: "namespace" },
  "not-a-number": { reason: "NOT_A_NUMBER", precondition: "value" },
  "not-ready": { reason: "NOT_READY", retryMs: retryDelayDefaultMs },
  overloaded: { reason: "OVERLOADED", retryMs: retryDelayOverloadedMs, quota: "queue" },
  quota: { reason: "QUOTA", retryMs: retryDelayDefaultMs, quota: "namespace" },
  "read-only": { reason: "READ_ONLY", precondition: "store" },
  "request-id-reused": { reason: "REQUEST_ID_REUSED" },
  "revision-compacted": { reason: "COMPACTED" },
  "revision-in-future": { reason: "FUTURE_REVISION" },
  "slow-consumer": { reason: "SLOW_CONSUMER" },
  "snapshot-expired": { reason: "SLOW_CONSUMER" },
  "storage-busy": { reason: "STORAGE_BUSY", retryMs: retryDelayDefaultMs },
  "storage-fault": { reason: "STORAGE_FAULT", retryMs: retryDelayDefaultMs },
  unsupported: { reason: "UNSUPPORTED" },
  "wal-limit": { reason: "WAL_LIMIT", retryMs: retryDelayDefaultMs, quota: "write-ahead log" },
} as const satisfies Record<EngineErrorKind, StatusRow>;

/** Facts that name the field they are about (`field`, `limit`) become a field violation. */
export function statusOfRefusal(refusal: Refusal | EngineError): StatusError {
  const row: StatusRow = statusOf[refusal.kind];
  const { field } = refusal.facts;
  const detail: RefusalDetail = {
    message: refusal.message,
    hint: refusal.hint,
    metadata: refusal.facts,
    ...(row.code !== undefined && { code: row.code }),
    ...(row.retryMs !== undefined && { retryMs: row.retryMs }),
    ...(row.resource !== undefined && { resource: { type: row.resource, name: "" } }),
    ...(row.precondition !== undefined && { precondition: { subject: row.precondition } }),
    ...(row.quota !== undefined && { quota: { subject: row.quota } }),
    ...(field !== undefined && { field }),
    ...(refusal instanceof EngineError && { cause: refusal }),
  };
  return refuse(row.reason, detail);
}

/** Whatever a commit can end as, other than well. */
export function statusOfOutcome(
  outcome: Exclude<Outcome<unknown>, { kind: "ok" }>,
  deadlinePassed: boolean,
): StatusError {
  switch (outcome.kind) {
    case "refused":
      return statusOfRefusal(outcome.refusal);
    case "not-leader":
      return refuse("NOT_LEADER", {
        message: "this node takes no writes",
        hint: "send the request to the leader",
        metadata: outcome.leader === undefined ? {} : { leader: outcome.leader },
        precondition: { subject: "leader" },
      });
    case "fenced":
      return refuse("FENCED", {
        message: "another writer has taken over",
        hint: "send the request again; it was not executed",
      });
    case "unknown":
      return outcomeUnknown(outcome.requestId, deadlinePassed);
  }
}

function outcomeUnknown(requestId: RequestId | undefined, deadlinePassed: boolean): StatusError {
  return refuse("OUTCOME_UNKNOWN", {
    message: "the write was handed to the disk, and its outcome is not known",
    hint:
      requestId === undefined
        ? "read the keys to find out; a request_id would make a retry safe"
        : "send the same request again with the same request_id",
    metadata: requestId === undefined ? {} : { request_id: requestId },
    ...(deadlinePassed && { code: statusCode.DEADLINE_EXCEEDED }),
  });
}
