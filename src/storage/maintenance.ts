/**
 * What an operator may ask of an engine. Every answer is measured at the moment of the question or
 * carries the time it was measured at; nothing here is a constant.
 */
import type { Cancel } from "../foundation/clock.js";
import type { Epoch, Namespace, Revision, StoreId } from "./model.js";

export type EngineState =
  | "opening"
  | "recovering"
  | "serving"
  | "read_only"
  | "draining"
  | "failed"
  | "closed";

export interface Alarm {
  /** UPPER_SNAKE, for example WAL_GROWTH. */
  readonly name: string;
  readonly message: string;
  readonly sinceMs: number;
}

export interface RecoveryStep {
  readonly name: string;
  readonly outcome: "ok" | "skipped" | "warned" | "failed";
  readonly detail: string;
  readonly durationMs: number;
}

export type WalTail = "absent" | "clean" | "torn-tail" | "ambiguous" | "damaged";

/** What the last start found and did. */
export interface RecoveryReport {
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** False: the previous process ended by a clean stop. */
  readonly unclean: boolean;
  readonly createdNew: boolean;
  readonly walBytesFound: number;
  readonly walFramesFound: number;
  readonly walTail: WalTail;
  readonly framesReplayed: number;
  /** Start-ups since the store was made that found WAL residue. */
  readonly recoveriesTotal: number;
  readonly verdict: string;
  readonly steps: readonly RecoveryStep[];
}

/** Where the slow walk over everything that is stored has come to. */
export interface ScrubStatus {
  readonly state: "off" | "walking" | "resting" | "paused";
  /** Empty unless it is paused. */
  readonly pausedReason: string;
  /** What is being looked at; empty between two passes. */
  readonly phase: string;
  /** Of a pass, from 1; 0 = none is under way. */
  readonly step: number;
  readonly steps: number;
  readonly rowsDone: number;
  readonly bytesDone: number;
  /** 0 = no pass has begun. */
  readonly passStartedAtMs: number;
  /** Of the last pass that came to its end; 0 = none has. */
  readonly completedAtMs: number;
  /** That came to their end since this process began. */
  readonly passes: number;
  /** Since this process began. */
  readonly findings: number;
}

export interface EngineStatus {
  readonly state: EngineState;
  readonly reason: string;
  readonly storeId: StoreId;
  readonly nodeId: string;
  readonly epoch: Epoch;
  readonly sqliteVersion: string;
  readonly formatVersion: number;
  readonly databaseBytes: number;
  readonly walBytes: number;
  readonly freelistBytes: number;
  readonly diskFreeBytes: number;
  readonly diskTotalBytes: number;
  readonly heads: readonly { readonly namespace: Namespace; readonly head: Revision }[];
  readonly alarms: readonly Alarm[];
  readonly recovery: RecoveryReport;
  readonly scrub: ScrubStatus;
  readonly queue: { readonly requests: number; readonly bytes: number };
}

export interface PragmaReading {
  readonly name: string;
  readonly configured: string;
  /** Read on the connection itself, after a statement ran on it. */
  readonly effective: string;
  readonly drift: boolean;
}

export interface ConnectionReading {
  readonly name: string;
  readonly role: "writer" | "reader";
  readonly thread: string;
  readonly pragmas: readonly PragmaReading[];
}

export interface PragmaStatus {
  readonly connections: readonly ConnectionReading[];
  readonly compileOptions: readonly string[];
  readonly note: string;
}

export type CheckpointMode = "passive" | "full" | "restart" | "truncate";
export type CheckpointSource = "startup-recovery" | "periodic" | "manual" | "closeDatabase";
export type CheckpointOutcome =
  | "TRUNCATED"
  | "COMPLETE"
  | "PARTIAL"
  | "RESET_PENDING"
  | "SKIPPED_BUSY"
  | "NOTHING_TO_DO"
  | "FAILED";

export interface SnapshotReading {
  readonly id: number;
  /** The RPC that holds it, for example "Scan". */
  readonly owner: string;
  readonly namespace: Namespace;
  readonly revision: Revision;
  readonly ageMs: number;
}

export interface CheckpointPin {
  /** The last frame the reader lets be copied. */
  readonly frame: number;
  readonly ageMs: number;
  /** An own snapshot's owner, or "process <pid>" for a foreign reader. */
  readonly owner: string;
  readonly pid: number;
}

