/**
 * Looks at everything that is stored, slowly and again and again, because damage that nobody reads
 * would otherwise be found when the last good backup is gone. Row by row: checksums, the way through
 * the unique index and back. A slice, then a rest that keeps both budgets; a pass, then a rest until
 * the interval is over. A restart goes on where the last one stopped.
 */
import type { Cancel, Clock } from "../../foundation/clock.js";
import { type StartThread, ThreadExitError, ThreadLink } from "../../foundation/thread-link.js";
import { describeError, type Log } from "../../observability/log.js";
import type { Metrics } from "../../observability/metrics.js";
import {
  scrubFirstMsMax,
  scrubPlaceKeptMs,
  scrubSliceBytesMax,
  scrubSliceRowsMax,
} from "../../storage/limits.js";
import type { ScrubStatus } from "../../storage/maintenance.js";
import type { EngineOptions } from "../engine-options.js";
import { reviveEngineError } from "../read/reader-pool.js";
import { type DamageWatch, withPages } from "./damage-watch.js";
import { restMs } from "./scrub-budget.js";
import { noProgress, readProgress, type ScrubProgress, writeProgress } from "./scrub-place.js";
import type { ScrubReplies, TimedSlice, ToScrubber } from "./scrub-protocol.js";
import { type ScrubPlace, scrubSteps } from "./scrub-slice.js";

export interface ScrubberPorts {
  readonly options: EngineOptions;
  /** Where its place is kept. */
  readonly placeFile: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly damage: DamageWatch;
  readonly startThread: StartThread;
  /** False while nothing may be read. */
  usable(): boolean;
}

const start: ScrubPlace = { step: 0, after: [] };

export class Scrubber {
  readonly #ports: ScrubberPorts;
  readonly #counters;
  #progress: ScrubProgress = noProgress;
  #findings = 0;
  #passes = 0;
  /** Empty = nothing keeps it from reading. */
  #pausedReason = "";
  #link: ThreadLink<ToScrubber, ScrubReplies> | undefined;
  #stop: Cancel = () => undefined;
  #slice: Promise<void> = Promise.resolve();
  #keptMs = 0;
  #closed = false;

  private constructor(ports: ScrubberPorts) {
    const { metrics } = ports;
    this.#ports = ports;
    this.#counters = {
      bytes: metrics.counter("scrubBytes"),
      findings: metrics.counter("scrubFindings"),
      passes: metrics.counter("scrubPasses"),
    };
    const completed = metrics.gauge("scrubCompleted");
    const progress = metrics.gauge("scrubProgress");
    metrics.beforeScrape(() => {
      completed.set(this.#progress.completedAtMs / 1_000);
      progress.set((this.#progress.place?.step ?? 0) / scrubSteps.length);
    });
  }

  /** Begins by itself a while after the start, so that it adds nothing to it. */
  static start(ports: ScrubberPorts): Scrubber {
    const scrubber = new Scrubber(ports);
    const { scrubBytesPerSecond, scrubIntervalMs } = ports.options;
    if (scrubBytesPerSecond === 0) return scrubber;
    scrubber.#after(Math.min(scrubFirstMsMax, scrubIntervalMs), async () => {
      scrubber.#progress = await readProgress(ports.placeFile);
      scrubber.#continue();
    });
    return scrubber;
  }

  status(): ScrubStatus {
    const { place, rows, bytes, passStartedAtMs, completedAtMs } = this.#progress;
    return {
      state: this.#state(),
      pausedReason: this.#pausedReason,
      phase: place === undefined ? "" : (scrubSteps[place.step] ?? ""),
      step: place === undefined ? 0 : place.step + 1,
      steps: scrubSteps.length,
      rowsDone: rows,
      bytesDone: bytes,
      passStartedAtMs,
      completedAtMs,
      passes: this.#passes,
      findings: this.#findings,
    };
  }

