/**
 * Tells the service manager where we are: ready, stopping, what about, alive, need more time.
 *
 * Node has no datagram socket for the address family that systemd listens on, and a native module
 * for one message in ten seconds is not worth its build, so each message is a short-lived
 * `systemd-notify` (10 to 20 ms beside the event loop). It speaks from its own process, which is why
 * the unit says NotifyAccess=all. It waits until it was heard: with --no-block it had often ended
 * before systemd looked whose message it was, and READY=1 was lost. Without NOTIFY_SOCKET nothing
 * happens at all.
 */
import { spawn } from "node:child_process";
import type { Cancel, Clock } from "../foundation/clock.js";
import type { Log } from "../observability/log.js";
import { describeError } from "../observability/log.js";

/** What systemd put into the environment, as text; undefined where it did not. */
export interface NotifyEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

export interface NotifyPorts {
  readonly clock: Clock;
  readonly log: Log;
}

export class SystemdNotify {
  readonly #enabled: boolean;
  readonly #watchdogMs: number | undefined;
  readonly #ports: NotifyPorts;
  /** Messages leave one after another: READY must not overtake STATUS. */
  #last: Promise<void> = Promise.resolve();
  #warned = false;

  constructor(environment: NotifyEnvironment, ports: NotifyPorts) {
    this.#enabled = (environment.NOTIFY_SOCKET ?? "") !== "";
    this.#watchdogMs = this.#enabled ? watchdogMs(environment) : undefined;
    this.#ports = ports;
  }

  ready(status: string): Promise<void> {
    return this.#send("READY=1", `STATUS=${status}`);
  }

  stopping(status: string): Promise<void> {
    return this.#send("STOPPING=1", `STATUS=${status}`);
  }

  status(status: string): Promise<void> {
    return this.#send(`STATUS=${status}`);
  }

  /** Asks for more time now and again and again, until cancelled: a long recovery is not a hang. */
  extendTimeout(byMs: number): Cancel {
    if (!this.#enabled) return () => undefined;
    const ask = (): void => void this.#send(`EXTEND_TIMEOUT_USEC=${String(byMs * 1_000)}`);
    ask();
    return this.#ports.clock.every(byMs / 2, ask);
  }

  /**
   * Feeds the watchdog three times a period, so that one slow probe is forgiven, each time only after the probe resolved. A probe that
   * rejects or never ends starves it, and systemd restarts the service.
   */
  feedWatchdog(probe: () => Promise<void>): Cancel {
    if (this.#watchdogMs === undefined) return () => undefined;
    let probing = false;
    return this.#ports.clock.every(this.#watchdogMs / 3, () => {
      if (probing) return;
      probing = true;
      probe()
        .then(() => this.#send("WATCHDOG=1"))
        .catch((cause: unknown) => {
          this.#ports.log.event("daemon.watchdog-starved", { cause: describeError(cause) });
        })
        .finally(() => {
          probing = false;
        });
    });
  }

  #send(...messages: readonly string[]): Promise<void> {
    if (!this.#enabled) return Promise.resolve();
    this.#last = this.#last.then(() => this.#run(messages));
    return this.#last;
  }

  /** Never rejects: a manager that cannot be told is no reason to stop serving. */
  #run(messages: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      const child = spawn("systemd-notify", [...messages], { stdio: "ignore" });
      child.once("error", (cause) => {
        this.#warn(describeError(cause));
        resolve();
      });
      child.once("exit", (code) => {
        if (code !== 0) this.#warn(`systemd-notify ended with ${String(code)}`);
        resolve();
      });
    });
  }

  /** Once: a manager that did not hear may hear the next, so the messages go on. */
  #warn(cause: string): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#ports.log.event("daemon.notify-failed", { cause });
  }
}

/** The period, unless it is meant for another process or is not a number. */
function watchdogMs(environment: NotifyEnvironment): number | undefined {
  const meantFor = environment.WATCHDOG_PID ?? "";
  if (meantFor !== "" && meantFor !== String(process.pid)) return undefined;
  const microseconds = Number(environment.WATCHDOG_USEC ?? "");
  if (!Number.isSafeInteger(microseconds) || microseconds < 1_000) return undefined;
  return microseconds / 1_000;
}
