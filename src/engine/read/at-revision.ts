/** Whether a read at a revision can be answered from the present state. */
import { EngineError } from "../../storage/errors.js";
import type { Revision } from "../../storage/model.js";
import type { AtRevision } from "../../storage/storage-engine.js";

/** Throws "revision-in-future" or "history-off" when the present state is not the answer. */
export function assertPresent(at: AtRevision, head: Revision): void {
  if (at === undefined || at === head) return;
  if (at > head) {
    throw new EngineError("revision-in-future", `revision ${at} is above the head ${head}`, {
      hint: "read at a revision that a response has named, or leave the revision out",
      facts: { head: `${head}` },
    });
  }
  throw new EngineError("history-off", "this namespace does not keep replaced versions", {
    hint: "leave the revision out, or turn history reads on for the namespace",
    facts: { head: `${head}` },
  });
}
