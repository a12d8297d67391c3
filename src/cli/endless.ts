/** Streams that go on until somebody has seen enough. */
import { isCancelled, KvError } from "../client/index.js";
import type { Invocation } from "./command.js";

/** Ctrl-C, or the end of the time asked for: such a stream has no other good end. */
export function isGoodEnd(
  error: unknown,
  { signal, timeoutMs }: Pick<Invocation, "signal" | "timeoutMs">,
): boolean {
  if (signal.aborted) return isCancelled(error);
  const timeIsUp = error instanceof KvError && error.status === "DEADLINE_EXCEEDED";
  return timeoutMs !== undefined && timeIsUp;
}
