/** kvdb get */
import { keyEncodingFlag, keyFrom } from "../bytes-input.js";
import { CliError } from "../cli-error.js";
import type { Command } from "../command.js";
import { entryJson, entryLines, headerJson } from "../entries.js";
import { showBytes } from "../show.js";

export const get: Command = {
  name: "get",
  summary: "Read one key. An absent key ends with exit code 3.",
  positionals: [{ name: "KEY", doc: "The key to read." }],
  flags: {
    revision: {
      kind: "revision",
      placeholder: "N",
      doc: "Read the state as it was at this revision. Needs history reads in the namespace.",
    },
    details: { kind: "switch", doc: "Show revisions, version and expiry beside the value." },
    raw: { kind: "switch", doc: "Write the value's bytes as they are, also to a terminal." },
    ...keyEncodingFlag,
  },
  details:
    "To a pipe or a file the value's bytes are written as they are, nothing added. On a terminal what could move the cursor or hide text is escaped, and bytes that are no UTF-8 are shown in hexadecimal.",
  examples: ["kvdb get greeting", "kvdb get photo > cat.jpg", "kvdb get greeting --details"],
  run: async (call) => {
    const { args, flags, out, namespace } = call;
    const key = keyFrom(flags, args[0] ?? "");
    const revision = flags.revision("revision");
    const client = await call.connect();
    const answer = await client.kv.get(
      { namespace, key, ...(revision !== undefined && { revision }) },
      { signal: call.signal },
    );
    const { kv, header } = answer;
    if (kv === undefined) {
      throw new CliError("not-found", `there is no key ${showBytes(key)}`, {
        hint: `\`kvdb list\` shows the keys of namespace ${header?.namespace ?? namespace}`,
      });
    }
    const asTheyAre = flags.switched("raw") || !out.isTerminal;
    if (out.json)
      await out.answer(
        () => ({ header: headerJson(header), kv: entryJson(kv) }),
        () => [],
      );
    else if (flags.switched("details")) for (const line of entryLines(kv)) await out.line(line);
    else if (asTheyAre) await out.bytes(kv.value);
    else await out.line(showBytes(kv.value));
    return "ok";
  },
};
