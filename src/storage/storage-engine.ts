/**
 * What the handlers call. SQLite is one implementation; nothing here knows how many files, threads
 * or machines stand behind it.
 */
import type { Refusal } from "./errors.js";
import type { LeaseReads } from "./leases.js";
import type { Maintenance } from "./maintenance.js";
import type {
  Entry,
  Header,
  Key,
  KeyRange,
  Namespace,
  RequestId,
  Revision,
  TxnRequest,
  TxnResult,
} from "./model.js";
import type { NamespaceAdmin } from "./namespaces.js";

/** A local engine answers a point read at once; `await` works on both. */
export type MaybePromise<T> = T | Promise<T>;

/** What an engine answers when the question itself was in order. Callers must look at every arm. */
export type Outcome<T> =
  | { readonly kind: "ok"; readonly header: Header; readonly value: T }
  /** Nothing happened, and this is why. */
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** Nothing happened. The leader's address, when known, is where to ask. */
  | { readonly kind: "not-leader"; readonly leader: string | undefined }
  /** Nothing happened: another writer has taken over since the request was queued. */
  | { readonly kind: "fenced" }
  /** It may or may not have happened. Ask again with the same request id. */
  | { readonly kind: "unknown"; readonly requestId: RequestId | undefined };

/** How long a caller waits. Polled, not signalled: a write that never waits costs no listener. */
export interface CallLimits {
  /** Epoch milliseconds; Infinity when the caller set none. */
  readonly deadlineMs: number;
  /** True once the caller is gone: what has not been handed to the disk is withdrawn. */
  cancelled(): boolean;
}

/** Undefined = the newest state. Otherwise read the state as it was at this revision. */
export type AtRevision = Revision | undefined;

export interface PointRead {
  readonly keys: readonly Key[];
  readonly at: AtRevision;
  readonly keysOnly: boolean;
}

export interface RangeRead {
  readonly range: KeyRange;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  readonly at: AtRevision;
  /** Continue strictly after this key (before it, when reverse). */
  readonly after: Uint8Array | undefined;
}

export interface PageRead extends RangeRead {
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** Count every live key of the range too, whatever the page holds. */
  readonly count: boolean;
}

export interface Page {
  readonly header: Header;
  readonly entries: readonly Entry[];
  /** False: the range is exhausted. */
  readonly more: boolean;
  /** Present when it was asked for. */
  readonly count: number | undefined;
}

export interface EngineCaps {
  readonly valueBytesMax: number;
  /** Reads at a revision older than the head, where the namespace keeps history. */
  readonly readsHistory: boolean;
  /** One transaction over several namespaces. */
  readonly spansNamespaces: boolean;
}

export interface StorageEngine {
  readonly caps: EngineCaps;
  readonly maintenance: Maintenance;
  readonly namespaces: NamespaceAdmin;
  readonly leases: LeaseReads;
  /**
   * One request, decided at its place in the namespace's order; resolves after it is on disk.
   * Throws EngineError before queueing ("overloaded", "draining", …), never after. A deadline or a
   * cancellation withdraws the request until its group is sent; later only the waiting ends.
   */
  commit(request: TxnRequest, call: CallLimits): Promise<Outcome<TxnResult>>;
  /**
   * Entries in the order of the keys, undefined where there is none, all from one snapshot. Answers
   * at once when the read is small, through a reader thread otherwise. Throws EngineError.
   */
  get(
    namespace: Namespace,
    read: PointRead,
    call: CallLimits,
  ): MaybePromise<{ readonly header: Header; readonly entries: readonly (Entry | undefined)[] }>;
  /** One page of a range from one snapshot. Throws EngineError. */
  list(namespace: Namespace, read: PageRead, call: CallLimits): Promise<Page>;
  /**
   * The whole range from one snapshot, a page at a time; the next page is read when it is asked
   * for. Throws EngineError: "snapshot-expired" when the reader was too slow or the WAL at its
   * limit; continue from the last key seen with a new scan. Ending the iteration frees the snapshot.
   */
  scan(namespace: Namespace, read: RangeRead, owner: string, call: CallLimits): AsyncIterable<Page>;
  /** The namespace's head. Throws EngineError "namespace-missing" where namespaces are not made. */
  head(namespace: Namespace): MaybePromise<Header>;
  /** Ends in order: queue, snapshots, checkpoint, connections. Safe to call twice. */
  close(): Promise<void>;
}
