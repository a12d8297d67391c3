/** What is wrong right now, by name. Raised and cleared by whoever notices; shown by GetStatus. */
import type { Clock } from "../foundation/clock.js";
import type { EngineEvents } from "../observability/events.js";
import type { Alarm } from "../storage/maintenance.js";

export class AlarmBoard {
  readonly #clock: Clock;
  readonly #events: EngineEvents;
  readonly #active = new Map<string, Alarm>();

  constructor(clock: Clock, events: EngineEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** An alarm that is up keeps its time; its message may change. */
  raise(name: string, message: string): void {
    const before = this.#active.get(name);
    this.#active.set(name, { name, message, sinceMs: before?.sinceMs ?? this.#clock.wallMs() });
    if (before === undefined) this.#tell("critical", name, message, "raised");
  }

  clear(name: string): void {
    if (this.#active.delete(name)) this.#tell("info", name, `${name} is over`, "cleared");
  }

  list(): readonly Alarm[] {
    return [...this.#active.values()];
  }

  #tell(severity: "critical" | "info", alarm: string, message: string, change: string): void {
    const attributes = { alarm, change };
    this.#events.publish({ kind: "alarm", severity, name: `alarm.${change}`, message, attributes });
  }
}
