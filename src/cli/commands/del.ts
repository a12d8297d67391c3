/** kvdb del */

import type { KeyRange } from "../../client/index.js";
import { keyEncodingFlag, keyFrom } from "../bytes-input.js";
import { usageError } from "../cli-error.js";
import type { Command, Invocation } from "../command.js";
import { conditionFlags, conditionFrom, requestIdFlag } from "../conditions.js";
import { entryLines, headerJson, revisionText, writtenJson } from "../entries.js";
import type { ExitName } from "../exit-codes.js";
import { rangeFlags, rangeFrom } from "../ranges.js";
import { showCount } from "../show.js";

export const del: Command = {
  name: "del",
  summary: "Delete one key, or all keys of a range as one revision.",
  positionals: [{ name: "KEY", doc: "The key to delete.", optional: true }],
  flags: {
    ...rangeFlags,
    previous: { kind: "switch", doc: "Show the entry that was deleted." },
    ...conditionFlags,
    ...requestIdFlag,
    ...keyEncodingFlag,
  },
  details: "Deleting a key that is not there is no error, unless a condition says so.",
  examples: ["kvdb del greeting", "kvdb del --prefix session/", "kvdb del --start a --end b"],
  run: async (call) => {
    const range = rangeFrom(call.flags);
    const [key] = call.args;
    if ((key === undefined) === (range === undefined)) {
      throw usageError(
        "del needs a key or a range",
        "give KEY, or one of --prefix, --start/--end and --all",
      );
    }
    return range === undefined ? await deleteKey(call, key ?? "") : await deleteRange(call, range);
  },
};

async function deleteKey(call: Invocation, key: string): Promise<ExitName> {
  const { flags, out, namespace } = call;
  const condition = conditionFrom(flags);
  const client = await call.connect();
  const answer = await client.kv.delete(
    {
      namespace,
      key: keyFrom(flags, key),
      requestId: flags.text("request-id") ?? "",
      returnPrevious: flags.switched("previous"),
      ...(condition !== undefined && { condition }),
    },
    { signal: call.signal },
  );
  await out.answer(
    () => ({ ...writtenJson(answer), deleted: answer.deleted }),
    () => [
      answer.deleted ? `deleted, ${revisionText(answer.header)}` : "there was nothing to delete",
      ...(answer.previous === undefined ? [] : ["", "before:", ...entryLines(answer.previous)]),
    ],
  );
  return "ok";
}

async function deleteRange(call: Invocation, range: KeyRange): Promise<ExitName> {
  const { flags, out, namespace } = call;
  const single = flags.given([...Object.keys(conditionFlags), "previous"]);
  if (single.length > 0) {
    throw usageError(`--${single.join(", --")} is about one key`, "leave it out, or use txn");
  }
  const requestId = flags.text("request-id") ?? "";
  const client = await call.connect();
  const answer = await client.kv.deleteRange(
    { namespace, range, requestId },
    { signal: call.signal },
  );
  await out.answer(
    () => ({ header: headerJson(answer.header), deletedCount: answer.deletedCount }),
    () => [`deleted, keys: ${showCount(answer.deletedCount)}, ${revisionText(answer.header)}`],
  );
  return "ok";
}
