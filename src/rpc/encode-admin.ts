/** What the engine tells operators, on the wire. Every closed set is a table that must be complete. */
import type * as storage from "../storage/maintenance.js";
import {
  type CheckIntegrityResponse,
  CheckpointMode,
  CheckpointOutcome,
  type CheckpointResponse,
  CheckpointSource,
  ConnectionRole,
  type EngineEvent,
  EngineEventKind,
  EngineState,
  type GetPragmaStatusResponse,
  type GetWalStatusResponse,
  IntegrityMode,
  type IntegrityReport,
  IntegrityVerdict,
  type RecoveryReport,
  RecoveryStepOutcome,
  ScrubberState,
  type ScrubberStatus,
  WalLimitState,
  WalTailClass,
} from "../wire/kvdb/v1/admin.js";
import { encodeDuration, encodeTime } from "./encode.js";
import type { ReadinessState } from "./readiness.js";

export const engineStates = {
  opening: EngineState.ENGINE_STATE_OPENING,
  recovering: EngineState.ENGINE_STATE_RECOVERING,
  serving: EngineState.ENGINE_STATE_SERVING,
  read_only: EngineState.ENGINE_STATE_READ_ONLY,
  draining: EngineState.ENGINE_STATE_DRAINING,
  failed: EngineState.ENGINE_STATE_FAILED,
} as const satisfies Record<ReadinessState, EngineState>;

const walTails = {
  absent: WalTailClass.WAL_TAIL_CLASS_ABSENT,
  clean: WalTailClass.WAL_TAIL_CLASS_CLEAN,
  "torn-tail": WalTailClass.WAL_TAIL_CLASS_TORN_TAIL,
  ambiguous: WalTailClass.WAL_TAIL_CLASS_AMBIGUOUS,
  damaged: WalTailClass.WAL_TAIL_CLASS_DAMAGED,
} as const satisfies Record<storage.WalTail, WalTailClass>;

const stepOutcomes = {
  ok: RecoveryStepOutcome.RECOVERY_STEP_OUTCOME_OK,
  skipped: RecoveryStepOutcome.RECOVERY_STEP_OUTCOME_SKIPPED,
  warned: RecoveryStepOutcome.RECOVERY_STEP_OUTCOME_WARNED,
  failed: RecoveryStepOutcome.RECOVERY_STEP_OUTCOME_FAILED,
} as const satisfies Record<storage.RecoveryStep["outcome"], RecoveryStepOutcome>;

const scrubStates = {
  off: ScrubberState.SCRUBBER_STATE_OFF,
  walking: ScrubberState.SCRUBBER_STATE_WALKING,
  resting: ScrubberState.SCRUBBER_STATE_RESTING,
  paused: ScrubberState.SCRUBBER_STATE_PAUSED,
} as const satisfies Record<storage.ScrubStatus["state"], ScrubberState>;

const roles = {
  writer: ConnectionRole.CONNECTION_ROLE_WRITER,
  reader: ConnectionRole.CONNECTION_ROLE_READER,
} as const satisfies Record<storage.ConnectionReading["role"], ConnectionRole>;

const limitStates = {
  ok: WalLimitState.WAL_LIMIT_STATE_OK,
  soft: WalLimitState.WAL_LIMIT_STATE_SOFT,
  hard: WalLimitState.WAL_LIMIT_STATE_HARD,
} as const satisfies Record<storage.WalStatus["limitState"], WalLimitState>;

export const checkpointModes = {
  passive: CheckpointMode.CHECKPOINT_MODE_PASSIVE,
  full: CheckpointMode.CHECKPOINT_MODE_FULL,
  restart: CheckpointMode.CHECKPOINT_MODE_RESTART,
  truncate: CheckpointMode.CHECKPOINT_MODE_TRUNCATE,
} as const satisfies Record<storage.CheckpointMode, CheckpointMode>;

