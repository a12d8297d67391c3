/** Engine events as an async iterable: the backlog first, then live ones, bounded for a slow reader. */
import type { EngineEvents, EngineEvent as PublishedEvent } from "../observability/events.js";
import { EngineError } from "../storage/errors.js";
import { eventBacklogMax } from "../storage/limits.js";
import type { EngineEvent } from "../storage/maintenance.js";

/** Ends when the signal aborts; throws "slow-consumer" when the reader falls a backlog behind. */
export async function* followEvents(
  events: EngineEvents,
  after: number,
  signal: AbortSignal,
): AsyncIterable<EngineEvent> {
  const waiting: PublishedEvent[] = [];
  let wake = (): void => undefined;
  const { cancel } = events.subscribe(after, (event) => {
    waiting.push(event);
    wake();
  });
  const onAbort = (): void => {
    wake();
  };
  signal.addEventListener("abort", onAbort);
  try {
    while (!signal.aborted) {
      if (waiting.length > eventBacklogMax) throw tooSlow();
      const event = waiting.shift();
      if (event !== undefined) {
        yield eventOf(event);
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    cancel();
  }
}

function eventOf(event: PublishedEvent): EngineEvent {
  const { sequence, wallMs, kind, name, message, attributes } = event;
  return { sequence, atMs: wallMs, kind, name, message, fields: attributes };
}

function tooSlow(): EngineError {
  return new EngineError("slow-consumer", "the reader of engine events is too slow", {
    hint: "open the stream again after the last sequence number that was received",
  });
}
