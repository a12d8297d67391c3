/** The front door of the client: what programs outside this folder may use. */
export { type BulkChunk, type BulkEntry, bulkLoad } from "./bulk-loader.js";
export { dynamicCall } from "./dynamic-call.js";
export {
  durationText,
  msOf,
  type SecondsAndNanos,
  timestampFromMs,
  timestampText,
} from "./json-text.js";
export { isCancelled, KvClient } from "./kv-client.js";
export { KvError, type StatusName } from "./kv-error.js";
export {
  bytesFromBase64,
  JsonError,
  jsonFromMessage,
  messageFromJson,
  textOfBytes,
} from "./proto-json.js";
export { type FieldSchema, type MethodSchema, ProtoSchema } from "./proto-schema.js";
export { watchChanges } from "./watch-changes.js";
