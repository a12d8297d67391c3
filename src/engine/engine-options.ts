/**
 * Everything the engine is told, complete: past this point nobody writes a default. The daemon
 * fills it from its configuration; defaults and bounds live there and in storage/limits.ts.
 */
import type { Clock } from "../foundation/clock.js";
import type { Failpoints } from "../foundation/failpoint.js";
import type { Random } from "../foundation/random.js";
import type { StartThread } from "../foundation/thread-link.js";
import type { Log } from "../observability/log.js";
import type { Metrics } from "../observability/metrics.js";

export type Synchronous = "EXTRA" | "FULL" | "NORMAL" | "OFF";

export interface EngineOptions {
  /** The database file; its directory becomes the data directory. */
  readonly file: string;
  /** Undefined = made once and stored. */
  readonly nodeId: string | undefined;
  readonly synchronous: Synchronous;
  readonly foreignKeys: boolean;
  /** SQLite's own wait for a lock, small: it blocks its thread. */
  readonly nativeBusyTimeoutMs: number;
  /** How long a queued write may wait for a lock that another process holds. */
  readonly busyBudgetMs: number;
  /** Page cache of the writer and of the point reader, each. */
  readonly cacheBytes: number;
  /** 0 = no periodic checkpoints. */
  readonly checkpointIntervalMs: number;
  readonly walSoftLimitBytes: number;
  readonly walHardLimitBytes: number;
  readonly integrityOnStart: "off" | "quick" | "full";
  readonly integrityFailurePolicy: "refuse" | "readonly" | "warn";
  /** How long a quick check may hold readiness back after an unclean stop. */
  readonly integrityStartupBudgetMs: number;
  readonly verifyChecksumsOnRead: boolean;
  readonly namespaceAutoCreate: boolean;
  readonly valueBytesMax: number;
  readonly writeQueueRequestsMax: number;
  readonly readerThreads: number;
  /** How long a reader may leave a snapshot unused before it is cut. */
  readonly snapshotIdleMsMax: number;
  readonly allowNetworkFileSystem: boolean;
  /** Go on with a database that lacks acknowledged writes; its history gets a new store id. */
  readonly acceptLostWrites: boolean;
  /** Kept free for a full disk, at most a share of the file system; 0 = none. */
  readonly diskReserveBytes: number;
  /** Budgets of the scrubber; 0 bytes = it is off. */
  readonly scrubBytesPerSecond: number;
  readonly scrubCpuPercent: number;
  /** From the start of one of its passes to that of the next, if it ended by then. */
  readonly scrubIntervalMs: number;
}

/** Why the process must end: the disk, what lies on it, or a thread that cannot be had. */
export interface FatalFault {
  readonly kind: "io" | "damaged" | "thread";
  readonly reason: string;
}

/**
 * What comes in from outside so that tests can hold it: time, chance, threads, failure, and who
 * listens.
 */
export interface EnginePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly failpoints: Failpoints;
  /** `startWorker`, unless the test decides which message comes next. */
  readonly startThread: StartThread;
  readonly log: Log;
  readonly metrics: Metrics;
  /**
   * The engine has latched closed: nothing more is written or checkpointed. The process must exit,
   * from the main thread, without closing the engine. "io" may heal by a restart, "damaged" will not;
   * "thread" says that the system has none for us, and nothing about the files.
   */
  onFatal(fault: FatalFault): void;
}
