/**
 * A daemon from the first listener to the last close. The listeners are bound before the store is
 * opened: a long recovery can be watched from outside (health NOT_SERVING, calls NOT_READY), and
 * only an open store makes health say SERVING.
 */
import type { Config } from "../config/settings.js";
import { type EnginePorts, type FatalFault, openEngine } from "../engine/index.js";
import type { WaitingWriter } from "../engine/writer-link.js";
import type { Cancel, Clock } from "../foundation/clock.js";
import { Failpoints } from "../foundation/failpoint.js";
import { systemRandom } from "../foundation/random.js";
import { startWorker } from "../foundation/thread-link.js";
import { describeError, type Log } from "../observability/log.js";
import { Metrics } from "../observability/metrics.js";
import { Readiness } from "../rpc/readiness.js";
import { extendTimeoutMs, lastAnswersMs, pageTokenSecretBytes } from "../storage/limits.js";
import type { StorageEngine } from "../storage/storage-engine.js";
import { engineOptions } from "./engine-setup.js";
import { type ExitName, exitCode } from "./exit-codes.js";
import { followEngine } from "./follow-engine.js";
import { type Listeners, openListeners } from "./listeners.js";
import { StoreProbe } from "./liveness.js";
import { pageTokenSecret } from "./page-token-secret.js";
import { followProcess } from "./process-metrics.js";
import { Patience, stopInOrder } from "./shutdown.js";
import { stopSteps } from "./stop-steps.js";
import { followStore } from "./store-metrics.js";
import { exitAnswered, exitAtOnce } from "./sudden-exit.js";
import type { SystemdNotify } from "./systemd-notify.js";

const exitOfFatal = {
  io: "io",
  damaged: "damaged",
  thread: "unexpected",
} as const satisfies Record<FatalFault["kind"], ExitName>;

export interface DaemonParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly notify: SystemdNotify;
  readonly version: string;
  /** Started before this module was loaded. */
  readonly writer: WaitingWriter;
}

