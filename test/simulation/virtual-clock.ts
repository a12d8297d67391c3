/**
 * Time as one of the things that the schedule decides. A timer runs only when the schedule says so,
 * one at a time, so that whatever it sets off has come to rest before anything else begins.
 */
import assert from "node:assert/strict";
import type { Cancel, Clock } from "../../src/foundation/clock.js";

interface Timer {
  dueMs: number;
  readonly periodMs: number | undefined;
  readonly run: () => void;
}

export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs: number;
  #stopped = false;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#add({ dueMs: this.#nowMs + delayMs, periodMs: undefined, run });
  }

  every(periodMs: number, run: () => void): Cancel {
    assert.ok(periodMs > 0);
    return this.#add({ dueMs: this.#nowMs + periodMs, periodMs, run });
  }

  /** When the next timer runs; undefined = none is set. */
  get nextDueMs(): number | undefined {
    return this.#next()?.dueMs;
  }

  /** Moves to the next timer and runs it. */
  fire(): void {
    const timer = this.#next();
    assert.ok(timer !== undefined, "a timer is set");
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    if (timer.periodMs === undefined) this.#timers.delete(timer);
    else timer.dueMs += timer.periodMs;
    timer.run();
  }

  /** Moves on, no further than to the next timer. */
  move(byMs: number): void {
    this.#nowMs = Math.min(this.#nowMs + byMs, this.nextDueMs ?? Number.POSITIVE_INFINITY);
  }

  /** The process is gone: nothing that was set runs any more. */
  stop(): void {
    this.#stopped = true;
    this.#timers.clear();
  }

  #add(timer: Timer): Cancel {
    if (!this.#stopped) this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Among equals the one that was set first. */
  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }
}
