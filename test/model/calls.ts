/**
 * Every request that the model understands, in the words of the domain and named after its RPC, so
 * that one history can be put to an engine, to a server in the same process and to a daemon.
 *
 * How operations are counted: one for each request that is answered by itself. A unary call is one,
 * whatever it carries (a BatchWrite or a Txn is one); an entry of a pipeline is one, and in a list of
 * entries each is one; a chunk of a bulk load is one; a page of a list, a scan, a watch, a kept lease
 * is one. Headers, restarts and time that passes count nothing.
 */

import type { CheckpointMode, IntegrityMode } from "../../src/storage/maintenance.js";
import type {
  Key,
  KeyRange,
  LeaseId,
  Namespace,
  Operation,
  RequestId,
  TxnBody,
} from "../../src/storage/model.js";
import type { NamespaceSettings } from "../../src/storage/namespaces.js";

export type PutOperation = Operation & { readonly kind: "put" };

/** What must hold for a Put or a Delete; the value is of a revision or a version. */
export interface Condition {
  readonly of: "absent" | "present" | "mod-revision" | "version";
  readonly value: bigint;
}

export interface Mutation {
  readonly rpc:
    | "Put"
    | "Delete"
    | "DeleteRange"
    | "Rename"
    | "Increment"
    | "Txn"
    | "BatchWrite"
    | "GrantLease"
    | "RevokeLease"
    | "KeepAliveLease";
  readonly namespace: Namespace;
  readonly requestId: RequestId | undefined;
  readonly condition: Condition | undefined;
  /** What the engine is asked; a condition is among its compares. */
  readonly body: TxnBody;
}

export interface PointCall {
  readonly rpc: "Get" | "BatchGet";
  readonly namespace: Namespace;
  readonly keys: readonly Key[];
  readonly at: bigint | undefined;
  readonly keysOnly: boolean;
}

interface RangeCall {
  readonly namespace: Namespace;
  readonly range: KeyRange;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  readonly at: bigint | undefined;
}

/** Where a chain of pages goes on. */
export interface Continuation {
  readonly after: Key;
  /** Of the first page. */
  readonly revision: bigint;
}

export interface ListCall extends RangeCall {
  readonly rpc: "List";
  readonly pageSize: number;
  readonly countOnly: boolean;
  /** Names the chain of pages that this one belongs to. */
  readonly chain: number;
  readonly from: Continuation | undefined;
}

export interface ScanCall extends RangeCall {
  readonly rpc: "Scan";
}

export type PipelineEntry = Mutation | PointCall | ListCall;

export interface PipelineCall {
  readonly rpc: "Pipeline";
  /** An entry of several requests is a list in one message. */
  readonly entries: readonly (readonly PipelineEntry[])[];
}

export interface BulkChunk {
  readonly requestId: RequestId | undefined;
  readonly puts: readonly PutOperation[];
}

export interface BulkCall {
  readonly rpc: "BulkLoad";
  readonly namespace: Namespace;
  readonly chunks: readonly BulkChunk[];
}

export interface WatchCall {
  readonly rpc: "Watch";
  readonly namespace: Namespace;
  readonly range: KeyRange;
  readonly from: bigint;
  readonly puts: boolean;
  readonly deletions: boolean;
  readonly keysOnly: boolean;
  readonly previous: boolean;
  /** Which history the caller believes in. */
  readonly store: "unsaid" | "own" | "another";
}

export type LeaseRead =
  | {
      readonly rpc: "GetLease";
      readonly namespace: Namespace;
      readonly leaseId: LeaseId;
      readonly keys: boolean;
    }
  | { readonly rpc: "ListLeases"; readonly namespace: Namespace; readonly pageSize: number };

export type SettingPath =
  | "quota_bytes"
  | "quota_keys"
  | "history_reads"
  | "block_reads"
  | "block_writes"
  | "block_reason";

export type NamespaceCall =
  | {
      readonly rpc: "CreateNamespace";
      readonly namespace: Namespace;
      readonly settings: Partial<NamespaceSettings>;
    }
  | {
      readonly rpc: "UpdateNamespace";
      readonly namespace: Namespace;
      readonly settings: Partial<NamespaceSettings>;
      /** Empty = what is present in the settings. */
      readonly mask: readonly SettingPath[];
    }
  | { readonly rpc: "GetNamespace" | "DeleteNamespace"; readonly namespace: Namespace }
  | { readonly rpc: "Compact"; readonly namespace: Namespace; readonly upTo: bigint };

/** Asked while no other call runs: about the whole store, or with an effect on all of it. */
export type StoreCall =
  | { readonly rpc: "ListNamespaces"; readonly pageSize: number }
  | { readonly rpc: "GetStatus" | "GetPragmaStatus" | "GetWalStatus" | "GetIntegrityReport" }
  | { readonly rpc: "Checkpoint"; readonly mode: CheckpointMode }
  | { readonly rpc: "CheckIntegrity"; readonly mode: IntegrityMode }
  | { readonly rpc: "Vacuum" | "Drain" | "Resume" | "WatchEvents" }
  | { readonly rpc: "SetLogLevel"; readonly level: "error" | "warn" | "info" | "debug" };

/** A request that must be refused before it reaches the store. */
export interface MalformedCall {
  readonly rpc: "Malformed";
  readonly row: number;
}

export type Call =
  | Mutation
  | PointCall
  | ListCall
  | ScanCall
  | PipelineCall
  | BulkCall
  | WatchCall
  | LeaseRead
  | NamespaceCall
  | StoreCall
  | MalformedCall;

const storeRpcs: readonly StoreCall["rpc"][] = [
  "ListNamespaces",
  "GetStatus",
  "GetPragmaStatus",
  "GetWalStatus",
  "GetIntegrityReport",
  "Checkpoint",
  "CheckIntegrity",
  "Vacuum",
  "Drain",
  "Resume",
  "WatchEvents",
  "SetLogLevel",
];

export function isOfStore(call: Call): call is StoreCall {
  return storeRpcs.some((rpc) => rpc === call.rpc);
}

export function isMutation(call: Call): call is Mutation {
  return "body" in call;
}
