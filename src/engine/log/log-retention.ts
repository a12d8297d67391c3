/** How far a namespace's log may be cut. Pure: entries are looked at from the oldest on. */
import {
  retentionBytesDefault,
  retentionMsDefault,
  retentionRevisionsDefault,
} from "../../storage/limits.js";
import type { Revision } from "../../storage/model.js";
import type { NamespaceSettings } from "../../storage/namespaces.js";

export interface OldEntry {
  readonly last: Revision;
  readonly timeMs: number;
  readonly bytes: number;
}

export interface LogFacts {
  readonly head: Revision;
  /** Of the whole log. */
  readonly bytes: number;
  readonly nowMs: number;
}

/**
 * The last revision that may go, because a bound is passed while its entry is there; undefined when
 * nothing may. 0 = that bound is off. The newest entry always stays.
 */
export function trimBound(
  oldest: readonly OldEntry[],
  facts: LogFacts,
  settings: NamespaceSettings,
): Revision | undefined {
  const ageMs = settings.retentionMs ?? retentionMsDefault;
  const bytesMax = settings.retentionBytes ?? retentionBytesDefault;
  const revisionsMax = settings.retentionRevisions ?? retentionRevisionsDefault;
  let bytes = facts.bytes;
  let bound: Revision | undefined;
  for (const entry of oldest) {
    const tooOld = ageMs > 0 && entry.timeMs < facts.nowMs - ageMs;
    const tooLarge = bytesMax > 0 && bytes > bytesMax;
    const tooMany = revisionsMax > 0 && facts.head - entry.last >= BigInt(revisionsMax);
    if (entry.last >= facts.head || !(tooOld || tooLarge || tooMany)) return bound;
    bound = entry.last;
    bytes -= entry.bytes;
  }
  return bound;
}
