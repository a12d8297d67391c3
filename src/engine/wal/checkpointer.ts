/**
 * Owns the size of the WAL. Decides on the main thread, while the writer's thread does the work
 * between two groups: so a checkpoint never races a commit, and at most one runs at a time. Nothing
 * in here waits on SQLite. A partial pass is normal; one that moves nothing makes a pause, because
 * what pins the WAL is still there, and the line in the log names it.
 */
import type { Cancel, Clock } from "../../foundation/clock.js";
import { sleep } from "../../foundation/clock.js";
import type { Random } from "../../foundation/random.js";
import type { EngineEvents } from "../../observability/events.js";
import type { Log } from "../../observability/log.js";
import type { Metrics } from "../../observability/metrics.js";
import { EngineError } from "../../storage/errors.js";
import { checkpointPauseMsMinAtHardLimit } from "../../storage/limits.js";
import type {
  Alarm,
  CheckpointMode,
  CheckpointPin,
  CheckpointRecord,
  CheckpointSource,
  WalStatus,
} from "../../storage/maintenance.js";
import type { EngineOptions } from "../engine-options.js";
import type { RawCheckpoint, WalGauge } from "../sqlite/raw-checkpoint.js";
import { faultOfCode } from "../sqlite/result-codes.js";
import { checkpointRecord, isComplete } from "./checkpoint-outcome.js";
import { cameToNothing, nextStep, pauseMs, type WalView } from "./checkpoint-policy.js";
import { CheckpointReport } from "./checkpoint-report.js";
import { type PinSources, pinnedBy } from "./pinned-by.js";
import { type HeldReaders, ReaderHold } from "./reader-hold.js";
import { WalLimitWatch } from "./wal-limits.js";

export type CheckpointerOptions = Pick<
  EngineOptions,
  "file" | "checkpointIntervalMs" | "walSoftLimitBytes" | "walHardLimitBytes"
>;

export interface CheckpointerPorts extends PinSources {
  /** Runs on the writer's connection between two groups. A rejection means the writer is gone. */
  run(mode: CheckpointMode): Promise<RawCheckpoint>;
  readonly snapshots: PinSources["snapshots"] &
    HeldReaders & {
      /** Ends every snapshot of ours, checks in child processes included. Returns how many. */
      cancelAll(reason: string): number;
    };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: EngineEvents;
}

/** Attempts in a row that came to nothing, and when the next may be made. */
interface Pause {
  attempts: number;
  untilMs: number;
}

