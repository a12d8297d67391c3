/**
 * Time comes in through the constructor. Two readings, because they answer different questions:
 * wall time (may step back; expiry and what people read) and monotonic time (durations, deadlines).
 */
import { assert } from "./assert.js";

/** Ends a timer or a subscription; twice is fine. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since 1970, as a whole number. May step in either direction. */
  wallMs(): number;
  /** Milliseconds since some fixed moment, with fractions. Never steps back. */
  monotonicMs(): number;
  /** Runs once, no earlier than the delay. The timer keeps the process alive until cancelled. */
  after(delayMs: number, run: () => void): Cancel;
  /** Runs again and again, the first time after one period. Missed periods are not made up. */
  every(periodMs: number, run: () => void): Cancel;
}

/** A longer delay would overflow the runtime's timer and fire at once. */
const delayMsMax = 2_147_483_647;

export function systemClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(delayMs, run) {
      assertDelay(delayMs);
      const timer = setTimeout(run, delayMs);
      return () => {
        clearTimeout(timer);
      };
    },
    every(periodMs, run) {
      assertDelay(periodMs);
      const timer = setInterval(run, periodMs);
      return () => {
        clearInterval(timer);
      };
    },
  };
}

/** Resolves after the delay on this clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

interface ManualTimer {
  dueMs: number;
  readonly periodMs: number | undefined;
  readonly run: () => void;
}

/** A clock that tests move by hand. Timers run inside `advance`, in the order of their due time. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  readonly #timers = new Set<ManualTimer>();

  constructor(wallMs: number = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#add({ dueMs: this.#monotonicMs + assertDelay(delayMs), periodMs: undefined, run });
  }

  every(periodMs: number, run: () => void): Cancel {
    assert(periodMs > 0, "a manual period must be above zero, or advance would never end");
    return this.#add({ dueMs: this.#monotonicMs + assertDelay(periodMs), periodMs, run });
  }

  /** Moves both readings forward and runs what falls due, timers set meanwhile included. */
  advance(byMs: number): void {
    assert(byMs >= 0, "time moves forward; use stepWall to step the wall clock back");
    const targetMs = this.#monotonicMs + byMs;
    for (let next = this.#nextDue(targetMs); next !== undefined; next = this.#nextDue(targetMs)) {
      this.#moveTo(next.dueMs);
      if (next.periodMs === undefined) this.#timers.delete(next);
      else next.dueMs += next.periodMs;
      next.run();
    }
    this.#moveTo(targetMs);
  }

  /** Steps the wall clock alone, back or forth, as an operator or NTP would. No timer notices. */
  stepWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** How many timers are set: zero after everything was closed. */
  get timers(): number {
    return this.#timers.size;
  }

  #add(timer: ManualTimer): Cancel {
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** The earliest timer due at or before the target; among equals the one that was set first. */
  #nextDue(targetMs: number): ManualTimer | undefined {
    let next: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > targetMs) continue;
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

function assertDelay(delayMs: number): number {
  assert(delayMs >= 0 && delayMs <= delayMsMax, "a delay must be between 0 and 2147483647 ms");
  return delayMs;
}
