/** kvdb call */
import { dynamicCall, JsonError, type MethodSchema, ProtoSchema } from "../../client/index.js";
import { usageError } from "../cli-error.js";
import type { Command, Invocation } from "../command.js";
import { asUsageError, jsonLines, parseJson } from "../json-input.js";
import { jsonLine } from "../output.js";

export const call: Command = {
  name: "call",
  summary: "Call any method of the contract by its name, with JSON.",
  positionals: [
    {
      name: "METHOD",
      doc: "Such as KvService/Get or AdminService/GetStatus; `list` shows all.",
      optional: true,
    },
    {
      name: "REQUEST",
      doc: "The request as JSON, default {}. For a method that takes a stream, or with -: one request per line of standard input.",
      optional: true,
    },
  ],
  flags: {},
  details:
    'JSON as protobuf maps it: bytes in base64, 64-bit numbers as text, durations as "1.5s". The request is sent once, as it is: no request id is added, nothing is repeated.',
  examples: [
    "kvdb call list",
    "kvdb call AdminService/GetStatus",
    `kvdb call KvService/Get '{"key":"Z3JlZXRpbmc="}'`,
    `kvdb call KvService/Watch '{"range":{"all":true},"startRevision":"1"}' --timeout 5s`,
  ],
  run: async (invocation) => {
    const { args, out, signal, timeoutMs } = invocation;
    const schema = await ProtoSchema.load();
    const [name = "list"] = args;
    if (name === "list") return await showMethods(invocation, schema);
    const method = methodNamed(schema, name);
    const client = await invocation.connect();
    const limits = { signal, ...(timeoutMs !== undefined && { timeoutMs }) };
    try {
      const answers = dynamicCall(client, schema, method, requests(invocation, method), limits);
      for await (const answer of answers) {
        await out.line(out.json ? jsonLine(answer) : JSON.stringify(answer, undefined, 2));
      }
    } catch (error) {
      if (error instanceof JsonError) throw asUsageError(error);
      throw error;
    }
    return "ok";
  },
};

async function showMethods({ out }: Invocation, schema: ProtoSchema): Promise<"ok"> {
  await out.answer(
    () => schema.methods,
    () => {
      return schema.methods.map(
        ({ name, requestStream, responseStream, requestType, responseType }) => {
          const asked = `${requestStream ? "stream " : ""}${requestType}`;
          return `${name}(${asked}) → ${responseStream ? "stream " : ""}${responseType}`;
        },
      );
    },
  );
  return "ok";
}

function methodNamed(schema: ProtoSchema, name: string): MethodSchema {
  const [method, ...others] = schema.methodsNamed(name);
  if (method === undefined)
    throw usageError(`there is no method ${name}`, "`kvdb call list` shows all");
  if (others.length === 0) return method;
  const names = [method, ...others].map((found) => found.name).join(", ");
  throw usageError(`${name} is not one method`, `choose one of ${names}`);
}

async function* requests(
  { args, input }: Invocation,
  method: MethodSchema,
): AsyncGenerator<unknown, void, undefined> {
  const text = args[1] ?? (method.requestStream ? "-" : "{}");
  if (text !== "-") {
    yield parseJson(text, "the request");
    return;
  }
  let sent = 0;
  for await (const request of jsonLines(input(), "standard input")) {
    if (sent > 0 && !method.requestStream) {
      throw usageError(`${method.name} takes one request`, "give a single line");
    }
    sent += 1;
    yield request;
  }
  if (sent === 0 && !method.requestStream)
    throw usageError("there is no request", "give {} for an empty one");
}
