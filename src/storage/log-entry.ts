/**
 * What the log holds: effects, never commands. Replaying an entry needs no state and no clock, so a
 * replica, a recovery and a watcher all see exactly what the writer did.
 */
import type { Epoch, Key, LeaseId, Namespace, RequestId, Revision } from "./model.js";

export type ChangeCause = "client" | "expired" | "lease-revoked" | "lease-expired";

/** What one request did to one key. */
export interface Change {
  readonly key: Key;
  /** Null = the key was deleted. */
  readonly value: Uint8Array | null;
  readonly createRevision: Revision;
  /** 0 for a deletion. */
  readonly version: bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: LeaseId | undefined;
  readonly cause: ChangeCause;
  /** It begins anew (version 1) in the place of an entry that was live until then. */
  readonly takesOver?: boolean;
}

/** For exactly-once retries: the id, a digest of the request, and the answer to repeat. */
export interface RecordedRequest {
  readonly id: RequestId;
  readonly digest: Uint8Array;
  /** Canonical encoding of the TxnResult. */
  readonly answer: Uint8Array;
}

/** One request = one revision; at most one change per key. */
export interface ChangeBatch {
  readonly revision: Revision;
  /** Who asked, as authenticated. Undefined for the engine's own work, such as expiry. */
  readonly principal: string | undefined;
  readonly request: RecordedRequest | undefined;
  readonly changes: readonly Change[];
}

/** One group commit in one namespace: what state, Watch, recovery, audit and replicas are made of. */
export interface LogEntry {
  readonly namespace: Namespace;
  readonly first: Revision;
  /** first + batches.length - 1. */
  readonly last: Revision;
  readonly epoch: Epoch;
  /** Unique per attempt; tells "my append landed" from "somebody else's did". */
  readonly nonce: string;
  readonly timeMs: number;
  readonly batches: readonly ChangeBatch[];
}