export interface CheckpointRecord {
  readonly atMs: number;
  readonly source: CheckpointSource;
  readonly modeRequested: CheckpointMode;
  /** Passive when SQLite had to fall back because the write lock was held. */
  readonly modeEffective: CheckpointMode;
  readonly outcome: CheckpointOutcome;
  /** SQLite's own busy column. */
  readonly busy: number;
  readonly framesTotal: number;
  readonly framesMoved: number;
  readonly walBytesBefore: number;
  readonly walBytesAfter: number;
  readonly durationMs: number;
  readonly pinnedBy: CheckpointPin | undefined;
  /** SQLite's result code when FAILED, else empty. */
  readonly code: string;
}

export interface WalReadMark {
  readonly slot: number;
  readonly frame: number;
  readonly held: boolean;
}

export interface WalStatus {
  readonly walBytes: number;
  readonly frames: number;
  readonly framesBackfilled: number;
  readonly salts: readonly [number, number];
  readonly checkpointSequence: number;
  readonly readMarks: readonly WalReadMark[];
  readonly snapshots: readonly SnapshotReading[];
  readonly softLimitBytes: number;
  readonly hardLimitBytes: number;
  readonly limitState: "ok" | "soft" | "hard";
  /** Newest first, at most checkpointHistoryMax. */
  readonly checkpoints: readonly CheckpointRecord[];
}

export type IntegrityMode = "quick" | "full" | "checksum" | "all";

export interface IntegrityProgress {
  readonly kind: "progress";
  readonly phase: string;
  readonly rowsDone: number;
  readonly rowsTotal: number;
  readonly elapsedMs: number;
}

export interface IntegrityReport {
  readonly kind: "report";
  readonly mode: IntegrityMode;
  readonly verdict: "passed" | "failed" | "cancelled" | "error";
  /** What is wrong, at most integrityMessagesMax; empty when passed. */
  readonly messages: readonly string[];
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly rowsChecked: number;
}

export interface CompactionReport {
  /** The oldest revision that is retained now. */
  readonly oldest: Revision;
  readonly historyBytesBefore: number;
  readonly historyBytesAfter: number;
}

export interface VacuumProgress {
  readonly freedBytes: number;
  readonly freelistBytes: number;
  readonly databaseBytesBefore: number;
  /** Shrinks once a checkpoint has moved the change. */
  readonly databaseBytesAfter: number;
  readonly done: boolean;
}

/** An event of the engine's own life, for operators. */
export interface EngineEvent {
  /** Dense from 1 in each process. */
  readonly sequence: number;
  readonly atMs: number;
  readonly kind: "checkpoint" | "recovery" | "integrity" | "alarm" | "config" | "state";
  readonly name: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** An engine as its operator meets it. */
export interface Maintenance {
  status(): EngineStatus;
  /** Called after every change of state, with the reason for people. */
  onState(listener: (state: EngineState, reason: string) => void): Cancel;
  /** Resolves when the writer has answered and a read was served; rejects with what was not. */
  probe(): Promise<void>;
  pragmas(): Promise<PragmaStatus>;
  wal(): WalStatus;
  /**
   * Forgets the log and the replaced versions of a namespace up to and including a revision, in
   * slices that let other writes through. Throws EngineError "revision-in-future".
   */
  compact(namespace: Namespace, upTo: Revision): Promise<CompactionReport>;
  /** Gives free pages back to the file system, in slices; the last item is done. */
  vacuum(signal: AbortSignal): AsyncIterable<VacuumProgress>;
  /** Callers that ask while a run of the same mode is waiting or running share its record. */
  checkpoint(mode: CheckpointMode): Promise<CheckpointRecord>;
  /** Runs in a process of its own; aborting the signal ends it. The last item is the report. */
  checkIntegrity(
    mode: IntegrityMode,
    signal: AbortSignal,
  ): AsyncIterable<IntegrityProgress | IntegrityReport>;
  /** The newest finished check of any mode, if there was one. */
  lastIntegrityReport(): IntegrityReport | undefined;
  /** Events with a sequence above `after`, then live ones, until the signal aborts. */
  events(after: number, signal: AbortSignal): AsyncIterable<EngineEvent>;
  /** Refuses new work until resume(); what runs may finish. */
  drain(reason: string): void;
  resume(): void;
}
