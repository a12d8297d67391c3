/** kvdb watch */
import {
  deleteReasonToJSON,
  EventType,
  type ResponseHeader,
  type WatchEvent,
  WatchFilter,
  watchChanges,
} from "../../client/index.js";
import { keyEncodingFlag } from "../bytes-input.js";
import type { Command, Invocation } from "../command.js";
import { isGoodEnd } from "../endless.js";
import { bytesJson, entryJson, factsJson } from "../entries.js";
import { jsonLine } from "../output.js";
import { everyKey, rangeFlags, rangeFrom } from "../ranges.js";
import { showBytes, showEnum } from "../show.js";

const kinds = {
  put: WatchFilter.WATCH_FILTER_NO_DELETE,
  delete: WatchFilter.WATCH_FILTER_NO_PUT,
} as const;

export const watch: Command = {
  name: "watch",
  summary: "Show the changes of a range as they happen, in the order of revisions.",
  positionals: [],
  flags: {
    ...rangeFlags,
    from: {
      kind: "revision",
      placeholder: "N",
      doc: "Begin with this revision, as far back as the log reaches. Default: from now on.",
    },
    only: {
      kind: "choice",
      choices: Object.keys(kinds),
      doc: "Leave out the other kind of change.",
    },
    "keys-only": { kind: "switch", doc: "Without values." },
    previous: {
      kind: "switch",
      doc: "Show the entry as it was before, too. Needs history reads in the namespace.",
    },
    ...keyEncodingFlag,
  },
  details:
    "Until Ctrl-C or for --timeout. A line is a revision, put or the reason of a deletion, the key, and the value; with --json it is one object. When the connection breaks, the tool goes on after the last revision shown: nothing is left out, nothing comes twice.",
  examples: ["kvdb watch --prefix city/FR/", "kvdb watch --from 1 --json --timeout 1s"],
  run: async (call) => {
    const { out, signal, timeoutMs } = call;
    const request = asked(call);
    const client = await call.connect();
    const options = {
      signal,
      ...(timeoutMs !== undefined && { timeoutMs }),
      onBreak: ({ message }: Error) => {
        out.note(`${message}; going on after the last revision`);
      },
    };
    try {
      for await (const { events, header } of watchChanges(client, request, options)) {
        const lines = events.map((event) => shown(call, event, header));
        if (lines.length > 0) await out.line(lines.join("\n"));
      }
    } catch (error) {
      if (!isGoodEnd(error, call)) throw error;
    }
    return "ok";
  },
};

function asked({ flags, namespace }: Invocation): Parameters<typeof watchChanges>[1] {
  const startRevision = flags.revision("from");
  const only = flags.choice("only");
  const filters = Object.entries(kinds).flatMap(([kind, filter]) =>
    kind === only ? [filter] : [],
  );
  return {
    namespace,
    range: rangeFrom(flags) ?? everyKey,
    keysOnly: flags.switched("keys-only"),
    prevKv: flags.switched("previous"),
    filters,
    ...(startRevision !== undefined && { startRevision }),
  };
}

function shown(
  { out, flags }: Invocation,
  event: WatchEvent,
  header: ResponseHeader | undefined,
): string {
  const { kv, prevKv } = event;
  const isPut = event.type === EventType.EVENT_TYPE_PUT;
  const reason = showEnum(deleteReasonToJSON(event.reason), "DELETE_REASON");
  const key = kv?.key ?? new Uint8Array();
  const keysOnly = flags.switched("keys-only");
  if (!out.json) {
    const what = isPut ? "put" : `delete (${reason})`;
    const value = isPut && kv !== undefined && !keysOnly ? `\t${showBytes(kv.value)}` : "";
    return `${String(kv?.modRevision ?? 0n)}\t${what}\t${showBytes(key)}${value}`;
  }
  const facts = kv === undefined || !isPut ? {} : factsJson(kv);
  const value = kv === undefined || !isPut || keysOnly ? {} : bytesJson("value", kv.value);
  return jsonLine({
    type: isPut ? "PUT" : "DELETE",
    ...(!isPut && { reason: reason.toUpperCase().replaceAll(" ", "_") }),
    namespace: header?.namespace,
    revision: kv?.modRevision,
    ...bytesJson("key", key),
    ...value,
    ...facts,
    ...(prevKv !== undefined && { previous: entryJson(prevKv) }),
  });
}
