/**
 * Every method that is served, in one list: path, shape, handler, and whether it is reachable while
 * the store is not serving. A transport joins the rows with its codecs; a test calls them as they are.
 */
import { assert } from "../foundation/assert.js";
import type { Clock } from "../foundation/clock.js";
import type { Random } from "../foundation/random.js";
import type { LogLevel } from "../observability/log-events.js";
import { pageTokenSecretBytes } from "../storage/limits.js";
import type { StorageEngine } from "../storage/storage-engine.js";
import { AdminService } from "./admin-service.js";
import { Admission, type AdmissionLimits } from "./admission.js";
import { BulkService } from "./bulk-service.js";
import { EngineAccess } from "./engine-access.js";
import { type HandlerPorts, notServing } from "./handler.js";
import { HealthService } from "./health-service.js";
import { KvService } from "./kv-service.js";
import { LeaseService } from "./lease-service.js";
import { NamespaceService } from "./namespace-service.js";
import { PipelineService } from "./pipeline-service.js";
import type { Readiness } from "./readiness.js";
import { reflectOnDemand } from "./reflect-on-demand.js";
import { ScanService } from "./scan-service.js";
import {
  methodRows,
  type ServedMethod,
  type ServiceTable,
  transportLimits,
} from "./served-method.js";
import type { TelemetryPorts } from "./telemetry.js";
import { WatchService } from "./watch-service.js";

