/** kvdb list */
import type { DeepPartial, KeyValue, ResponseHeader } from "../../client/index.js";
import { keyEncodingFlag } from "../bytes-input.js";
import type { Command, Invocation } from "../command.js";
import { entryJson, headerJson } from "../entries.js";
import { entryRow } from "../entry-rows.js";
import type { ExitName } from "../exit-codes.js";
import { everyKey, rangeFlags, rangeFrom } from "../ranges.js";

const limitDefault = 1_000;
const pageSizeDefault = 1_000;

export const list: Command = {
  name: "list",
  summary: "Show the entries of a range, page by page.",
  positionals: [],
  flags: {
    ...rangeFlags,
    limit: {
      kind: "count",
      placeholder: "N",
      doc: `Show at most N entries. Default: ${String(limitDefault)}; 0 is no limit.`,
    },
    "page-size": {
      kind: "count",
      placeholder: "N",
      doc: "Ask for N entries at a time, at most 10000.",
    },
    reverse: { kind: "switch", doc: "From the last key to the first." },
    "keys-only": { kind: "switch", doc: "Without values." },
    count: { kind: "switch", doc: "Only count." },
    revision: {
      kind: "revision",
      placeholder: "N",
      doc: "Read the state as it was at this revision. Needs history reads in the namespace.",
    },
    ...keyEncodingFlag,
  },
  details:
    "Each page reads the newest state, unless the namespace keeps history; `kvdb scan` reads a whole range from one snapshot. A line is a key, a tab and a value, with control characters escaped.",
  examples: [
    "kvdb list",
    "kvdb list --prefix city/FR/ --limit 20",
    "kvdb list --prefix city/ --count",
  ],
  run: async (call) => (call.flags.switched("count") ? await count(call) : await show(call)),
};

type ListAsked = DeepPartial<{
  namespace: string;
  range: typeof everyKey;
  reverse: boolean;
  keysOnly: boolean;
  revision: bigint;
}>;

function asked({ flags, namespace }: Invocation): ListAsked {
  const revision = flags.revision("revision");
  return {
    namespace,
    range: rangeFrom(flags) ?? everyKey,
    reverse: flags.switched("reverse"),
    keysOnly: flags.switched("keys-only"),
    ...(revision !== undefined && { revision }),
  };
}

async function count(call: Invocation): Promise<ExitName> {
  const request = { ...asked(call), countOnly: true };
  const client = await call.connect();
  const answer = await client.kv.list(request, { signal: call.signal });
  await call.out.answer(
    () => ({ header: headerJson(answer.header), count: answer.count }),
    () => [String(answer.count)],
  );
  return "ok";
}

async function show(call: Invocation): Promise<ExitName> {
  const { flags, out, signal } = call;
  const request = asked(call);
  const limit = flags.count("limit") ?? limitDefault;
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  const client = await call.connect();
  const entries: Record<string, unknown>[] = [];
  let header: ResponseHeader | undefined;
  let pageToken = "";
  let shown = 0;
  do {
    const pageSize = Math.min(flags.count("page-size") ?? pageSizeDefault, wanted - shown);
    const page = await client.kv.list({ ...request, pageSize, pageToken }, { signal });
    const kvs = page.kvs.slice(0, wanted - shown);
    header ??= page.header;
    if (out.json) entries.push(...kvs.map((kv) => listed(kv, flags.switched("keys-only"))));
    else for (const kv of kvs) await out.line(entryRow(kv, flags.switched("keys-only")));
    shown += kvs.length;
    pageToken = kvs.length < page.kvs.length ? "more" : page.nextPageToken;
  } while (pageToken !== "" && shown < wanted && !signal.aborted);
  if (out.json) {
    await out.answer(
      () => ({ header: headerJson(header), entries, more: pageToken !== "" }),
      () => [],
    );
  } else if (pageToken !== "") {
    out.note(`the first ${String(shown)}; there are more (--limit 0 shows all)`);
  }
  return "ok";
}

function listed(kv: KeyValue, keysOnly: boolean): Record<string, unknown> {
  const { value, valueText, ...rest } = entryJson(kv);
  return keysOnly ? rest : { ...rest, value, ...(valueText !== undefined && { valueText }) };
}
