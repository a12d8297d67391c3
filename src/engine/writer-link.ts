/**
 * The main thread's end of the writer thread, and what each of its failures means here. A door of
 * the engine beside index.ts, because that one loads all of it: the daemon starts the thread first,
 * and both load their modules at the same time.
 */
import type { ThreadFailure } from "../foundation/thread-host.js";
import { type StartThread, ThreadLink } from "../foundation/thread-link.js";
import { OpenError, type OpenErrorKind } from "../storage/errors.js";
import type { ToWriter, WriterReplies } from "./commit/writer-protocol.js";
import { reviveEngineError } from "./read/reader-pool.js";

export type WriterLink = ThreadLink<ToWriter, WriterReplies>;

type ExitListener = (exitCode: number, error: Error | undefined) => void;

/** A writer thread that has no store yet, and touches no file before it is given one. */
export class WaitingWriter {
  readonly link: WriterLink;
  #exit: { readonly code: number; readonly error: Error | undefined } | undefined;
  #listener: ExitListener | undefined;

  private constructor(startThread: StartThread) {
    this.link = ThreadLink.start<ToWriter, WriterReplies>({
      name: "writer",
      startThread,
      entry: new URL("./commit/writer-thread.js", import.meta.url),
      workerData: undefined,
      onEvent: () => undefined,
      onExit: (code, error) => {
        this.#exit = { code, error };
        this.#listener?.(code, error);
      },
      revive: reviveWriterError,
    });
  }

  /** Who starts it hands it to openEngine, which ends it when the store does not open. */
  static start(startThread: StartThread): WaitingWriter {
    return new WaitingWriter(startThread);
  }

  /**
   * Called once, when the thread has ended for whatever reason. It may end before there is anybody
   * to tell; then the listener hears of it at once. A later listener takes the place of the earlier.
   */
  onExit(listener: ExitListener): void {
    this.#listener = listener;
    if (this.#exit !== undefined) listener(this.#exit.code, this.#exit.error);
  }
}

function reviveWriterError(failure: ThreadFailure): Error {
  const { kind, hint } = failure.fields as { kind?: OpenErrorKind; hint?: string };
  if (failure.name === "OpenError" && kind !== undefined) {
    return new OpenError(kind, failure.message, { hint: hint ?? "" });
  }
  return reviveEngineError(failure);
}
