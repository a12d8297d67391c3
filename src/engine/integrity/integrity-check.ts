/**
 * Integrity checks, one at a time, each in a process of its own: they read the whole file, they
 * cannot be interrupted, and while SQLite's own checks run they pin the WAL. The newest finished
 * report is kept. A check that could not be made counts as a failure: then nothing is known.
 */
import type { Clock } from "../../foundation/clock.js";
import type { EngineEvents } from "../../observability/events.js";
import { describeError, type Log, type LogFields } from "../../observability/log.js";
import type { LogEventName } from "../../observability/log-events.js";
import type { BoundCounter, Metrics } from "../../observability/metrics.js";
import type {
  IntegrityMode,
  IntegrityProgress,
  IntegrityReport,
} from "../../storage/maintenance.js";
import { CheckChild, type CheckEnd } from "./check-child.js";
import type { CheckOrder } from "./integrity-protocol.js";

export interface IntegrityPorts {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: EngineEvents;
  /** Failures counted before this process: the counter goes on across restarts. */
  readonly failuresBefore: number;
  /** Remembers one failure in the store, because the process may end over it. */
  readonly countFailure: () => Promise<void>;
}

type Source = "startup" | "manual";

export class IntegrityChecker {
  readonly #ports: IntegrityPorts;
  readonly #failures: BoundCounter;
  #running: CheckChild | undefined;
  /** Settles when the check that was asked for last has ended. */
  #turn: Promise<unknown> = Promise.resolve();
  #last: IntegrityReport | undefined;
  #closed = false;

  constructor(ports: IntegrityPorts) {
    this.#ports = ports;
    this.#failures = ports.metrics.counter("integrityFailures");
    this.#failures.add(ports.failuresBefore);
  }

  /**
   * Waits for its turn, then progress now and then, and a report as the last item. Aborting, or
   * leaving the iteration, kills the process; an aborted check ends with the verdict "cancelled".
   */
  check(
    mode: IntegrityMode,
    signal: AbortSignal,
  ): AsyncGenerator<IntegrityProgress | IntegrityReport, void> {
    return this.#inTurn(mode, signal, "manual");
  }

  /** The check of a start, with its own phrases in the log. Never rejects for what it finds. */
  async checkAtStart(mode: "quick" | "full"): Promise<IntegrityReport> {
    const never = new AbortController().signal;
    const items = this.#inTurn(mode, never, "startup");
    for (;;) {
      const item = await items.next();
      if (item.done !== true && item.value.kind === "report") {
        await items.return();
        return item.value;
      }
    }
  }

