/**
 * What the engine and the daemon tell operators who listen (AdminService/WatchEvents): a bounded
 * backlog with sequence numbers, and live listeners. A listener sees every event after the number
 * it names, in order, once; if the backlog no longer reaches that far, it is told how many it missed.
 */
import { assert } from "../foundation/assert.js";
import type { Cancel, Clock } from "../foundation/clock.js";

type EngineEventKind = "checkpoint" | "recovery" | "integrity" | "alarm" | "config" | "state";
export type EngineEventSeverity = "info" | "warning" | "critical";

/** What the publisher says. The texts are ours; no key or value of a user is in them. */
export interface EngineEventInput {
  readonly kind: EngineEventKind;
  readonly severity: EngineEventSeverity;
  /** Stable, dotted, as in the log: what programs decide by. */
  readonly name: string;
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface EngineEvent extends EngineEventInput {
  /** 1 for the first event of this process, then dense. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

export interface EventSubscription {
  /** Events that were dropped from the backlog before this subscription began. */
  readonly missed: number;
  readonly cancel: Cancel;
}

export class EngineEvents {
  readonly #clock: Clock;
  readonly #backlogMax: number;
  readonly #backlog: EngineEvent[] = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #lastSequence = 0;

  constructor(clock: Clock, backlogMax: number) {
    assert(backlogMax >= 1, "an event backlog holds at least one event");
    this.#clock = clock;
    this.#backlogMax = backlogMax;
  }

  publish(input: EngineEventInput): EngineEvent {
    this.#lastSequence++;
    const event = { ...input, sequence: this.#lastSequence, wallMs: this.#clock.wallMs() };
    this.#backlog.push(event);
    if (this.#backlog.length > this.#backlogMax) this.#backlog.shift();
    for (const listener of [...this.#listeners]) listener(event);
    return event;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** The backlog, oldest first. */
  recent(): readonly EngineEvent[] {
    return [...this.#backlog];
  }

  /**
   * Calls the listener for every event after the given sequence number, those of the backlog at
   * once, the others when they happen. The listener must not throw and must not block.
   */
  subscribe(afterSequence: number, listener: (event: EngineEvent) => void): EventSubscription {
    const first = this.#lastSequence - this.#backlog.length + 1;
    const missed = Math.max(0, first - afterSequence - 1);
    for (const event of this.recent()) if (event.sequence > afterSequence) listener(event);
    this.#listeners.add(listener);
    const cancel = (): void => {
      this.#listeners.delete(listener);
    };
    return { missed, cancel };
  }
}
