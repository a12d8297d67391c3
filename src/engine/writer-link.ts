/** The main thread's end of the writer thread, and what each of its failures means here. */
import type { ThreadFailure } from "../foundation/thread-host.js";
import { ThreadLink } from "../foundation/thread-link.js";
import { OpenError, type OpenErrorKind } from "../storage/errors.js";
import type { ToWriter, WriterReplies, WriterStart } from "./commit/writer-protocol.js";
import { reviveEngineError } from "./read/reader-pool.js";

export type WriterLink = ThreadLink<ToWriter, WriterReplies>;

/** `onExit` is called once, when the thread has ended for whatever reason. */
export function startWriter(
  start: WriterStart,
  onExit: (exitCode: number, error: Error | undefined) => void,
): WriterLink {
  return ThreadLink.start<ToWriter, WriterReplies>({
    name: "writer",
    entry: new URL("./commit/writer-thread.js", import.meta.url),
    workerData: start,
    onEvent: () => undefined,
    onExit,
    revive: reviveWriterError,
  });
}

function reviveWriterError(failure: ThreadFailure): Error {
  const { kind, hint } = failure.fields as { kind?: OpenErrorKind; hint?: string };
  if (failure.name === "OpenError" && kind !== undefined) {
    return new OpenError(kind, failure.message, { hint: hint ?? "" });
  }
  return reviveEngineError(failure);
}
