/** Any method by its name, with JSON for messages: for people at a terminal and for scripts. */
import type { KvClient } from "./kv-client.js";
import {
  type BytesReader,
  bytesFromBase64,
  type JsonStyle,
  jsonFromMessage,
  messageFromJson,
} from "./proto-json.js";
import type { MethodSchema, ProtoSchema } from "./proto-schema.js";
import { type CallOptions, rawCall } from "./service-calls.js";

export interface DynamicCallOptions extends CallOptions {
  readonly readBytes?: BytesReader;
  readonly style?: JsonStyle;
}

/**
 * Calls a method with JSON requests: exactly one unless the method takes a stream. Sent once, as it
 * is: no request id is added and nothing is repeated. Throws JsonError before anything is sent when
 * the first request does not fit the contract.
 */
export async function* dynamicCall(
  client: KvClient,
  schema: ProtoSchema,
  method: MethodSchema,
  requests: AsyncIterable<unknown>,
  options: DynamicCallOptions = {},
): AsyncGenerator<unknown, void, undefined> {
  const { readBytes = bytesFromBase64, style = { texts: false }, ...limits } = options;
  const encoded = encode();
  for await (const answer of rawCall(client.context, method, encoded, limits)) {
    yield jsonFromMessage(schema, method.responseType, answer, style);
  }

  async function* encode(): AsyncGenerator<Buffer, void, undefined> {
    for await (const request of requests) {
      yield messageFromJson(schema, method.requestType, request, readBytes);
    }
  }
}
