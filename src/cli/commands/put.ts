/** kvdb put */

import { timestampFromText } from "../../client/index.js";
import { keyEncodingFlag, keyFrom, valueEncodingFlag, valueFrom } from "../bytes-input.js";
import { usageError } from "../cli-error.js";
import type { Command, Invocation } from "../command.js";
import { conditionFlags, conditionFrom, requestIdFlag } from "../conditions.js";
import { entryLines, revisionText, writtenJson } from "../entries.js";

const nanosPerMs = 1_000_000;

export const put: Command = {
  name: "put",
  summary: "Write one key. The answer comes when the write is on disk.",
  positionals: [
    { name: "KEY", doc: "The key, 1 to 4096 bytes." },
    { name: "VALUE", doc: "The value; - reads it from standard input.", optional: true },
  ],
  flags: {
    file: { kind: "text", placeholder: "PATH", doc: "Take the value from this file." },
    ttl: {
      kind: "duration",
      placeholder: "TIME",
      doc: "The entry ends by itself after this time.",
    },
    "expire-at": {
      kind: "text",
      placeholder: "MOMENT",
      doc: "The entry ends by itself at this moment, such as 2030-01-31T12:00:00Z.",
    },
    lease: { kind: "revision", placeholder: "ID", doc: "The entry ends with this lease." },
    previous: { kind: "switch", doc: "Show the entry that was replaced." },
    ...conditionFlags,
    ...requestIdFlag,
    ...keyEncodingFlag,
    ...valueEncodingFlag,
  },
  examples: [
    "kvdb put greeting 'hello world'",
    "kvdb put photo --file cat.jpg",
    "date | kvdb put now - --ttl 1h",
    "kvdb put counter 8 --if-version 3",
  ],
  run: async (call) => {
    const { args, flags, out, namespace } = call;
    const condition = conditionFrom(flags);
    const expiry = expiryFrom(call);
    const key = keyFrom(flags, args[0] ?? "");
    const value = await valueFrom(call, args[1]);
    const client = await call.connect();
    const answer = await client.kv.put(
      {
        namespace,
        key,
        value,
        requestId: flags.text("request-id") ?? "",
        returnPrevious: flags.switched("previous"),
        ...(condition !== undefined && { condition }),
        ...(expiry !== undefined && { expiry }),
      },
      { signal: call.signal },
    );
    await out.answer(
      () => writtenJson(answer),
      () => [
        `written, ${revisionText(answer.header)}`,
        ...(answer.previous === undefined ? [] : ["", "before:", ...entryLines(answer.previous)]),
      ],
    );
    return "ok";
  },
};

type Expiry =
  | { readonly $case: "ttl" | "expireTime"; readonly value: { seconds: bigint; nanos: number } }
  | { readonly $case: "leaseId"; readonly value: bigint };

function expiryFrom({ flags }: Invocation): Expiry | undefined {
  flags.onlyOne(["ttl", "expire-at", "lease"]);
  const ttlMs = flags.durationMs("ttl");
  const moment = flags.text("expire-at");
  const lease = flags.revision("lease");
  if (ttlMs !== undefined) {
    const seconds = BigInt(Math.floor(ttlMs / 1_000));
    return { $case: "ttl", value: { seconds, nanos: (ttlMs % 1_000) * nanosPerMs } };
  }
  if (moment !== undefined) {
    const value = timestampFromText(moment);
    if (value !== undefined) return { $case: "expireTime", value };
    throw usageError("--expire-at is no moment", "write it as 2030-01-31T12:00:00Z");
  }
  return lease === undefined ? undefined : { $case: "leaseId", value: lease };
}