const checkpointOutcomes = {
  TRUNCATED: CheckpointOutcome.CHECKPOINT_OUTCOME_TRUNCATED,
  COMPLETE: CheckpointOutcome.CHECKPOINT_OUTCOME_COMPLETE,
  PARTIAL: CheckpointOutcome.CHECKPOINT_OUTCOME_PARTIAL,
  RESET_PENDING: CheckpointOutcome.CHECKPOINT_OUTCOME_RESET_PENDING,
  SKIPPED_BUSY: CheckpointOutcome.CHECKPOINT_OUTCOME_SKIPPED_BUSY,
  NOTHING_TO_DO: CheckpointOutcome.CHECKPOINT_OUTCOME_NOTHING_TO_DO,
  FAILED: CheckpointOutcome.CHECKPOINT_OUTCOME_FAILED,
} as const satisfies Record<storage.CheckpointOutcome, CheckpointOutcome>;

const checkpointSources = {
  periodic: CheckpointSource.CHECKPOINT_SOURCE_PERIODIC,
  manual: CheckpointSource.CHECKPOINT_SOURCE_MANUAL,
  "startup-recovery": CheckpointSource.CHECKPOINT_SOURCE_STARTUP_RECOVERY,
  closeDatabase: CheckpointSource.CHECKPOINT_SOURCE_SHUTDOWN,
} as const satisfies Record<storage.CheckpointSource, CheckpointSource>;

export const integrityModes = {
  quick: IntegrityMode.INTEGRITY_MODE_QUICK,
  full: IntegrityMode.INTEGRITY_MODE_FULL,
  checksum: IntegrityMode.INTEGRITY_MODE_CHECKSUM,
  all: IntegrityMode.INTEGRITY_MODE_ALL,
} as const satisfies Record<storage.IntegrityMode, IntegrityMode>;

const verdicts = {
  passed: IntegrityVerdict.INTEGRITY_VERDICT_PASSED,
  failed: IntegrityVerdict.INTEGRITY_VERDICT_FAILED,
  cancelled: IntegrityVerdict.INTEGRITY_VERDICT_CANCELLED,
  error: IntegrityVerdict.INTEGRITY_VERDICT_ERROR,
} as const satisfies Record<storage.IntegrityReport["verdict"], IntegrityVerdict>;

export const eventKinds = {
  checkpoint: EngineEventKind.ENGINE_EVENT_KIND_CHECKPOINT,
  recovery: EngineEventKind.ENGINE_EVENT_KIND_RECOVERY,
  integrity: EngineEventKind.ENGINE_EVENT_KIND_INTEGRITY,
  alarm: EngineEventKind.ENGINE_EVENT_KIND_ALARM,
  config: EngineEventKind.ENGINE_EVENT_KIND_CONFIG,
  state: EngineEventKind.ENGINE_EVENT_KIND_STATE,
} as const satisfies Record<storage.EngineEvent["kind"], EngineEventKind>;

export function encodeRecovery(report: storage.RecoveryReport): RecoveryReport {
  return {
    startTime: encodeTime(report.startedAtMs),
    duration: encodeDuration(report.durationMs),
    unclean: report.unclean,
    createdNew: report.createdNew,
    walBytesFound: report.walBytesFound,
    walFramesFound: report.walFramesFound,
    walTailClass: walTails[report.walTail],
    framesReplayed: report.framesReplayed,
    recoveriesTotal: report.recoveriesTotal,
    verdict: report.verdict,
    steps: report.steps.map((step) => ({
      name: step.name,
      outcome: stepOutcomes[step.outcome],
      detail: step.detail,
      duration: encodeDuration(step.durationMs),
    })),
  };
}