/** What the daemon brings. The engine is asked for at every call: it may still be opening. */
export interface ServiceTableOptions extends TelemetryPorts {
  engine(): StorageEngine | undefined;
  /** The daemon moves it; Drain and Resume move it too. */
  readonly readiness: Readiness;
  /**
   * pageTokenSecretBytes or more that survive a restart: page tokens stay valid as long as they do. Read when
   * the first token is needed, which is after the store was opened.
   */
  readonly tokenSecret: Uint8Array;
  readonly versions: { readonly kvdb: string; readonly node: string };
  /** When the process started, in epoch milliseconds. */
  readonly startedAtMs: number;
  /** Returns the level before. */
  setLogLevel(level: LogLevel): LogLevel;
  readonly messageBytesMax: number;
  readonly admission: AdmissionLimits;
  /** Serve grpc.reflection, so that tools work without .proto files. */
  readonly reflection: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

type Rows = ReturnType<typeof methodRows>;

const services = [
  "kvdb.v1.KvService",
  "kvdb.v1.LeaseService",
  "kvdb.v1.NamespaceService",
  "kvdb.v1.AdminService",
] as const;

export function createServiceTable(options: ServiceTableOptions): ServiceTable {
  const { readiness, clock } = options;
  assert(
    options.tokenSecret.length >= pageTokenSecretBytes,
    "a token secret must not be guessable",
  );
  const admission = new Admission(options.admission);
  const ports: HandlerPorts = {
    admission,
    health: readiness,
    clock,
    random: options.random,
    log: options.log,
    metrics: options.metrics,
    slowCallMs: options.slowCallMs,
  };
  const access = new EngineAccess({
    engine: () => options.engine(),
    health: readiness,
    tokenSecret: options.tokenSecret,
    clock,
  });
  const rows = methodRows(ports);
  return {
    methods: [
      ...kvRows(rows, access, options),
      ...leaseRows(rows, access),
      ...namespaceRows(rows, access),
      ...adminRows(rows, new AdminService(access, { ...options, admission })),
      ...healthRows(rows, new HealthService(readiness, services)),
      ...(options.reflection ? reflectionRows(rows) : []),
    ],
    limits: transportLimits,
    stopping: () => notServing(readiness),
  };
}

function kvRows(rows: Rows, access: EngineAccess, options: ServiceTableOptions): ServedMethod[] {
  const kv = new KvService(access, options);
  const scans = new ScanService(access);
  const bulk = new BulkService(access);
  const watches = new WatchService(access);
  const path = (name: string): string => `/kvdb.v1.KvService/${name}`;
  return [
    rows.unary(path("Get"), kv.get),
    rows.unary(path("BatchGet"), kv.batchGet),
    rows.unary(path("Put"), kv.put),
    rows.unary(path("Delete"), kv.delete),
    rows.unary(path("DeleteRange"), kv.deleteRange),
    rows.unary(path("Rename"), kv.rename),
    rows.unary(path("Increment"), kv.increment),
    rows.unary(path("List"), scans.list),
    rows.serverStream(path("Scan"), scans.scan),
    rows.unary(path("Txn"), kv.txn),
    rows.unary(path("BatchWrite"), kv.batchWrite),
    rows.bidi(path("Pipeline"), new PipelineService(kv, scans, options).pipeline),
    rows.bidi(path("BulkLoad"), bulk.bulkLoad),
    rows.serverStream(path("Watch"), watches.watch, { endless: true }),
  ];
}

function leaseRows(rows: Rows, access: EngineAccess): ServedMethod[] {
  const leases = new LeaseService(access);
  const path = (name: string): string => `/kvdb.v1.LeaseService/${name}`;
  return [
    rows.unary(path("GrantLease"), leases.grant),
    rows.unary(path("RevokeLease"), leases.revoke),
    rows.bidi(path("KeepAliveLease"), leases.keepAlive, { endless: true }),
    rows.unary(path("GetLease"), leases.get),
    rows.unary(path("ListLeases"), leases.list),
  ];
}

function namespaceRows(rows: Rows, access: EngineAccess): ServedMethod[] {
  const namespaces = new NamespaceService(access);
  const path = (name: string): string => `/kvdb.v1.NamespaceService/${name}`;
  return [
    rows.unary(path("CreateNamespace"), namespaces.create),
    rows.unary(path("GetNamespace"), namespaces.get),
    rows.unary(path("ListNamespaces"), namespaces.list),
    rows.unary(path("UpdateNamespace"), namespaces.update),
    rows.unary(path("DeleteNamespace"), namespaces.delete),
  ];
}

function adminRows(rows: Rows, admin: AdminService): ServedMethod[] {
  const path = (name: string): string => `/kvdb.v1.AdminService/${name}`;
  const always = { always: true };
  return [
    rows.unary(path("GetStatus"), admin.getStatus, always),
    rows.unary(path("GetPragmaStatus"), admin.getPragmaStatus, always),
    rows.unary(path("GetWalStatus"), admin.getWalStatus, always),
    rows.unary(path("Checkpoint"), admin.checkpoint, always),
    rows.serverStream(path("CheckIntegrity"), admin.checkIntegrity, always),
    rows.unary(path("GetIntegrityReport"), admin.getIntegrityReport, always),
    rows.unary(path("Compact"), admin.compact, always),
    rows.serverStream(path("Vacuum"), admin.vacuum, always),
    rows.unary(path("Drain"), admin.drain, always),
    rows.unary(path("Resume"), admin.resume, always),
    rows.unary(path("SetLogLevel"), admin.setLogLevel, always),
    rows.serverStream(path("WatchEvents"), admin.watchEvents, { always: true, endless: true }),
  ];
}

function healthRows(rows: Rows, health: HealthService): ServedMethod[] {
  return [
    rows.unary("/grpc.health.v1.Health/Check", health.check, { always: true }),
    rows.unary("/grpc.health.v1.Health/List", health.list, { always: true }),
    rows.serverStream("/grpc.health.v1.Health/Watch", health.watch, {
      always: true,
      endless: true,
    }),
  ];
}

function reflectionRows(rows: Rows): ServedMethod[] {
  const handle = reflectOnDemand();
  return ["v1", "v1alpha"].map((version) =>
    rows.bidi(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, handle, {
      always: true,
      endless: true,
    }),
  );
}
