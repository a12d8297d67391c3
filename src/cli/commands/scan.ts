/** kvdb scan */
import { keyEncodingFlag } from "../bytes-input.js";
import type { Command, Invocation } from "../command.js";
import { showDuration } from "../durations.js";
import { bytesJson, entryJson, factsJson, headerJson } from "../entries.js";
import { entryRow } from "../entry-rows.js";
import type { ExitName } from "../exit-codes.js";
import { jsonLine } from "../output.js";
import { everyKey, rangeFlags, rangeFrom } from "../ranges.js";
import { type ScanAsked, type ScanPart, scanParts } from "../scanning.js";
import { showCount } from "../show.js";

export const scan: Command = {
  name: "scan",
  summary: "Read a whole range from one snapshot, as a stream.",
  positionals: [],
  flags: {
    ...rangeFlags,
    reverse: { kind: "switch", doc: "From the last key to the first." },
    "keys-only": { kind: "switch", doc: "Without values." },
    count: { kind: "switch", doc: "Read everything, show only how many entries there are." },
    revision: {
      kind: "revision",
      placeholder: "N",
      doc: "Read the state as it was at this revision. Needs history reads in the namespace.",
    },
    ...keyEncodingFlag,
  },
  details:
    "A line is a key, a tab and a value, with control characters escaped; with --json it is one object. A reader that is too slow is cut by the server; the tool then goes on from there and says on stderr that the rest is newer.",
  examples: ["kvdb scan --prefix city/FR/", "kvdb scan --count", "kvdb scan --json | jq .keyText"],
  run: async (call) => {
    const beganMs = call.clock.monotonicMs();
    const keysOnly = call.flags.switched("keys-only");
    const counting = call.flags.switched("count");
    let entries = 0;
    let last: ScanPart | undefined;
    for await (const part of partsOf(call)) {
      last = part;
      entries += part.kvs.length;
      if (!counting) await showPart(call, part, keysOnly);
    }
    if (!counting) return "ok";
    return await showCounted(call, entries, last, call.clock.monotonicMs() - beganMs);
  },
};

async function* partsOf(call: Invocation): AsyncGenerator<ScanPart, void, undefined> {
  const { flags, out, namespace, signal, timeoutMs } = call;
  const revision = flags.revision("revision");
  const asked: ScanAsked = {
    namespace,
    range: rangeFrom(flags) ?? everyKey,
    reverse: flags.switched("reverse"),
    keysOnly: flags.switched("keys-only"),
    ...(revision !== undefined && { revision }),
  };
  const client = await call.connect();
  const onResume = (): void => {
    out.note("the server cut the stream for being read too slowly; what follows is newer");
  };
  yield* scanParts(client, asked, { signal, timeoutMs, onResume });
}

async function showPart({ out }: Invocation, part: ScanPart, keysOnly: boolean): Promise<void> {
  const lines = part.kvs.map((kv) => {
    if (!out.json) return entryRow(kv, keysOnly);
    return jsonLine(keysOnly ? { ...bytesJson("key", kv.key), ...factsJson(kv) } : entryJson(kv));
  });
  // One write for the part: a line each would cost a system call each.
  if (lines.length > 0) await out.line(lines.join("\n"));
}

async function showCounted(
  { out }: Invocation,
  entries: number,
  last: ScanPart | undefined,
  ms: number,
): Promise<ExitName> {
  const rate = Math.round(entries / Math.max(ms / 1_000, 0.001));
  await out.answer(
    () => ({ header: headerJson(last?.header), count: entries, milliseconds: Math.round(ms) }),
    () => [String(entries)],
  );
  if (!out.json) out.note(`read in ${showDuration(ms)}, ${showCount(rate)} entries/s`);
  return "ok";
}
