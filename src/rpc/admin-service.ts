/** AdminService: what an operator may see and ask. Reachable in every state. */
import type { Clock } from "../foundation/clock.js";
import type { LogLevel } from "../observability/log-events.js";
import {
  batchBytesMax,
  batchOperationsMax,
  blockReasonBytesMax,
  keyBytesMax,
  pageBytesMax,
  pageRowsMax,
} from "../storage/limits.js";
import type * as storage from "../storage/maintenance.js";
import type { Revision } from "../storage/model.js";
import {
  type CheckIntegrityRequest,
  type CheckIntegrityResponse,
  CheckpointMode,
  type CheckpointRequest,
  type CheckpointResponse,
  type CompactRequest,
  type CompactResponse,
  type DrainRequest,
  type DrainResponse,
  type GetIntegrityReportRequest,
  type GetIntegrityReportResponse,
  type GetPragmaStatusRequest,
  type GetPragmaStatusResponse,
  type GetStatusRequest,
  type GetStatusResponse,
  type GetWalStatusRequest,
  type GetWalStatusResponse,
  IntegrityMode,
  type Limits,
  type ResumeRequest,
  type ResumeResponse,
  type SetLogLevelRequest,
  type SetLogLevelResponse,
  type StorageSizes,
  type VacuumRequest,
  type VacuumResponse,
  type Versions,
  type WatchEventsRequest,
  type WatchEventsResponse,
  LogLevel as WireLogLevel,
} from "../wire/kvdb/v1/admin.js";
import type { Admission } from "./admission.js";
import type { ServerStream, Unary } from "./call.js";
import { decodeEnum, decodeNamespace } from "./decode.js";
import { encodeDuration, encodeTime } from "./encode.js";
import {
  checkpointModes,
  encodeCheckpoint,
  encodeEvent,
  encodeIntegrityReport,
  encodeIntegrityStep,
  encodePragmas,
  encodeRecovery,
  encodeScrub,
  encodeWal,
  engineStates,
  eventKinds,
  integrityModes,
} from "./encode-admin.js";
import type { EngineAccess } from "./engine-access.js";
import { invalid } from "./error-details.js";
import type { Readiness } from "./readiness.js";

export interface AdminPorts {
  readonly readiness: Readiness;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly versions: { readonly kvdb: string; readonly node: string };
  readonly startedAtMs: number;
  readonly messageBytesMax: number;
  setLogLevel(level: LogLevel): LogLevel;
}

export class AdminService {
  readonly #access: EngineAccess;
  readonly #ports: AdminPorts;
  /** The wall clock says when it started; how long ago that was, a clock that steps cannot say. */
  readonly #startedMonotonicMs: number;

  constructor(access: EngineAccess, ports: AdminPorts) {
    this.#access = access;
    this.#ports = ports;
    this.#startedMonotonicMs = ports.clock.monotonicMs();
  }

