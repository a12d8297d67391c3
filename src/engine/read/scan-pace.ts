/**
 * A scan that is alone goes on at once. Beside others, who wait for an answer of their own, it rests
 * after each page: its reader, the event loop and the client that scans would else have the
 * processor all the time.
 */
import type { Clock } from "../../foundation/clock.js";
import { scanRestMsMax } from "../../storage/limits.js";

/** Of the time that a page took. */
const restShare = 2;

type Rest = Promise<void> | undefined;

export class ScanPace {
  readonly #clock: Clock;
  #calls = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many calls of others there have been. */
  get calls(): number {
    return this.#calls;
  }

  /** Somebody else reads or writes. */
  noteCall(): void {
    this.#calls++;
  }

  /**
   * After a page that was asked for and there at these moments of the monotonic clock. Undefined = go
   * on at once: nobody called since `calls` was read, or the caller of the scan took its time itself.
   */
  rest(calls: number, page: { readonly askedMs: number; readonly thereMs: number }): Rest {
    if (this.#calls === calls) return undefined;
    const { askedMs, thereMs } = page;
    const wantedMs = Math.min(restShare * (thereMs - askedMs), scanRestMsMax);
    const leftMs = thereMs + wantedMs - this.#clock.monotonicMs();
    if (leftMs <= 0) return undefined;
    return new Promise((resolve) => {
      this.#clock.after(leftMs, resolve);
    });
  }
}
