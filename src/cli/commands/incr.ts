/** kvdb incr */
import { keyEncodingFlag, keyFrom } from "../bytes-input.js";
import type { Command } from "../command.js";
import { requestIdFlag } from "../conditions.js";
import { headerJson } from "../entries.js";

export const incr: Command = {
  name: "incr",
  summary: "Add to a number that is stored as decimal text.",
  positionals: [{ name: "KEY", doc: "The key of the number." }],
  flags: {
    by: { kind: "integer", placeholder: "N", doc: "What to add; --by=-1 counts down. Default: 1." },
    initial: {
      kind: "integer",
      placeholder: "N",
      doc: "What an absent key counts as. Default: 0.",
    },
    ...requestIdFlag,
    ...keyEncodingFlag,
  },
  examples: [
    "kvdb incr visits",
    "kvdb incr stock/apples --by=-3",
    "kvdb incr next-id --initial 1000",
  ],
  run: async (call) => {
    const { args, flags, out, namespace } = call;
    const client = await call.connect();
    const { header, value } = await client.kv.increment(
      {
        namespace,
        key: keyFrom(flags, args[0] ?? ""),
        delta: flags.integer("by") ?? 1n,
        initial: flags.integer("initial") ?? 0n,
        requestId: flags.text("request-id") ?? "",
      },
      { signal: call.signal },
    );
    await out.answer(
      () => ({ header: headerJson(header), value }),
      () => [String(value)],
    );
    return "ok";
  },
};
