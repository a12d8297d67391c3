/** What the end of a reader thread means to who asked it. */
import { ThreadExitError } from "../../foundation/thread-link.js";
import { EngineError } from "../../storage/errors.js";

/** A reader thread that dies takes its snapshots along; the read can be asked again. */
export async function readable<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (cause) {
    if (!(cause instanceof ThreadExitError)) throw cause;
    throw new EngineError("snapshot-expired", "the thread that read this has ended", {
      cause,
      hint: "ask again; a scan continues after the last key that was received",
    });
  }
}
