/**
 * Where the WAL stands between its limits, and the alarm WAL_GROWTH that says so. The soft limit
 * makes the alarm, which names who pins the WAL; the hard limit is where writes are shed if nothing
 * else helps.
 */

import type { Clock } from "../../foundation/clock.js";
import type { EngineEventSeverity, EngineEvents } from "../../observability/events.js";
import type { Log } from "../../observability/log.js";
import { EngineError } from "../../storage/errors.js";
import type { Alarm, CheckpointPin, WalStatus } from "../../storage/maintenance.js";
import { limitState, type WalLimits } from "./checkpoint-policy.js";

type State = WalStatus["limitState"];

const told = {
  ok: { event: "wal.within-limits", severity: "info" },
  soft: { event: "wal.soft-limit", severity: "warning" },
  hard: { event: "wal.hard-limit", severity: "critical" },
} as const satisfies Record<State, { event: string; severity: EngineEventSeverity }>;

export interface WalLimitPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EngineEvents;
  /** Who holds the WAL right now; asked when the state changes, not with every commit. */
  readonly pin: () => CheckpointPin | undefined;
}

export class WalLimitWatch {
  readonly #limits: WalLimits;
  readonly #ports: WalLimitPorts;
  #state: State = "ok";
  #alarm: Alarm | undefined;

  constructor(limits: WalLimits, ports: WalLimitPorts) {
    this.#limits = limits;
    this.#ports = ports;
  }

  get state(): State {
    return this.#state;
  }

  /** Present from the soft limit on. */
  get alarm(): Alarm | undefined {
    return this.#alarm;
  }

  note(walBytes: number): void {
    const state = limitState(walBytes, this.#limits);
    if (state === this.#state) return;
    this.#state = state;
    const { clock, log, events } = this.#ports;
    const { event, severity } = told[state];
    const pin = state === "ok" ? undefined : this.#ports.pin();
    const who = pin === undefined ? "nobody is known to pin it" : `pinned by ${pin.owner}`;
    const message = `the WAL has ${String(walBytes)} bytes; ${who}`;
    log.event(event, { walBytes, pinnedBy: pin?.owner, pinnedMs: pin?.ageMs, ...this.#limits });
    events.publish({
      kind: "alarm",
      severity,
      name: event,
      message,
      attributes: { alarm: "WAL_GROWTH", state, wal_bytes: String(walBytes) },
    });
    const sinceMs = this.#alarm?.sinceMs ?? clock.wallMs();
    this.#alarm = state === "ok" ? undefined : { name: "WAL_GROWTH", message, sinceMs };
  }
}

export function walLimit(): EngineError {
  return new EngineError("wal-limit", "the WAL is at its hard limit and cannot be emptied", {
    hint: "retry after a pause; `kvdb wal` names who keeps it from being emptied",
  });
}
