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

  set(state: ReadinessState, reason: string): void {
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
