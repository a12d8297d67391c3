/** The last slow calls, for AdminService and the operator who asks "what was slow just now?". */
import { assert } from "../foundation/assert.js";

export interface SlowCall {
  /** Milliseconds since 1970, when the call began. */
  readonly wallMs: number;
  readonly rpc: string;
  readonly status: string;
  readonly durationMs: number;
  /** Where the time went, by name of the phase. */
  readonly phasesMs: Readonly<Record<string, number>>;
}

export class SlowLog {
  readonly #thresholdMs: number;
  readonly #callsMax: number;
  readonly #calls: SlowCall[] = [];

  constructor(thresholdMs: number, callsMax: number) {
    assert(callsMax >= 1, "a slow log holds at least one call");
    this.#thresholdMs = thresholdMs;
    this.#callsMax = callsMax;
  }

  /** Ask before making a record: nearly every call is fast. */
  isSlow(durationMs: number): boolean {
    return durationMs >= this.#thresholdMs;
  }

  /** Keeps the call; the oldest one makes room. */
  add(call: SlowCall): void {
    this.#calls.push(call);
    if (this.#calls.length > this.#callsMax) this.#calls.shift();
  }

  /** Oldest first. */
  recent(): readonly SlowCall[] {
    return [...this.#calls];
  }
}
