/** The engine's life as a word, with the reason for people, and who may move where. */

import type { Cancel } from "../foundation/clock.js";
import { StateMachine } from "../foundation/state-machine.js";
import type { EngineEvents } from "../observability/events.js";
import type { Log } from "../observability/log.js";
import { EngineError } from "../storage/errors.js";
import type { EngineState } from "../storage/maintenance.js";

const moves = {
  opening: ["recovering", "failed", "closed"],
  recovering: ["serving", "read_only", "failed", "closed"],
  serving: ["read_only", "draining", "failed", "closed"],
  read_only: ["serving", "draining", "failed", "closed"],
  draining: ["serving", "read_only", "failed", "closed"],
  failed: ["closed"],
  closed: [],
} as const satisfies Record<EngineState, readonly EngineState[]>;

export class EngineLife {
  readonly #machine = new StateMachine<EngineState>("engine", "opening", moves);
  readonly #log: Log;
  readonly #events: EngineEvents;
  #reason = "the store is being opened";
  /** Where resume() returns to. */
  #beforeDrain: EngineState = "serving";

  constructor(log: Log, events: EngineEvents) {
    this.#log = log;
    this.#events = events;
  }

  get state(): EngineState {
    return this.#machine.state;
  }

  is(...states: readonly EngineState[]): boolean {
    return this.#machine.is(...states);
  }

  get reason(): string {
    return this.#reason;
  }

  /** To the same state with another reason is no move. */
  moveTo(state: EngineState, reason: string): void {
    this.#reason = reason;
    if (this.#machine.is(state)) return;
    this.#machine.moveTo(state);
    this.#log.event("engine.state-changed", { state, reason });
    const severity = state === "failed" || state === "read_only" ? "critical" : "info";
    const message = `the engine is now ${state}: ${reason}`;
    this.#events.publish({
      kind: "state",
      severity,
      name: "engine.state-changed",
      message,
      attributes: { state, reason },
    });
  }

  /** Another reason for the same state, told like a move. Without effect while calls are not taken. */
  remark(reason: string): void {
    if (!this.#machine.is("serving", "read_only")) return;
    this.#reason = reason;
    const { state } = this.#machine;
    this.#events.publish({
      kind: "state",
      severity: "info",
      name: "engine.state-remarked",
      message: `the engine is ${state}: ${reason}`,
      attributes: { state, reason },
    });
  }

  drain(reason: string): void {
    if (!this.#machine.is("serving", "read_only")) return;
    this.#beforeDrain = this.#machine.state;
    this.moveTo("draining", reason);
  }

  resume(): void {
    if (this.#machine.is("draining")) this.moveTo(this.#beforeDrain, "resumed");
  }

  onMove(listener: (state: EngineState, reason: string) => void): Cancel {
    return this.#machine.onMove((state) => {
      listener(state, this.#reason);
    });
  }

  /** Throws the refusal of a state that does not take writes. */
  assertWritable(): void {
    switch (this.#machine.state) {
      case "serving":
        return;
      case "read_only":
        throw new EngineError("read-only", `the store is read-only: ${this.#reason}`, {
          hint: "an operator must look: see GetStatus and the last integrity report",
        });
      case "opening":
      case "recovering":
      case "draining":
      case "failed":
      case "closed":
        this.assertReadable();
    }
  }

  /** Throws once there is no connection left to measure with; in any other state one may look. */
  assertOpen(): void {
    if (this.#machine.is("closed")) this.assertReadable();
  }

  /** Throws "storage-fault" once the engine has latched: then nothing may touch the files. */
  assertSound(): void {
    if (this.#machine.is("failed")) this.assertReadable();
  }

  /** Throws the refusal of a state that takes no calls at all. */
  assertReadable(): void {
    switch (this.#machine.state) {
      case "serving":
      case "read_only":
        return;
      case "opening":
      case "recovering":
        throw new EngineError("not-ready", "the store is still being opened", {
          hint: "retry after a pause",
        });
      case "draining":
      case "closed":
        throw new EngineError("draining", `the store takes no new calls: ${this.#reason}`, {
          hint: "retry after a pause, or at another instance",
        });
      case "failed":
        throw new EngineError("storage-fault", `the store has stopped: ${this.#reason}`, {
          hint: "nothing was written; the daemon restarts and recovers, then retry",
        });
    }
  }
}
