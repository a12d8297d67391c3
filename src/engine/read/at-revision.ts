/** From where a read at a revision is answered: the present state, or the versions it replaced. */
import { EngineError } from "../../storage/errors.js";
import type { Revision } from "../../storage/model.js";
import type { AtRevision } from "../../storage/storage-engine.js";

/**
 * `since` is asked only for a past revision; undefined = the namespace keeps no history. Throws
 * "revision-in-future", "history-off" or "revision-compacted".
 */
export function sourceOf(
  at: AtRevision,
  head: Revision,
  since: () => Revision | undefined,
): { readonly kind: "present" } | { readonly kind: "past"; readonly at: Revision } {
  if (at === undefined || at === head) return { kind: "present" };
  if (at > head) {
    throw new EngineError("revision-in-future", `revision ${at} is above the head ${head}`, {
      hint: "read at a revision that a response has named, or leave the revision out",
      facts: { head: `${head}` },
    });
  }
  const oldest = since();
  if (oldest === undefined) {
    throw new EngineError("history-off", "this namespace does not keep replaced versions", {
      hint: "leave the revision out, or turn history reads on for the namespace",
      facts: { head: `${head}` },
    });
  }
  if (at < oldest) {
    throw new EngineError("revision-compacted", `revision ${at} is no longer kept`, {
      hint: "read at a newer revision, or keep more with the namespace's log retention",
      facts: { oldest: `${oldest}`, head: `${head}` },
    });
  }
  return { kind: "past", at };
}
