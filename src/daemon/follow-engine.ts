/**
 * Carries the engine's own changes of state over to readiness: a check that fails while we serve
 * makes the store read-only, and callers and health must hear of it. Draining is not carried over:
 * who drains (an operator's call, the stop) has moved readiness already.
 */
import type { Cancel } from "../foundation/clock.js";
import type { Readiness } from "../rpc/readiness.js";
import type { StorageEngine } from "../storage/storage-engine.js";

/** Takes over the present state, then every change until cancelled. */
export function followEngine(
  engine: StorageEngine,
  readiness: Readiness,
  onLost: (cause: unknown) => void,
): Cancel {
  const controller = new AbortController();
  const { state, reason } = engine.maintenance.status();
  carryOver(state, reason, readiness);
  // Ends when cancelled; any other end would leave readiness behind the truth.
  listen(engine, readiness, controller.signal).catch(onLost);
  return () => {
    controller.abort();
  };
}

async function listen(
  engine: StorageEngine,
  readiness: Readiness,
  signal: AbortSignal,
): Promise<void> {
  for await (const event of engine.maintenance.events(0, signal)) {
    if (signal.aborted) return;
    if (event.kind !== "state") continue;
    // The event's own word: by now the engine may be closed and have no status any more.
    const { state, reason } = event.fields;
    if (state !== undefined && reason !== undefined) carryOver(state, reason, readiness);
  }
}

function carryOver(state: string, reason: string, readiness: Readiness): void {
  if (state === readiness.state && reason === readiness.reason) return;
  if (state === "failed") readiness.set("failed", reason);
  // An operator who drained decides when calls are taken again, not the engine.
  if (readiness.state === "draining") return;
  if (state === "serving" || state === "read_only") readiness.set(state, reason);
}