  readonly getStatus: Unary<GetStatusRequest, GetStatusResponse> = () => {
    const { readiness, clock, startedAtMs } = this.#ports;
    const engine = this.#access.opened;
    const status = engine?.maintenance.status();
    return {
      versions: this.#versions(status),
      state: engineStates[readiness.state],
      stateReason: readiness.reason === "" ? (status?.reason ?? "") : readiness.reason,
      startTime: encodeTime(startedAtMs),
      uptime: encodeDuration(clock.monotonicMs() - this.#startedMonotonicMs),
      nodeId: status?.nodeId ?? "",
      epoch: status?.epoch ?? 0n,
      storeId: status?.storeId ?? "",
      sizes: status && sizesOf(status),
      limits: engine && this.#limits(engine.caps.valueBytesMax, engine.maintenance.wal()),
      writeQueue: status && { requests: status.queue.requests, bytes: status.queue.bytes },
      namespaceHeads: (status?.heads ?? []).map(({ namespace, head }) => ({
        namespace,
        revision: head,
      })),
      alarms: (status?.alarms ?? []).map(({ name, message, sinceMs }) => ({
        name,
        message,
        since: encodeTime(sinceMs),
      })),
      recovery: status && encodeRecovery(status.recovery),
      scrubber: status && encodeScrub(status.scrub),
    };
  };

  readonly getPragmaStatus: Unary<GetPragmaStatusRequest, GetPragmaStatusResponse> = async () =>
    encodePragmas(await this.#maintenance.pragmas());

  readonly getWalStatus: Unary<GetWalStatusRequest, GetWalStatusResponse> = () =>
    encodeWal(this.#maintenance.wal());

  readonly checkpoint: Unary<CheckpointRequest, CheckpointResponse> = async (request) => {
    // Not said means the mode that disturbs nobody.
    const unset = request.mode === CheckpointMode.CHECKPOINT_MODE_UNSPECIFIED;
    const mode = unset ? "passive" : decodeEnum(checkpointModes, request.mode, "mode");
    return encodeCheckpoint(await this.#maintenance.checkpoint(mode));
  };

  readonly checkIntegrity: ServerStream<CheckIntegrityRequest, CheckIntegrityResponse> = async (
    request,
    out,
    call,
  ) => {
    const unset = request.mode === IntegrityMode.INTEGRITY_MODE_UNSPECIFIED;
    const mode = unset ? "quick" : decodeEnum(integrityModes, request.mode, "mode");
    const steps = this.#maintenance.checkIntegrity(mode, call.signal());
    for await (const step of steps) await out.write(encodeIntegrityStep(step));
  };

  readonly getIntegrityReport: Unary<GetIntegrityReportRequest, GetIntegrityReportResponse> =
    () => {
      const report = this.#maintenance.lastIntegrityReport();
      return { report: report && encodeIntegrityReport(report) };
    };

  readonly compact: Unary<CompactRequest, CompactResponse> = async (request) => {
    const namespace = decodeNamespace(request.namespace);
    if (request.revision === 0n) throw revisionMissing();
    const upTo = request.revision as Revision;
    const report = await this.#maintenance.compact(namespace, upTo);
    return {
      oldestRevision: report.oldest,
      historyBytesBefore: report.historyBytesBefore,
      historyBytesAfter: report.historyBytesAfter,
    };
  };

  readonly vacuum: ServerStream<VacuumRequest, VacuumResponse> = async (_request, out, call) => {
    for await (const step of this.#maintenance.vacuum(call.signal())) await out.write(step);
  };

  /** The engine is told too, so that it refuses what reaches it by another way. */
  readonly drain: Unary<DrainRequest, DrainResponse> = ({ reason }) => {
    const { readiness, admission } = this.#ports;
    const bytes = Buffer.byteLength(reason);
    if (bytes > blockReasonBytesMax) throw reasonTooLong(bytes);
    const why = reason === "" ? "an operator asked for it" : reason;
    if (readiness.serving) {
      this.#maintenance.drain(why);
      readiness.set("draining", why);
    }
    const { calls, streams } = admission.running;
    return { state: engineStates[readiness.state], callsInFlight: calls + streams };
  };

  /** A server that is stopping, or has failed, stays as it is. */
  readonly resume: Unary<ResumeRequest, ResumeResponse> = () => {
    const { readiness } = this.#ports;
    if (readiness.state === "draining" && !readiness.stopping) {
      this.#maintenance.resume();
      const { state, reason } = this.#maintenance.status();
      readiness.set(state === "read_only" ? "read_only" : "serving", reason);
    }
    return { state: engineStates[readiness.state] };
  };

  readonly setLogLevel: Unary<SetLogLevelRequest, SetLogLevelResponse> = ({ level }) => {
    const name = decodeEnum(logLevels, level, "level");
    const previous = this.#ports.setLogLevel(name);
    return { previousLevel: logLevels[previous], level: logLevels[name] };
  };

  readonly watchEvents: ServerStream<WatchEventsRequest, WatchEventsResponse> = async (
    { afterSequence, kinds },
    out,
    call,
  ) => {
    const wanted = new Set(kinds.map((kind) => decodeEnum(eventKinds, kind, "kinds")));
    const after = Number(afterSequence);
    for await (const event of this.#maintenance.events(after, call.signal())) {
      if (wanted.size > 0 && !wanted.has(event.kind)) continue;
      await out.write({ event: encodeEvent(event) });
    }
  };

  get #maintenance(): storage.Maintenance {
    return this.#access.current.maintenance;
  }

  #versions(status: storage.EngineStatus | undefined): Versions {
    const { kvdb, node } = this.#ports.versions;
    return { kvdb, node, sqlite: status?.sqliteVersion ?? "", format: status?.formatVersion ?? 0 };
  }

  #limits(valueBytesMax: number, wal: storage.WalStatus): Limits {
    return {
      keyBytesMax,
      valueBytesMax,
      batchOperationsMax,
      batchBytesMax,
      pageSizeMax: pageRowsMax,
      pageBytesMax,
      messageBytesMax: this.#ports.messageBytesMax,
      walBytesSoft: wal.softLimitBytes,
      walBytesHard: wal.hardLimitBytes,
    };
  }
}

const logLevels = {
  error: WireLogLevel.LOG_LEVEL_ERROR,
  warn: WireLogLevel.LOG_LEVEL_WARN,
  info: WireLogLevel.LOG_LEVEL_INFO,
  debug: WireLogLevel.LOG_LEVEL_DEBUG,
} as const satisfies Record<LogLevel, WireLogLevel>;

function reasonTooLong(actual: number): Error {
  return invalid("ARGUMENT_INVALID", {
    field: "reason",
    message: `reason has ${String(actual)} bytes, the limit is ${String(blockReasonBytesMax)}`,
    hint: "shorten it",
    limit: blockReasonBytesMax,
    actual,
  });
}

function sizesOf(status: storage.EngineStatus): StorageSizes {
  const { databaseBytes, walBytes, freelistBytes, diskFreeBytes, diskTotalBytes } = status;
  return { databaseBytes, walBytes, freelistBytes, diskFreeBytes, diskTotalBytes };
}

function revisionMissing(): Error {
  return invalid("REVISION_INVALID", {
    field: "revision",
    message: "revision is 0",
    hint: "name the newest revision to forget, at least 1",
  });
}