  #state(): ScrubStatus["state"] {
    if (this.#ports.options.scrubBytesPerSecond === 0) return "off";
    if (this.#pausedReason !== "") return "paused";
    return this.#progress.place === undefined ? "resting" : "walking";
  }

  /** Keeps its place and lets go of the file. Twice is fine. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop();
    await this.#slice;
    const link = this.#link;
    this.#link = undefined;
    if (link === undefined) return;
    await this.#keepPlace();
    // A thread that has ended has let go already.
    await link.request({ kind: "close" }).catch((cause: unknown) => {
      if (!(cause instanceof ThreadExitError)) throw cause;
    });
    await link.terminate();
  }

  #after(delayMs: number, run: () => Promise<void>): void {
    if (this.#closed) return;
    this.#stop = this.#ports.clock.after(delayMs, () => {
      this.#slice = run();
    });
  }

  /** The next slice of a pass under way, or the next pass when its time has come. */
  #continue(): void {
    const { clock, options } = this.#ports;
    const { place, passStartedAtMs } = this.#progress;
    const dueInMs = passStartedAtMs + options.scrubIntervalMs - clock.wallMs();
    if (place === undefined && passStartedAtMs > 0 && dueInMs > 0) {
      this.#after(Math.min(dueInMs, options.scrubIntervalMs), () => this.#oneSlice());
    } else {
      this.#after(1, () => this.#oneSlice());
    }
  }

  async #oneSlice(): Promise<void> {
    const { clock, options, log } = this.#ports;
    if (!this.#ports.usable()) {
      this.#pausedReason = "the store is not serving";
      this.#after(scrubPlaceKeptMs, () => this.#oneSlice());
      return;
    }
    const { completedAtMs } = this.#progress;
    const fresh = { rows: 0, bytes: 0, passStartedAtMs: clock.wallMs(), completedAtMs };
    const pass = this.#progress.place === undefined ? fresh : this.#progress;
    const place = this.#progress.place ?? start;
    try {
      const slice = await this.#ask(place);
      this.#pausedReason = "";
      this.#tell(slice);
      const rows = pass.rows + slice.rows;
      const bytes = pass.bytes + slice.bytes;
      const ended = slice.next === undefined;
      this.#progress = { ...pass, place: slice.next, rows, bytes };
      if (ended) await this.#complete();
      else if (clock.monotonicMs() - this.#keptMs >= scrubPlaceKeptMs) await this.#keepPlace();
      const { scrubBytesPerSecond: bytesPerSecond, scrubCpuPercent: cpuPercent } = options;
      if (ended) this.#continue();
      else this.#after(restMs(slice, { bytesPerSecond, cpuPercent }), () => this.#oneSlice());
    } catch (cause) {
      // Its thread has ended or the file cannot be opened just now: readers meet and report that.
      this.#pausedReason = describeError(cause);
      log.event("integrity.scrub-paused", { cause: this.#pausedReason });
      // It may have refused and be there still, with the file open.
      await this.#link?.terminate();
      this.#link = undefined;
      this.#after(scrubPlaceKeptMs, () => this.#oneSlice());
    }
  }

  #ask(place: ScrubPlace): Promise<TimedSlice> {
    this.#link ??= ThreadLink.start<ToScrubber, ScrubReplies>({
      name: "scrubber",
      startThread: this.#ports.startThread,
      entry: new URL("./scrub-thread.js", import.meta.url),
      workerData: { options: this.#ports.options },
      onEvent: () => undefined,
      onExit: () => undefined,
      revive: reviveEngineError,
    });
    const bounds = { rowsMax: scrubSliceRowsMax, bytesMax: scrubSliceBytesMax };
    return this.#link.request({ kind: "slice", place, bounds });
  }

  #tell(slice: TimedSlice): void {
    const { damage, log } = this.#ports;
    this.#counters.bytes.add(slice.bytes);
    for (const code of slice.repeated) damage.noteRepeated(code);
    for (const { table, rowId, problem, place, keyHash } of slice.findings) {
      this.#findings++;
      this.#counters.findings.add();
      const pages = damage.pagesOf(place);
      log.event("integrity.scrub-found", { table, rowId, problem, pages, keyHash });
      const detail = withPages(`${table} row ${rowId}: ${problem}`, pages);
      damage.found("the scrubber found damage", detail);
    }
  }

  async #complete(): Promise<void> {
    const { clock, log } = this.#ports;
    const completedAtMs = clock.wallMs();
    this.#progress = { ...this.#progress, completedAtMs };
    this.#passes++;
    this.#counters.passes.add();
    const { rows, bytes, passStartedAtMs } = this.#progress;
    const durationMs = Math.max(0, completedAtMs - passStartedAtMs);
    log.event("integrity.scrub-completed", { rows, bytes, durationMs, findings: this.#findings });
    await this.#keepPlace();
  }

  async #keepPlace(): Promise<void> {
    this.#keptMs = this.#ports.clock.monotonicMs();
    try {
      await writeProgress(this.#ports.placeFile, this.#progress);
    } catch (cause) {
      // Only the next start is affected, and only in where it begins.
      this.#ports.log.event("integrity.scrub-paused", { cause: describeError(cause) });
    }
  }
}
