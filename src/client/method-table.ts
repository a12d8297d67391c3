/**
 * Every method of every service, with what sending it twice does. A method that the contract gains
 * breaks the build here until it has its row.
 */
import {
  AdminServiceService,
  CheckIntegrityRequest,
  CheckpointRequest,
  CompactRequest,
  DrainRequest,
  GetIntegrityReportRequest,
  GetPragmaStatusRequest,
  GetStatusRequest,
  GetWalStatusRequest,
  ResumeRequest,
  SetLogLevelRequest,
  VacuumRequest,
  WatchEventsRequest,
} from "../wire/kvdb/v1/admin.js";
import {
  BatchGetRequest,
  BatchWriteRequest,
  BulkLoadRequest,
  DeleteRangeRequest,
  DeleteRequest,
  GetRequest,
  IncrementRequest,
  KvServiceService,
  ListRequest,
  PipelineRequest,
  PutRequest,
  RenameRequest,
  ScanRequest,
  TxnRequest,
  WatchRequest,
} from "../wire/kvdb/v1/kv.js";
import {
  GetLeaseRequest,
  GrantLeaseRequest,
  KeepAliveLeaseRequest,
  LeaseServiceService,
  ListLeasesRequest,
  RevokeLeaseRequest,
} from "../wire/kvdb/v1/lease.js";
import {
  CreateNamespaceRequest,
  DeleteNamespaceRequest,
  GetNamespaceRequest,
  ListNamespacesRequest,
  NamespaceServiceService,
  UpdateNamespaceRequest,
} from "../wire/kvdb/v1/namespace.js";
import type { Repeat } from "./retry.js";

export interface MethodRow {
  readonly definition: {
    readonly path: string;
    readonly requestStream: boolean;
    readonly responseStream: boolean;
    readonly requestSerialize: (message: never) => Buffer;
    readonly responseDeserialize: (bytes: Buffer) => unknown;
  };
  readonly request: { fromPartial(partial: never): unknown };
  readonly repeat: Repeat;
}

/** The rows of one service, by the method names that the generated code gives them. */
export type MethodTable = Readonly<Record<string, MethodRow>>;

function row<const Definition, const Request>(
  definition: Definition,
  request: Request,
  repeat: Repeat,
): { readonly definition: Definition; readonly request: Request; readonly repeat: Repeat } {
  return { definition, request, repeat };
}

const kv = KvServiceService;
export const kvMethods = {
  get: row(kv.get, GetRequest, "harmless"),
  batchGet: row(kv.batchGet, BatchGetRequest, "harmless"),
  list: row(kv.list, ListRequest, "harmless"),
  scan: row(kv.scan, ScanRequest, "harmless"),
  watch: row(kv.watch, WatchRequest, "harmless"),
  put: row(kv.put, PutRequest, "with-request-id"),
  delete: row(kv.delete, DeleteRequest, "with-request-id"),
  deleteRange: row(kv.deleteRange, DeleteRangeRequest, "with-request-id"),
  rename: row(kv.rename, RenameRequest, "with-request-id"),
  increment: row(kv.increment, IncrementRequest, "with-request-id"),
  txn: row(kv.txn, TxnRequest, "with-request-id"),
  batchWrite: row(kv.batchWrite, BatchWriteRequest, "with-request-id"),
  pipeline: row(kv.pipeline, PipelineRequest, "only-if-refused"),
  bulkLoad: row(kv.bulkLoad, BulkLoadRequest, "only-if-refused"),
} as const satisfies Record<keyof typeof KvServiceService, MethodRow>;

const lease = LeaseServiceService;
export const leaseMethods = {
  grantLease: row(lease.grantLease, GrantLeaseRequest, "with-request-id"),
  revokeLease: row(lease.revokeLease, RevokeLeaseRequest, "with-request-id"),
  keepAliveLease: row(lease.keepAliveLease, KeepAliveLeaseRequest, "harmless"),
  getLease: row(lease.getLease, GetLeaseRequest, "harmless"),
  listLeases: row(lease.listLeases, ListLeasesRequest, "harmless"),
} as const satisfies Record<keyof typeof LeaseServiceService, MethodRow>;

const namespaces = NamespaceServiceService;
export const namespaceMethods = {
  createNamespace: row(namespaces.createNamespace, CreateNamespaceRequest, "only-if-refused"),
  getNamespace: row(namespaces.getNamespace, GetNamespaceRequest, "harmless"),
  listNamespaces: row(namespaces.listNamespaces, ListNamespacesRequest, "harmless"),
  updateNamespace: row(namespaces.updateNamespace, UpdateNamespaceRequest, "harmless"),
  deleteNamespace: row(namespaces.deleteNamespace, DeleteNamespaceRequest, "only-if-refused"),
} as const satisfies Record<keyof typeof NamespaceServiceService, MethodRow>;

const admin = AdminServiceService;
export const adminMethods = {
  getStatus: row(admin.getStatus, GetStatusRequest, "harmless"),
  getPragmaStatus: row(admin.getPragmaStatus, GetPragmaStatusRequest, "harmless"),
  getWalStatus: row(admin.getWalStatus, GetWalStatusRequest, "harmless"),
  checkpoint: row(admin.checkpoint, CheckpointRequest, "harmless"),
  checkIntegrity: row(admin.checkIntegrity, CheckIntegrityRequest, "harmless"),
  getIntegrityReport: row(admin.getIntegrityReport, GetIntegrityReportRequest, "harmless"),
  compact: row(admin.compact, CompactRequest, "harmless"),
  vacuum: row(admin.vacuum, VacuumRequest, "harmless"),
  drain: row(admin.drain, DrainRequest, "harmless"),
  resume: row(admin.resume, ResumeRequest, "harmless"),
  setLogLevel: row(admin.setLogLevel, SetLogLevelRequest, "harmless"),
  watchEvents: row(admin.watchEvents, WatchEventsRequest, "harmless"),
} as const satisfies Record<keyof typeof AdminServiceService, MethodRow>;
