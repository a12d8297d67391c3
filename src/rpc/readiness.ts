/**
 * Whether calls are taken, and why not. The daemon moves the state; the gate before every handler,
 * the health service and AdminService.Drain read it.
 */
import type { Cancel } from "../foundation/clock.js";

export type ReadinessState =
  | "opening"
  | "recovering"
  | "serving"
  | "read_only"
  | "draining"
  | "failed";

/** What the health service needs to know, and nothing else. */
export interface HealthSource {
  readonly state: ReadinessState;
  /** For people. */
  readonly reason: string;
  /** True in the states that take calls. */
  readonly serving: boolean;
  /** Called after every change of state, until cancelled. */
  onChange(listener: () => void): Cancel;
}

export class Readiness implements HealthSource {
  #state: ReadinessState = "opening";
  #reason = "the store is being opened";
  #serving = false;
  #stopping = false;
  readonly #listeners = new Set<() => void>();

  get state(): ReadinessState {
    return this.#state;
  }

  get reason(): string {
    return this.#reason;
  }

  get serving(): boolean {
    return this.#serving;
  }

  /** True once the process is on its way out: nobody may put it back into service. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Draining for good. */
  stop(reason: string): void {
    this.set("draining", reason);
    this.#stopping = true;
  }

  /** Without effect once stopping. */
  set(state: ReadinessState, reason: string): void {
    if (this.#stopping) return;
    this.#state = state;
    this.#reason = reason;
    this.#serving = state === "serving" || state === "read_only";
    for (const listener of [...this.#listeners]) listener();
  }

  onChange(listener: () => void): Cancel {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
