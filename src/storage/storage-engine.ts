/**
 * What the handlers call. SQLite is one implementation; nothing here knows how many files, threads
 * or machines stand behind it.
 */
import type { Refusal } from "./errors.js";
import type { LeaseReads } from "./leases.js";
import type { Change } from "./log-entry.js";
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
import type { PackedEntries } from "./packed-entries.js";

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

/** Entries in the order of the keys that were asked for, undefined where there is none. */
export interface Points {
  readonly header: Header;
  readonly entries: readonly (Entry | undefined)[];
  /** The entries again, where the engine has them as bytes: for whoever only passes them on. */
  readonly packed?: Uint8Array | undefined;
}

export interface Page {
  readonly header: Header;
  readonly entries: readonly Entry[];
  /** False: the range is exhausted. */
  readonly more: boolean;
  /** Present when it was asked for. */
  readonly count: number | undefined;
  /** The entries again, where the engine has them as bytes: for whoever only passes them on. */
  readonly packed?: PackedEntries | undefined;
}

/** Which changes a watcher wants, and how. */
export interface WatchOptions {
  readonly range: KeyRange;
  /** Keys that were created or changed. */
  readonly puts: boolean;
  /** Keys that were deleted, for whatever cause. */
  readonly deletions: boolean;
  /** True: values are left empty. */
  readonly keysOnly: boolean;
  /** True: each change comes with the entry that it replaced. Needs a namespace that keeps them. */
  readonly previous: boolean;
  /** How often to say where the stream stands while nothing matches; undefined = never. */
  readonly progressIntervalMs: number | undefined;
}

/** All wanted changes of one revision, in the order of the keys. Never empty. */
export interface WatchBatch {
  readonly revision: Revision;
  readonly changes: readonly Change[];
  /** One per change when they were asked for, undefined where there was none; otherwise empty. */
  readonly previous: readonly (Entry | undefined)[];
}

export type WatchEvent =
  /** The first one: from here on no commit is missed. The header names the revision before it. */
  | { readonly kind: "standing"; readonly header: Header }
  /** Whole revisions in ascending order; every wanted change up to the header's has been given. */
  | { readonly kind: "batches"; readonly header: Header; readonly batches: readonly WatchBatch[] }
  /** Nothing was wanted since the last event; complete up to the header's revision. */
  | { readonly kind: "progress"; readonly header: Header }
  /** The last one: the next revision is no longer retained, `oldest` is the first that is. */
  | { readonly kind: "compacted"; readonly header: Header; readonly oldest: Revision };

/** The events of a watch, once. Leaving the loop ends the watch. */
export interface WatchStream extends AsyncIterable<WatchEvent> {
  /**
   * Aborted when the engine ends the watch, whatever its consumer is doing: whoever waits to pass an
   * event on need not wait any longer. The next event asked for throws why.
   */
  readonly ended: AbortSignal;
}

export interface EngineCaps {
  readonly valueBytesMax: number;
  /** Reads at a revision older than the head, where the namespace keeps history. */
  readonly readsHistory: boolean;
  /** One transaction over several namespaces. */
  readonly spansNamespaces: boolean;
}

/** A store, open until `close`. Every method may be called at any time and refuses by its state. */
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
  get(namespace: Namespace, read: PointRead, call: CallLimits): MaybePromise<Points>;
  /** One page of a range from one snapshot. Throws EngineError. */
  list(namespace: Namespace, read: PageRead, call: CallLimits): Promise<Page>;
  /**
   * The whole range from one snapshot, a page at a time; the next page is read when it is asked
   * for. Throws EngineError: "snapshot-expired" when the reader was too slow or the WAL at its
   * limit; continue from the last key seen with a new scan. Ending the iteration frees the snapshot.
   */
  scan(namespace: Namespace, read: RangeRead, owner: string, call: CallLimits): AsyncIterable<Page>;
  /**
   * The changes of a namespace from a revision on (undefined = from now on), without gap or
   * repetition, each revision whole, until the signal aborts: then the stream ends without an error.
   * Starts when the first event is asked for. Throws EngineError: "revision-in-future" for a start
   * above head + 1, "history-off" when previous entries are asked for and not kept, "slow-consumer"
   * when wanted changes have waited too long for the next event to be asked for (fact
   * `resume_revision`: where to start again), "draining" or "storage-fault" when the store ends.
   * Key and value bytes may be views of larger buffers: copy what is kept.
   */
  watch(
    namespace: Namespace,
    from: Revision | undefined,
    options: WatchOptions,
    signal: AbortSignal,
  ): WatchStream;
  /** The namespace's head. Throws EngineError "namespace-missing" where namespaces are not made. */
  head(namespace: Namespace): MaybePromise<Header>;
  /** Ends in order: queue, snapshots, checkpoint, connections. Safe to call twice. */
  close(): Promise<void>;
}
