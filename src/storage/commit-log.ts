/**
 * Where a commit becomes a fact: append at head + 1, or be fenced; nothing in between. The SQLite
 * log's append is the COMMIT itself, so a single machine pays nothing for this seam.
 */
import type { LogEntry } from "./log-entry.js";
import type { Epoch, Namespace, Revision } from "./model.js";

/** The right to append, until it is lost. */
export interface Tenure {
  readonly epoch: Epoch;
  /** Monotonic milliseconds up to which the right is certain. Infinity when local. */
  readonly validUntilMs: number;
}

export type Appended = "committed" | "fenced";

/** The order of commits of every namespace, and the only way to add to it. */
export interface CommitLog {
  readonly kind: "local" | "etcd";
  readonly caps: { readonly groupSpansNamespaces: boolean; readonly entryBytesMax: number };
  /**
   * All entries or none; each `first` must be its namespace's tail + 1. Answers definitely, or
   * throws: then the outcome is unknown, and the caller latches or steps down.
   */
  append(entries: readonly LogEntry[], tenure: Tenure): Appended | Promise<Appended>;
  /** The last revision, linearizable. 0 = the namespace has none. */
  tail(namespace: Namespace): Revision | Promise<Revision>;
}