export function encodeScrub(scrub: storage.ScrubStatus): ScrubberStatus {
  return {
    state: scrubStates[scrub.state],
    pausedReason: scrub.pausedReason,
    position: scrub.phase,
    step: scrub.step,
    stepsTotal: scrub.steps,
    rowsDone: scrub.rowsDone,
    bytesDone: scrub.bytesDone,
    passStartTime: momentOf(scrub.passStartedAtMs),
    lastFinishedTime: momentOf(scrub.completedAtMs),
    passes: scrub.passes,
    findings: scrub.findings,
  };
}

/** Absent where the engine says 0. */
function momentOf(atMs: number): ScrubberStatus["passStartTime"] {
  return atMs === 0 ? undefined : encodeTime(atMs);
}

export function encodePragmas(status: storage.PragmaStatus): GetPragmaStatusResponse {
  return {
    connections: status.connections.map(({ name, role, thread, pragmas }) => ({
      name,
      role: roles[role],
      thread,
      pragmas: pragmas.map((reading) => ({ ...reading })),
    })),
    compileOptions: [...status.compileOptions],
    note: status.note,
  };
}

export function encodeWal(status: storage.WalStatus): GetWalStatusResponse {
  return {
    walBytes: status.walBytes,
    frames: status.frames,
    framesBackfilled: status.framesBackfilled,
    // Salts are random, so two zeros are not a header but the absence of one.
    salts: status.salts[0] === 0 && status.salts[1] === 0 ? [] : [...status.salts],
    checkpointSequence: status.checkpointSequence,
    readMarks: status.readMarks.map((mark) => ({ ...mark })),
    openSnapshots: status.snapshots.map(({ id, owner, namespace, revision, ageMs }) => ({
      id,
      owner,
      peer: "",
      age: encodeDuration(ageMs),
      namespace,
      revision,
    })),
    walBytesSoft: status.softLimitBytes,
    walBytesHard: status.hardLimitBytes,
    limitState: limitStates[status.limitState],
    checkpoints: status.checkpoints.map(encodeCheckpoint),
  };
}

export function encodeCheckpoint(record: storage.CheckpointRecord): CheckpointResponse {
  const pin = record.pinnedBy;
  return {
    outcome: checkpointOutcomes[record.outcome],
    modeRequested: checkpointModes[record.modeRequested],
    modeEffective: checkpointModes[record.modeEffective],
    source: checkpointSources[record.source],
    time: encodeTime(record.atMs),
    duration: encodeDuration(record.durationMs),
    framesTotal: record.framesTotal,
    framesMoved: record.framesMoved,
    walBytesBefore: record.walBytesBefore,
    walBytesAfter: record.walBytesAfter,
    busy: record.busy !== 0,
    pinnedBy:
      pin === undefined
        ? undefined
        : { owner: pin.owner, age: encodeDuration(pin.ageMs), frame: pin.frame, pid: pin.pid },
    errorCode: record.code,
  };
}

export function encodeIntegrityReport(report: storage.IntegrityReport): IntegrityReport {
  return {
    mode: integrityModes[report.mode],
    verdict: verdicts[report.verdict],
    messages: [...report.messages],
    startTime: encodeTime(report.startedAtMs),
    duration: encodeDuration(report.durationMs),
    rowsChecked: report.rowsChecked,
  };
}

export function encodeIntegrityStep(
  step: storage.IntegrityProgress | storage.IntegrityReport,
): CheckIntegrityResponse {
  if (step.kind === "report") {
    return { result: { $case: "report", value: encodeIntegrityReport(step) } };
  }
  const { phase, rowsDone, rowsTotal, elapsedMs } = step;
  const elapsed = encodeDuration(elapsedMs);
  return { result: { $case: "progress", value: { phase, rowsDone, rowsTotal, elapsed } } };
}

export function encodeEvent(event: storage.EngineEvent): EngineEvent {
  return {
    sequence: event.sequence,
    time: encodeTime(event.atMs),
    kind: eventKinds[event.kind],
    name: event.name,
    message: event.message,
    fields: new Map(Object.entries(event.fields)),
  };
}