  /** Ends the check that runs, because what it pins is needed. Returns how many were ended. */
  cancel(reason: string): number {
    if (this.#running === undefined) return 0;
    this.#running.kill(reason);
    return 1;
  }

  /** What to call a process that holds a lock, if it is the one that checks. */
  nameOfProcess(pid: number): string | undefined {
    return this.#running?.pid === pid ? "integrity check" : undefined;
  }

  /** The newest check that came to an end by itself. */
  lastReport(): IntegrityReport | undefined {
    return this.#last;
  }

  /** Ends the check that runs and lets no other begin. Resolves when its process is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.cancel("the store is closing");
    await this.#running?.gone;
  }

  async *#inTurn(
    mode: IntegrityMode,
    signal: AbortSignal,
    source: Source,
  ): AsyncGenerator<IntegrityProgress | IntegrityReport, void> {
    const before = this.#turn;
    let end: () => void = () => undefined;
    const own = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#turn = Promise.all([before, own]);
    try {
      await settledOrAborted(before, signal);
      yield* this.#run(mode, signal, source);
    } finally {
      end();
    }
  }

  async *#run(
    mode: IntegrityMode,
    signal: AbortSignal,
    source: Source,
  ): AsyncGenerator<IntegrityProgress | IntegrityReport, void> {
    const { clock, file } = this.#ports;
    const startedMs = clock.monotonicMs();
    const startedAtMs = clock.wallMs();
    const report = (end: CheckEnd): IntegrityReport => {
      const durationMs = clock.monotonicMs() - startedMs;
      return { kind: "report", mode, startedAtMs, durationMs, ...verdictOf(end) };
    };
    if (this.#closed || signal.aborted) {
      const reason = signal.aborted ? "the caller went away" : "the store is closing";
      yield report({ kind: "killed", reason });
      return;
    }
    const child = startOrReason({ file, mode });
    if (typeof child === "string") {
      const failed = report({ kind: "impossible", reason: child });
      await this.#finish(failed, source);
      yield failed;
      return;
    }
    this.#running = child;
    const kill = (): void => {
      child.kill("the caller went away");
    };
    signal.addEventListener("abort", kill, { once: true });
    try {
      for (;;) {
        const item = await child.next();
        if (item.kind === "progress") {
          yield { ...item, elapsedMs: clock.monotonicMs() - startedMs };
          continue;
        }
        const finished = report(item);
        await this.#finish(finished, source);
        yield finished;
        return;
      }
    } finally {
      signal.removeEventListener("abort", kill);
      child.kill("the caller went away");
      await child.gone;
      this.#running = undefined;
    }
  }

  async #finish(report: IntegrityReport, source: Source): Promise<void> {
    if (report.verdict === "cancelled") return;
    this.#last = report;
    if (report.verdict === "passed") {
      this.#tell(report, source, {});
      return;
    }
    this.#failures.add();
    try {
      await this.#ports.countFailure();
      this.#tell(report, source, {});
    } catch (cause) {
      // The count of this process is right, and the port has told whoever must know that the disk failed.
      this.#tell(report, source, { notCounted: describeError(cause) });
    }
  }

  #tell(report: IntegrityReport, source: Source, extra: LogFields): void {
    const { log, events, file } = this.#ports;
    const name = eventNameOf(report, source);
    const { mode, verdict, durationMs, rowsChecked, messages } = report;
    const problems = messages.length === 0 ? undefined : messages.join(" | ");
    const fields = { db: file, source, mode, durationMs, rowsChecked, ...extra };
    log.event(name, { ...fields, problems, reason: problems });
    events.publish({
      kind: "integrity",
      severity: verdict === "passed" ? "info" : "critical",
      name,
      message: `${source} integrity check (${mode}): ${verdict}`,
      attributes: { mode, verdict, problems: String(messages.length) },
    });
  }
}

/** Most reasons why a process cannot start arrive as its end; a few are thrown at once. */
function startOrReason(order: CheckOrder): CheckChild | string {
  try {
    return CheckChild.start(order);
  } catch (cause) {
    return `the checking process cannot be started: ${describeError(cause)}`;
  }
}

function eventNameOf({ mode, verdict }: IntegrityReport, source: Source): LogEventName {
  if (source === "manual") {
    return verdict === "passed" ? "integrity.check-passed" : "integrity.check-failed";
  }
  if (verdict === "error") return "integrity.startup-not-run";
  if (mode === "quick") {
    return verdict === "passed"
      ? "integrity.startup-quick-passed"
      : "integrity.startup-quick-failed";
  }
  return verdict === "passed" ? "integrity.startup-full-passed" : "integrity.startup-full-failed";
}

function verdictOf(end: CheckEnd): Pick<IntegrityReport, "verdict" | "messages" | "rowsChecked"> {
  switch (end.kind) {
    case "result": {
      const { messages, rowsChecked } = end;
      return { verdict: messages.length === 0 ? "passed" : "failed", messages, rowsChecked };
    }
    case "impossible":
      return { verdict: "error", messages: [end.reason], rowsChecked: 0 };
    case "killed":
      return { verdict: "cancelled", messages: [end.reason], rowsChecked: 0 };
  }
}

function settledOrAborted(turn: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      signal.removeEventListener("abort", go);
      resolve();
    };
    signal.addEventListener("abort", go);
    if (signal.aborted) go();
    void turn.finally(go);
  });
}
