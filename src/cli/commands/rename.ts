/** kvdb rename */
import { keyEncodingFlag, keyFrom } from "../bytes-input.js";
import type { Command } from "../command.js";
import { requestIdFlag } from "../conditions.js";
import { entryJson, headerJson, revisionText } from "../entries.js";

export const rename: Command = {
  name: "rename",
  summary: "Move an entry to another key, with its value, expiry and lease.",
  positionals: [
    { name: "KEY", doc: "The key as it is." },
    { name: "NEW_KEY", doc: "The key as it is to be." },
  ],
  flags: {
    overwrite: {
      kind: "switch",
      doc: "Replace an entry under the new key. Else it ends with exit 4.",
    },
    ...requestIdFlag,
    ...keyEncodingFlag,
  },
  examples: ["kvdb rename draft/1 page/1", "kvdb rename a b --overwrite"],
  run: async (call) => {
    const { args, flags, out, namespace } = call;
    const client = await call.connect();
    const { header, kv } = await client.kv.rename(
      {
        namespace,
        key: keyFrom(flags, args[0] ?? ""),
        newKey: keyFrom(flags, args[1] ?? ""),
        overwrite: flags.switched("overwrite"),
        requestId: flags.text("request-id") ?? "",
      },
      { signal: call.signal },
    );
    await out.answer(
      () => ({ header: headerJson(header), ...(kv !== undefined && { kv: entryJson(kv) }) }),
      () => [`renamed, ${revisionText(header)}`],
    );
    return "ok";
  },
};
