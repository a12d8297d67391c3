/**
 * The time by which keys and leases run out. It follows the wall clock, but never steps back and
 * never runs slower than the monotonic clock: a wall clock that is set back revives nothing and does
 * not stop expiry, it only stops being listened to until it has caught up. The highest time any
 * commit has seen is stored with the data, so this holds across restarts as well.
 */
import type { Clock } from "../foundation/clock.js";

export class EngineTime {
  readonly #clock: Clock;
  #lastMs: number;
  #lastMonotonicMs: number;

  constructor(clock: Clock, floorMs: number) {
    this.#clock = clock;
    this.#lastMs = floorMs;
    this.#lastMonotonicMs = clock.monotonicMs();
  }

  /** Epoch milliseconds, whole. */
  nowMs(): number {
    const monotonicMs = this.#clock.monotonicMs();
    const steadyMs = this.#lastMs + (monotonicMs - this.#lastMonotonicMs);
    this.#lastMs = Math.max(this.#clock.wallMs(), steadyMs);
    this.#lastMonotonicMs = monotonicMs;
    return Math.floor(this.#lastMs);
  }
}
