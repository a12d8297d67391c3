/**
 * The words of the storage model: plain data, no protobuf, no SQLite. Values of the branded types
 * are made in two places only: the rim that validates a request, and the engine that reads a row.
 */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** A tenant's name: 1 to 63 of [a-z0-9_-]. */
export type Namespace = Branded<string, "Namespace">;
/** 1..keyBytesMax bytes, compared as unsigned bytes. */
export type Key = Branded<Uint8Array, "Key">;
/** Position in one namespace's order of commits: +1 per committed request; 0 = none yet. */
export type Revision = Branded<bigint, "Revision">;
/** Grows at every change of writer: a start, a failover. The history goes on across it. */
export type Epoch = Branded<bigint, "Epoch">;
/** Chosen by the client, unique within a namespace; makes a retry safe. 1..requestIdBytesMax. */
export type RequestId = Branded<string, "RequestId">;
/** 1 to 2^63 - 1. */
export type LeaseId = Branded<bigint, "LeaseId">;
/** Names the history itself. Changes only when it is replaced: a restore, an accepted loss. */
export type StoreId = Branded<string, "StoreId">;

/** On every response. Revision: the namespace's head as this operation saw it. */
export interface Header {
  readonly namespace: Namespace;
  readonly revision: Revision;
  readonly epoch: Epoch;
  readonly nodeId: string;
  readonly storeId: StoreId;
}

export interface Entry {
  readonly key: Key;
  /** Empty when only keys were asked for. */
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** 1 at creation, +1 per change; a key that was deleted starts again at 1. */
  readonly version: bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: LeaseId | undefined;
}

/** Half open: start is included, end is not. An empty start = from the first key. */
export interface KeyRange {
  readonly start: Uint8Array;
  /** Undefined = to the last key. */
  readonly end: Uint8Array | undefined;
}

export type Span =
  | { readonly kind: "key"; readonly key: Key }
  | { readonly kind: "range"; readonly range: KeyRange };

/** On a range it must hold for every key in it. An absent key counts as version 0, revision 0. */
export interface Compare {
  readonly span: Span;
  readonly relation: "equal" | "not-equal" | "less" | "greater";
  readonly operand:
    | { readonly of: "version" | "create-revision" | "mod-revision"; readonly value: bigint }
    | { readonly of: "value"; readonly value: Uint8Array }
    /** 0n = bound to no lease. */
    | { readonly of: "lease"; readonly value: bigint };
}

export type Expiry =
  | { readonly kind: "never" }
  | { readonly kind: "at"; readonly atMs: number }
  /** Counted from the moment the request is decided, so that a retry has the same body. */
  | { readonly kind: "after"; readonly ttlMs: number }
  | { readonly kind: "lease"; readonly leaseId: LeaseId };

export type Operation =
  | { readonly kind: "get"; readonly key: Key }
  | {
      readonly kind: "put";
      readonly key: Key;
      readonly value: Uint8Array;
      readonly expiry: Expiry;
      readonly returnPrevious: boolean;
    }
  | { readonly kind: "delete"; readonly span: Span; readonly returnPrevious: boolean }
  | { readonly kind: "rename"; readonly from: Key; readonly to: Key; readonly overwrite: boolean }
  | {
      readonly kind: "increment";
      readonly key: Key;
      readonly delta: bigint;
      /** What an absent key counts as before the delta is added. */
      readonly initial: bigint;
    }
  | { readonly kind: "txn"; readonly body: TxnBody }
  | LeaseOperation
  | ExpiryOperation;

/** What happens to leases. Granting and keeping alive take no revision: no key changes. */
export type LeaseOperation =
  /** Without an id one is chosen. */
  | {
      readonly kind: "lease-grant";
      readonly leaseId: LeaseId | undefined;
      readonly ttlMs: number;
    }
  /** Sets the deadline to now plus the lease's own time to live. */
  | { readonly kind: "lease-keep-alive"; readonly leaseId: LeaseId }
  /** The lease and all its keys end, as one revision. */
  | { readonly kind: "lease-revoke"; readonly leaseId: LeaseId };

/** The engine's own: what has run out is taken away, if it still has when this is decided. */
export type ExpiryOperation =
  | { readonly kind: "expire-keys"; readonly keys: readonly Key[] }
  | { readonly kind: "expire-lease"; readonly leaseId: LeaseId };

export interface TxnBody {
  readonly compares: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

/** One request = at most one revision. Every mutation of the contract becomes one of these. */
export interface TxnRequest {
  readonly namespace: Namespace;
  /** Who asks, as authenticated; goes into the log for the audit trail. */
  readonly principal: string | undefined;
  readonly requestId: RequestId | undefined;
  readonly body: TxnBody;
}

export interface TxnResult {
  readonly succeeded: boolean;
  /** Indexes of the compares that did not hold. */
  readonly failedCompares: readonly number[];
  /** One per operation of the branch that ran. */
  readonly responses: readonly OperationResult[];
  /** True: this request id was committed before; the recorded answer is repeated. */
  readonly replayed: boolean;
}

export type OperationResult =
  | { readonly kind: "got"; readonly entry: Entry | undefined }
  | { readonly kind: "put"; readonly version: bigint; readonly previous: Entry | undefined }
  | { readonly kind: "deleted"; readonly count: number; readonly previous: Entry | undefined }
  /** Undefined = repeated for a request id, and was too large to be remembered. */
  | { readonly kind: "renamed"; readonly entry: Entry | undefined }
  | { readonly kind: "incremented"; readonly value: bigint }
  | { readonly kind: "txn"; readonly result: TxnResult }
  /** Undefined = there is no such lease, or it has run out. */
  | { readonly kind: "lease"; readonly lease: Lease | undefined }
  | { readonly kind: "expired"; readonly count: number };

export interface Lease {
  readonly leaseId: LeaseId;
  readonly ttlMs: number;
  /** Wall time at which it runs out unless it is kept alive. */
  readonly deadlineMs: number;
}
