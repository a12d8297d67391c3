/** kvdb txn */
import {
  answerJson,
  JsonError,
  kvMethods,
  messageFromJson,
  ProtoSchema,
} from "../../client/index.js";
import { jsonBytesReader, keyEncodingFlag, valueEncodingFlag } from "../bytes-input.js";
import type { Command, Invocation } from "../command.js";
import { requestIdFlag } from "../conditions.js";
import { revisionText } from "../entries.js";
import { asUsageError, jsonFrom } from "../json-input.js";

const forms =
  "Keys and values are text unless --key-encoding or --value-encoding say otherwise; names are those of the contract in camelCase or snake_case; a misspelt name is refused.";

export const txn: Command = {
  name: "txn",
  summary: "Compare, then run one of two lists of operations, atomically.",
  positionals: [{ name: "FILE", doc: "A TxnRequest as JSON; - reads it from standard input." }],
  flags: { ...requestIdFlag, ...keyEncodingFlag, ...valueEncodingFlag },
  details: `${forms} That a compare does not hold is no error: see succeeded in the answer.`,
  examples: [
    "kvdb txn transfer.json",
    `echo '{"compares":[{"key":"a","relation":"COMPARE_RELATION_EQUAL","version":"0"}],"success":[{"put":{"key":"a","value":"1"}}]}' | kvdb txn -`,
  ],
  run: async (call) => {
    const schema = await ProtoSchema.load();
    const json = await jsonFrom(call, call.args[0] ?? "-");
    const encoded = requestFrom(call, schema, "kvdb.v1.TxnRequest", json);
    const request = kvMethods.txn.definition.requestDeserialize(encoded);
    const client = await call.connect();
    const answer = await client.kv.txn(addressed(call, request), { signal: call.signal });
    await call.out.answer(
      () => answerJson(schema, kvMethods.txn, answer),
      () => {
        const ran = answer.succeeded ? "success" : "failure";
        const failed = answer.failedCompares.map(String).join(", ");
        return [
          `the ${ran} list ran, ${revisionText(answer.header)}`,
          ...(failed === "" ? [] : [`compares that did not hold: ${failed}`]),
          ...answer.responses.map((result) => JSON.stringify(resultJson(schema, result))),
        ];
      },
    );
    return "ok";

    function resultJson(loaded: ProtoSchema, result: (typeof answer.responses)[number]): unknown {
      const alone = { ...answer, header: undefined, responses: [result], failedCompares: [] };
      const { responses } = answerJson(loaded, kvMethods.txn, alone) as { responses: unknown[] };
      return responses[0];
    }
  },
};

export const batch: Command = {
  name: "batch",
  summary: "Write many puts, deletes and increments, all or nothing, as one revision.",
  positionals: [
    { name: "FILE", doc: "A list of write operations as JSON; - reads it from standard input." },
  ],
  flags: { ...requestIdFlag, ...keyEncodingFlag, ...valueEncodingFlag },
  details: forms,
  examples: [
    `echo '[{"put":{"key":"a","value":"1"}},{"delete":{"key":"b"}},{"increment":{"key":"n","delta":"5"}}]' | kvdb batch -`,
  ],
  run: async (call) => {
    const schema = await ProtoSchema.load();
    const json = await jsonFrom(call, call.args[0] ?? "-");
    const whole = Array.isArray(json) ? { ops: json as unknown[] } : json;
    const encoded = requestFrom(call, schema, "kvdb.v1.BatchWriteRequest", whole);
    const request = kvMethods.batchWrite.definition.requestDeserialize(encoded);
    const client = await call.connect();
    const answer = await client.kv.batchWrite(addressed(call, request), { signal: call.signal });
    await call.out.answer(
      () => answerJson(schema, kvMethods.batchWrite, answer),
      () => [
        `${String(answer.responses.length)} operations written, ${revisionText(answer.header)}`,
      ],
    );
    return "ok";
  },
};

function requestFrom(call: Invocation, schema: ProtoSchema, type: string, json: unknown): Buffer {
  try {
    return messageFromJson(schema, type, json, jsonBytesReader(call.flags));
  } catch (error) {
    if (error instanceof JsonError) throw asUsageError(error);
    throw error;
  }
}

/** Flags fill in what the document leaves open. */
function addressed<Request extends { readonly namespace: string; readonly requestId: string }>(
  call: Invocation,
  request: Request,
): Request {
  const requestId = call.flags.text("request-id") ?? request.requestId;
  return { ...request, requestId, namespace: request.namespace || call.namespace };
}
