/**
 * Whether the store really answers. An event loop that turns is not enough: the disk may hang under
 * the writer while the process looks healthy. So a probe reads through the engine and asks the
 * writer thread for its pragmas, which it can only read between two groups; and a pragma that no
 * longer says what was configured is a finding as well.
 */
import type { Cancel, Clock } from "../foundation/clock.js";
import { describeError, type Log } from "../observability/log.js";
import { livenessProbeMs, storeProbeIntervalMs } from "../storage/limits.js";
import type { PragmaStatus } from "../storage/maintenance.js";
import type { StorageEngine } from "../storage/storage-engine.js";

/** What the last probe found. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly detail: string;
}

export class StoreProbe {
  readonly #engine: StorageEngine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stop: Cancel;
  #running = false;
  #last: ProbeResult = { ok: true, detail: "not probed yet" };

  private constructor(engine: StorageEngine, clock: Clock, log: Log) {
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
    this.#stop = clock.every(storeProbeIntervalMs, () => {
      // A failure is kept in the result; there is nobody else to tell.
      void this.#look();
    });
  }

  /** Probes now and again and again until closed. */
  static start(engine: StorageEngine, clock: Clock, log: Log): StoreProbe {
    return new StoreProbe(engine, clock, log);
  }

  get last(): ProbeResult {
    return this.#last;
  }

  /** Probes now. Rejects with what did not answer or what is wrong. */
  async probe(): Promise<void> {
    await this.#within("the state of the store", () => this.#engine.maintenance.status());
    const pragmas = await this.#within("the writer", () => this.#engine.maintenance.pragmas());
    const drifted = driftOf(pragmas);
    if (drifted.length > 0)
      throw new Error(`pragmas differ from their settings: ${drifted.join(", ")}`);
  }

  close(): void {
    this.#stop();
  }

  async #look(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const before = this.#last;
    try {
      await this.probe();
      this.#last = { ok: true, detail: "a read and the writer answered" };
    } catch (cause) {
      this.#last = { ok: false, detail: describeError(cause) };
      // Once per finding: the same line every few seconds helps nobody.
      if (before.detail !== this.#last.detail) {
        this.#log.event("daemon.probe-failed", { cause: this.#last.detail });
      }
    } finally {
      this.#running = false;
    }
  }

  /** The answer, or an error when it takes too long; what comes later is not looked at. */
  #within<T>(what: string, ask: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(livenessProbeMs, () => {
        reject(new Error(`no answer from ${what} within ${String(livenessProbeMs)} ms`));
      });
      Promise.resolve().then(ask).then(resolve, reject).finally(cancel);
    });
  }
}

function driftOf(status: PragmaStatus): readonly string[] {
  return status.connections.flatMap(({ name, pragmas }) => {
    return pragmas.filter(({ drift }) => drift).map((pragma) => `${name}.${pragma.name}`);
  });
}
