/**
 * How long a call may still take, and whether anybody waits for it. A caller's deadline arrives as
 * wall time; it is turned into monotonic time once, so that a step of the wall clock ends no call.
 */
import type { Cancel, Clock } from "./clock.js";

/** Why a call is over before it is done. */
export type OverReason = "deadline" | "aborted";

/** A longer wait would overflow the runtime's timer; nobody is still there when it ends. */
const timerMsMax = 2_147_483_647;

export class Deadline {
  readonly #clock: Clock;
  readonly #atMonotonicMs: number;
  readonly #signal: AbortSignal | undefined;

  private constructor(clock: Clock, atMonotonicMs: number, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#atMonotonicMs = atMonotonicMs;
    this.#signal = signal;
  }

  /** From epoch milliseconds; Infinity = none. The signal says that the caller has gone. */
  static atWall(clock: Clock, wallMs: number, signal?: AbortSignal): Deadline {
    return Deadline.in(clock, wallMs - clock.wallMs(), signal);
  }

  /** From now on. */
  static in(clock: Clock, delayMs: number, signal?: AbortSignal): Deadline {
    return new Deadline(clock, clock.monotonicMs() + delayMs, signal);
  }

  /** The sooner of this one and a limit of our own; the same caller. */
  within(delayMs: number): Deadline {
    const at = Math.min(this.#atMonotonicMs, this.#clock.monotonicMs() + delayMs);
    return new Deadline(this.#clock, at, this.#signal);
  }

  /** Never negative; Infinity when there is no deadline. */
  leftMs(): number {
    return Math.max(0, this.#atMonotonicMs - this.#clock.monotonicMs());
  }

  /** Undefined while there is time left and somebody waits. */
  over(): OverReason | undefined {
    if (this.#signal?.aborted === true) return "aborted";
    return this.leftMs() === 0 ? "deadline" : undefined;
  }

  /**
   * Calls back once when the call is over; at once when it is already. Cancel it when the work is
   * done: until then a timer and a listener are kept.
   */
  onOver(run: (reason: OverReason) => void): Cancel {
    const over = this.over();
    if (over !== undefined) {
      run(over);
      return () => undefined;
    }
    const leftMs = this.leftMs();
    const finish = (reason: OverReason): void => {
      cancel();
      run(reason);
    };
    const onAbort = (): void => {
      finish("aborted");
    };
    const cancelTimer =
      leftMs > timerMsMax
        ? undefined
        : this.#clock.after(leftMs, () => {
            finish("deadline");
          });
    this.#signal?.addEventListener("abort", onAbort, { once: true });
    const cancel = (): void => {
      cancelTimer?.();
      this.#signal?.removeEventListener("abort", onAbort);
    };
    return cancel;
  }
}
