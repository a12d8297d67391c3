/** Compares what a namespace holds with what was loaded into it. */
import type { BulkEntry, KvClient } from "../../client/index.js";
import { binaryText, equalBytes } from "../../foundation/bytes.js";
import { everyKey } from "../ranges.js";
import { scanParts } from "../scanning.js";

export interface Comparison {
  /** Rows that must be there. */
  readonly promised: number;
  readonly missing: number;
  readonly wrong: number;
  /** Rows that are there without a promise: on their way when the server died. */
  readonly unpromised: number;
  /** Rows that are there and were never sent. */
  readonly strange: number;
}

/** `promised`: rows 0 up to this one were acknowledged, the others may or may not be there. */
export async function compareRows(
  client: KvClient,
  namespace: string,
  entries: readonly BulkEntry[],
  promised: number,
  signal: AbortSignal,
): Promise<Comparison> {
  const index = new Map(entries.map(({ key }, at) => [binaryText(key), at]));
  const options = { signal, timeoutMs: undefined, onResume: undefined };
  let found = 0;
  let wrong = 0;
  let unpromised = 0;
  let strange = 0;
  for await (const { kvs } of scanParts(client, { namespace, range: everyKey }, options)) {
    for (const { key, value } of kvs) {
      const at = index.get(binaryText(key));
      const sent = at === undefined ? undefined : entries[at];
      if (at === undefined || sent === undefined) strange += 1;
      else if (!equalBytes(value, sent.value)) wrong += 1;
      else if (at < promised) found += 1;
      else unpromised += 1;
    }
  }
  return { promised, missing: promised - found - wrong, wrong, unpromised, strange };
}

export function isAsPromised({ missing, wrong, strange }: Comparison): boolean {
  return missing === 0 && wrong === 0 && strange === 0;
}