const chanceSteps = 1_000;

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #ports: CheckpointerPorts;
  readonly #report: CheckpointReport;
  readonly #limits: WalLimitWatch;
  readonly #hold: ReaderHold;
  readonly #pauses: Record<CheckpointMode, Pause>;
  readonly #flights = new Map<CheckpointMode, Promise<CheckpointRecord>>();
  #tail: Promise<unknown> = Promise.resolve();
  #gauge: WalGauge;
  #committed = false;
  #climbing = false;
  #mustWait = false;
  #lastCompleteMs: number;
  #stopTicking: Cancel = () => undefined;
  #stopRetry: Cancel | undefined;
  #closed = false;

  private constructor(options: CheckpointerOptions, ports: CheckpointerPorts, gauge: WalGauge) {
    this.#options = options;
    this.#ports = ports;
    this.#gauge = gauge;
    this.#report = new CheckpointReport({ ...ports, file: options.file });
    this.#limits = new WalLimitWatch(options, { ...ports, pin: () => this.#pin() });
    this.#hold = new ReaderHold(ports.snapshots);
    const pause = (): Pause => ({ attempts: 0, untilMs: 0 });
    this.#pauses = { passive: pause(), full: pause(), restart: pause(), truncate: pause() };
    this.#lastCompleteMs = ports.clock.monotonicMs();
  }

  /** The gauge as the writer measured it last. An interval of 0 makes no periodic runs. */
  static start(
    options: CheckpointerOptions,
    ports: CheckpointerPorts,
    gauge: WalGauge,
  ): Checkpointer {
    const checkpointer = new Checkpointer(options, ports, gauge);
    checkpointer.#followBlockedTime();
    if (options.checkpointIntervalMs > 0) {
      checkpointer.#stopTicking = ports.clock.every(options.checkpointIntervalMs, () => {
        checkpointer.#tick();
      });
    }
    return checkpointer;
  }

  /** After every group, with the writer's newest gauge. Cheap unless a rung is reached. */
  noteCommit(gauge: WalGauge): void {
    this.#gauge = gauge;
    this.#committed = true;
    this.#limits.note(gauge.walBytes);
    // At once, and not after a run in vain: what waits behind this group must not go on top of it.
    this.#mustWait = this.#limits.state === "hard";
    this.#climb({ retry: false });
  }

  /** The last snapshot of ours has ended: what it pinned may move now. */
  noteSnapshotsEnded(): void {
    for (const pause of Object.values(this.#pauses)) pause.untilMs = 0;
    this.#climb({ retry: this.#stopRetry !== undefined || this.#hold.holding });
  }

  /** Counts the checkpoint of the start; logs it when it had something to recover. */
  noteStartup(raw: RawCheckpoint, recovered: boolean): CheckpointRecord {
    this.#gauge = raw.after;
    const record = this.#recordOf(raw, "truncate", "startup-recovery");
    this.#report.add(record, raw, recovered);
    return record;
  }

  /** Asked for by an operator. Callers that ask while a run of the mode waits or runs share it. */
  async request(mode: CheckpointMode): Promise<CheckpointRecord> {
    if (this.#closed) {
      throw new EngineError("draining", "the store is closing", {
        hint: "the last checkpoint of the stop moves every frame anyway",
      });
    }
    return this.#enqueue(mode, "manual", true);
  }

  /** Gives back what can be given back, because the disk is full. Quiet unless it fails. */
  relieve(): Promise<CheckpointRecord> {
    return this.#enqueue("truncate", "periodic", false);
  }

  /** At the hard limit, until ending our snapshots or TRUNCATE has helped. */
  writesMustWait(): boolean {
    return this.#mustWait;
  }

  alarm(): Alarm | undefined {
    return this.#limits.alarm;
  }

  status(): Pick<
    WalStatus,
    "walBytes" | "softLimitBytes" | "hardLimitBytes" | "limitState" | "checkpoints"
  > {
    return {
      walBytes: this.#gauge.walBytes,
      softLimitBytes: this.#options.walSoftLimitBytes,
      hardLimitBytes: this.#options.walHardLimitBytes,
      limitState: this.#limits.state,
      checkpoints: this.#report.history(),
    };
  }

  /** No further run is begun; resolves when the one under way has ended. Twice is fine. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTicking();
    this.#stopRetry?.();
    await this.#tail;
  }

  /**
   * The last checkpoint of a clean stop, after snapshots and readers have ended: closes, then tries
   * until the WAL is empty or the budget is used up. The caller writes no clean marker unless the
   * outcome is TRUNCATED or NOTHING_TO_DO.
   */
  async finish(budgetMs: number): Promise<CheckpointRecord> {
    await this.close();
    const { clock } = this.#ports;
    const deadlineMs = clock.monotonicMs() + budgetMs;
    for (;;) {
      const raw = await this.#runRaw("truncate");
      const record = this.#recordOf(raw, "truncate", "closeDatabase");
      const over = clock.monotonicMs() + checkpointPauseMsMinAtHardLimit > deadlineMs;
      if (isComplete(record.outcome) || record.outcome === "FAILED" || over) {
        this.#report.add(record, raw, true);
        return record;
      }
      await sleep(clock, checkpointPauseMsMinAtHardLimit);
    }
  }

  /** Every interval one run at least, logged also when there was nothing to do. */
  #tick(): void {
    const idle = !this.#committed;
    this.#committed = false;
    const view = this.#view({ intervalElapsed: true, idle });
    // While a pause lasts its retry is the periodic run, so that the pauses can be seen to grow.
    if (view.passivePaused || this.#climbing) return;
    const step = nextStep(view, this.#options);
    this.#start(async () => {
      await this.#take(step.kind === "wait" ? { kind: "passive" } : step, true);
      await this.#climbAll({ intervalElapsed: false, idle, aloud: true });
    });
  }

  /** A retry takes what is pending however little it is, and says aloud how it ended. */
  #climb({ retry }: { readonly retry: boolean }): void {
    if (this.#climbing || this.#closed) return;
    const view = this.#view({ intervalElapsed: retry, idle: false });
    if (nextStep(view, this.#options).kind === "wait") return;
    this.#start(() => this.#climbAll({ intervalElapsed: retry, idle: false, aloud: retry }));
  }

  /** One climb at a time; what was noted meanwhile is looked at when it ends. */
  #start(climb: () => Promise<void>): void {
    this.#climbing = true;
    void climb().finally(() => {
      this.#climbing = false;
      this.#hold.letIn();
      this.#climb({ retry: false });
      this.#neverGiveUp();
    });
  }

  /** At the hard limit no commit comes that would ask for the next attempt, so a timer always does. */
  #neverGiveUp(): void {
    const idle = !this.#climbing && this.#stopRetry === undefined;
    if (idle && this.#limits.state === "hard") this.#retryAfter(checkpointPauseMsMinAtHardLimit);
  }

  /** Ends because each step moves frames, shrinks the file, or makes a pause. */
  async #climbAll(how: {
    readonly intervalElapsed: boolean;
    readonly idle: boolean;
    readonly aloud: boolean;
  }): Promise<void> {
    let { intervalElapsed } = how;
    for (;;) {
      const step = nextStep(this.#view({ ...how, intervalElapsed }), this.#options);
      if (step.kind === "wait" || this.#closed) return;
      await this.#take(step, how.aloud);
      // Once is enough: under load there are always a few new frames.
      intervalElapsed = false;
    }
  }

  async #take(
    step: Exclude<ReturnType<typeof nextStep>, { kind: "wait" }>,
    aloud: boolean,
  ): Promise<void> {
    if (step.kind === "truncate" && step.cancelSnapshots) {
      this.#hold.begin();
      this.#ports.snapshots.cancelAll("the WAL is at its hard limit");
    }
    await this.#enqueue(step.kind, "periodic", aloud);
  }

  #enqueue(
    mode: CheckpointMode,
    source: CheckpointSource,
    aloud: boolean,
  ): Promise<CheckpointRecord> {
    const present = this.#flights.get(mode);
    if (present !== undefined) return present;
    const flight = this.#tail.then(async () => {
      const record = await this.#execute(mode, source, aloud);
      this.#flights.delete(mode);
      return record;
    });
    this.#flights.set(mode, flight);
    this.#tail = flight;
    return flight;
  }

  /** Never rejects: a writer that is gone is an outcome too. */
  async #execute(
    mode: CheckpointMode,
    source: CheckpointSource,
    aloud: boolean,
  ): Promise<CheckpointRecord> {
    const raw = await this.#runRaw(mode);
    const record = this.#recordOf(raw, mode, source);
    this.#gauge = raw.after;
    this.#limits.note(raw.after.walBytes);
    const hard = this.#limits.state === "hard";
    this.#mustWait = hard;
    this.#settle(record);
    this.#hold.note(record);
    const remarkable = cameToNothing(record) || record.outcome === "FAILED";
    this.#report.add(record, raw, aloud || remarkable);
    if (raw.kind === "threw") this.#stopAfterFault(raw.code);
    return record;
  }

  async #runRaw(mode: CheckpointMode): Promise<RawCheckpoint> {
    try {
      return await this.#ports.run(mode);
    } catch (cause) {
      // The writer's end is reported where the writer is owned; here it is a run that did not run.
      const message = cause instanceof Error ? cause.message : String(cause);
      const gauge = this.#gauge;
      return {
        kind: "threw",
        code: "WRITER_GONE",
        message,
        before: gauge,
        after: gauge,
        durationMs: 0,
      };
    }
  }

  #recordOf(raw: RawCheckpoint, mode: CheckpointMode, source: CheckpointSource): CheckpointRecord {
    const stuck = raw.kind === "ran" && (raw.row.busy !== 0 || raw.row.checkpointed < raw.row.log);
    const pin = stuck ? this.#pin() : undefined;
    const atMs = this.#ports.clock.wallMs();
    return checkpointRecord({ raw, mode, source, atMs, pinnedBy: pin });
  }

  /**
   * A run that came to nothing makes its mode pause. One that moved a part is tried again after the
   * shortest pause, while the load may ask for another at any time. A complete one ends all that.
   */
  #settle(record: CheckpointRecord): void {
    const nowMs = this.#ports.clock.monotonicMs();
    const pause = this.#pauses[record.modeRequested];
    const stuck = cameToNothing(record);
    pause.attempts = stuck ? pause.attempts + 1 : 0;
    pause.untilMs = 0;
    if (isComplete(record.outcome)) {
      this.#lastCompleteMs = nowMs;
      // Another mode may still wait for its next attempt: at the hard limit writes depend on it.
      const awaited = Object.values(this.#pauses).some(({ untilMs }) => untilMs > nowMs);
      if (!awaited) this.#stopRetry?.();
      if (!awaited) this.#stopRetry = undefined;
      return;
    }
    const chance = this.#ports.random.below(chanceSteps) / chanceSteps;
    const waitMs = pauseMs(Math.max(1, pause.attempts), chance, this.#limits.state);
    if (stuck) pause.untilMs = nowMs + waitMs;
    this.#retryAfter(waitMs);
  }

  #retryAfter(waitMs: number): void {
    if (this.#closed) return;
    this.#stopRetry?.();
    this.#stopRetry = this.#ports.clock.after(waitMs, () => {
      this.#stopRetry = undefined;
      this.#climb({ retry: true });
      // Both modes may still pause: then nothing began that would ask for the next attempt.
      this.#neverGiveUp();
    });
  }

  /** After a disk error a further checkpoint is what destroys data. */
  #stopAfterFault(code: string): void {
    const { kind } = faultOfCode(code);
    if (kind === "busy" || kind === "disk-full") return;
    this.#closed = true;
    this.#stopTicking();
    this.#stopRetry?.();
  }

  #view(now: Pick<WalView, "intervalElapsed" | "idle">): WalView {
    const nowMs = this.#ports.clock.monotonicMs();
    return {
      gauge: this.#gauge,
      snapshots: this.#ports.snapshots.count(),
      intervalElapsed: now.intervalElapsed,
      idle: now.idle,
      passivePaused: nowMs < this.#pauses.passive.untilMs,
      truncatePaused: nowMs < this.#pauses.truncate.untilMs,
    };
  }

  #pin(): CheckpointPin | undefined {
    return pinnedBy(this.#gauge.backfilled, this.#ports);
  }

  /** How long frames have been waiting for a complete run; read when somebody scrapes. */
  #followBlockedTime(): void {
    const { clock, metrics } = this.#ports;
    const blocked = metrics.gauge("checkpointBlocked");
    metrics.beforeScrape(() => {
      const pending = this.#gauge.frames > this.#gauge.backfilled;
      blocked.set(pending ? (clock.monotonicMs() - this.#lastCompleteMs) / 1_000 : 0);
    });
  }
}
