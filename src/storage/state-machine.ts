/**
 * The state that the log produces. It could be thrown away and built again from a snapshot and the
 * log; nobody outside the engine may assume that it is level with the log's head.
 */
import type { Tenure } from "./commit-log.js";
import type { LogEntry } from "./log-entry.js";
import type { Namespace, Revision, TxnRequest, TxnResult } from "./model.js";
import type { Outcome } from "./storage-engine.js";

/** A request of a group. */
export interface GroupMember {
  readonly request: TxnRequest;
  /** SHA-256 of the canonical body; computed when it is asked for, so only for request ids. */
  digest(): Uint8Array;
}

export interface Prepared {
  /** One per namespace that changed; empty when every request was refused or only read. */
  readonly entries: readonly LogEntry[];
  /** False: nothing was written, so there is nothing to commit. Leases change without an entry. */
  readonly wrote: boolean;
  /** One per request of the group, in order. Held back until the append is certain. */
  readonly outcomes: readonly Outcome<TxnResult>[];
}

/** Decides and applies; one group at a time, in one thread. */
export interface StateMachine {
  /** Every change up to here is in the state table. Never above the log's tail. */
  applied(namespace: Namespace): Revision;
  /** Decides the group and writes it into one open transaction. Nobody else can see it yet. */
  prepare(group: readonly GroupMember[], tenure: Tenure): Prepared;
  /** The append is certain: what was prepared is now the present. */
  commitPrepared(): void;
  /** Forgets what was prepared. Safe when nothing is. */
  abortPrepared(): void;
}