export class RunningDaemon {
  readonly #parts: DaemonParts;
  readonly #metrics = new Metrics();
  readonly #readiness = new Readiness();
  readonly #random = systemRandom();
  readonly #startedAtMs: number;
  /** Random until the store is open and gives the lasting one; no call can get a token before. */
  readonly #tokenSecret: Uint8Array;
  readonly #patience: Patience;
  #listeners: Listeners | undefined;
  #engine: StorageEngine | undefined;
  #probe: StoreProbe | undefined;
  #unfollow: Cancel = () => undefined;
  #stopSignal: NodeJS.Signals | undefined;
  #started = false;
  /** The store has latched, and the process ends as soon as that is answered. */
  #failing = false;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
    this.#startedAtMs = parts.clock.wallMs();
    this.#tokenSecret = this.#random.bytes(pageTokenSecretBytes);
    this.#patience = new Patience(parts.clock);
  }

  /** Resolves when calls are served. Rejects when it cannot be, and then nothing is open. */
  async start(): Promise<void> {
    const { notify } = this.#parts;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        this.#onSignal(signal);
      });
    }
    const bound = await this.#bind();
    const stopAsking = notify.extendTimeout(extendTimeoutMs);
    try {
      this.#engine = await this.#openStore();
    } catch (cause) {
      await this.#listeners?.close();
      throw cause;
    } finally {
      stopAsking();
    }
    if (bound !== undefined) {
      // The store was only opened to find out whether somebody else has it; see #bind.
      await this.#engine.close();
      throw bound;
    }
    this.#started = true;
    if (this.#stopSignal !== undefined) await this.#stop(this.#stopSignal);
    else await this.#serve(this.#engine);
  }

  /**
   * Binds every address. A port that is taken is usually held by a daemon on the same store, and
   * "locked" says more than "in use": so that failure is handed back until the store was tried.
   */
  async #bind(): Promise<Error | undefined> {
    const { config, clock, log, version } = this.#parts;
    try {
      this.#listeners = await openListeners({
        config,
        clock,
        log,
        version,
        metrics: this.#metrics,
        random: this.#random,
        readiness: this.#readiness,
        tokenSecret: this.#tokenSecret,
        startedAtMs: this.#startedAtMs,
        engine: () => this.#engine,
        storeCheck: () => this.#probe?.last ?? { ok: false, detail: "the store is not open" },
      });
      return undefined;
    } catch (cause) {
      if (cause instanceof Error) return cause;
      throw cause;
    }
  }

  async #openStore(): Promise<StorageEngine> {
    const { config, clock, log, writer } = this.#parts;
    this.#readiness.set("recovering", "the store is being opened");
    const ports: EnginePorts = {
      clock,
      log,
      random: this.#random,
      metrics: this.#metrics,
      failpoints: Failpoints.parse(config.failpoints ?? ""),
      startThread: startWorker,
      onFatal: ({ kind, reason }) => {
        this.#onFatal(exitOfFatal[kind], reason);
      },
    };
    const engine = await openEngine(engineOptions(config), ports, writer);
    try {
      this.#tokenSecret.set(pageTokenSecret(config.sqliteFile, this.#random));
    } catch (cause) {
      await engine.close();
      throw cause;
    }
    return engine;
  }

  async #serve(engine: StorageEngine): Promise<void> {
    const { config, clock, log, notify, version } = this.#parts;
    const status = engine.maintenance.status();
    followStore(this.#metrics, () => this.#engine);
    const { sqliteVersion } = status;
    // The writer, the point reader, each reader thread and the hot entries have one each.
    const cacheBudgetBytes = config.cacheBytes * (3 + config.readerThreads);
    const facts = { version, sqliteVersion, startedAtMs: this.#startedAtMs, cacheBudgetBytes };
    followProcess(this.#metrics, facts, clock);
    this.#probe = StoreProbe.start(engine, clock, log);
    this.#unfollow = followEngine(engine, this.#readiness, (cause) => {
      exitAtOnce("unexpected", `the engine's events ended: ${describeError(cause)}`, log);
    });
    const { grpc, http } = this.#addresses();
    log.event("daemon.ready", { grpc, http, version, pid: process.pid });
    const ready = { event: "ready", grpc, http, pid: process.pid, version };
    process.stdout.write(`${JSON.stringify(ready)}\n`);
    notify.feedWatchdog(() => this.#probe?.probe() ?? Promise.resolve());
    await notify.ready(`serving on ${grpc.join(", ")}`);
  }

  #addresses(): { readonly grpc: readonly string[]; readonly http: string | undefined } {
    return { grpc: this.#listeners?.grpc.addresses ?? [], http: this.#listeners?.ops?.address };
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (this.#failing) return;
    if (this.#stopSignal !== undefined) {
      this.#patience.hurry();
      return;
    }
    this.#stopSignal = signal;
    // A store that is being opened is closed in order too, as soon as it is open.
    if (this.#started) void this.#stop(signal);
  }

  async #stop(signal: NodeJS.Signals): Promise<void> {
    const { clock, log, notify, config } = this.#parts;
    log.event("daemon.stopping", { signal });
    this.#probe?.close();
    this.#unfollow();
    const steps = stopSteps({
      readiness: this.#readiness,
      listeners: this.#listeners,
      engine: this.#engine,
      notify,
      drainMs: config.shutdownDrainMs,
    });
    const outcomes = await stopInOrder(steps, this.#patience, { clock, log });
    // The store's own step latched it: its exit is under way, with another code.
    if (this.#failing) return;
    const name: ExitName = outcomes.get("store") === "done" ? "clean" : "unexpected";
    if (name === "clean") log.event("daemon.stopped", { exitCode: exitCode(name) });
    else exitAtOnce(name, "the store was not closed in order; the next start recovers it", log);
    process.exit(exitCode(name));
  }

  #onFatal(name: ExitName, reason: string): void {
    const { clock, notify, log } = this.#parts;
    if (this.#failing) return;
    this.#failing = true;
    this.#readiness.set("failed", reason);
    // Its child is started before the process ends, and does not need us any more.
    void notify.status(`stopped by a fault: ${reason}`);
    const grpc = this.#listeners?.grpc;
    // A start goes on to no ready line, and has nobody to answer.
    if (grpc === undefined || !this.#started) exitAtOnce(name, reason, log);
    exitAnswered(name, reason, { clock, log, answered: () => grpc.drain(lastAnswersMs) });
  }
}
