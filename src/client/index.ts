/** The front door of the client: what programs outside this folder may use. */

// The words of the contract, so that a program needs no second import for them.
export {
  CheckpointMode,
  type CheckpointResponse,
  checkpointModeToJSON,
  checkpointOutcomeToJSON,
  checkpointSourceToJSON,
  connectionRoleToJSON,
  type EngineEvent,
  EngineEventKind,
  engineEventKindFromJSON,
  engineEventKindToJSON,
  engineStateToJSON,
  type GetStatusResponse,
  type GetWalStatusResponse,
  IntegrityMode,
  type IntegrityProgress,
  type IntegrityReport,
  IntegrityVerdict,
  integrityVerdictToJSON,
  LogLevel,
  logLevelToJSON,
  type ScrubberStatus,
  scrubberStateToJSON,
  walLimitStateToJSON,
} from "../wire/kvdb/v1/admin.js";
export {
  CompareRelation,
  type DeepPartial,
  deleteReasonToJSON,
  EventType,
  eventTypeToJSON,
  type WatchEvent,
  WatchFilter,
} from "../wire/kvdb/v1/kv.js";
export type { Lease } from "../wire/kvdb/v1/lease.js";
export type { NamespaceInfo, NamespaceSettings } from "../wire/kvdb/v1/namespace.js";
export type { Condition, KeyRange, KeyValue, ResponseHeader } from "../wire/kvdb/v1/types.js";
export { answerJson } from "./answer-json.js";
export { type BulkChunk, type BulkEntry, bulkLoad, chunkChecksum } from "./bulk-loader.js";
export { dynamicCall } from "./dynamic-call.js";
export {
  durationText,
  msOf,
  type SecondsAndNanos,
  timestampFromMs,
  timestampFromText,
  timestampText,
} from "./json-text.js";
export { isCancelled, KvClient, type KvClientOptions } from "./kv-client.js";
export { KvError, type StatusName } from "./kv-error.js";
export { adminMethods, kvMethods, leaseMethods, namespaceMethods } from "./method-table.js";
export {
  type BytesReader,
  bytesFromBase64,
  JsonError,
  messageFromJson,
  textOfBytes,
} from "./proto-json.js";
export { type FieldSchema, type MethodSchema, ProtoSchema } from "./proto-schema.js";
export { watchChanges } from "./watch-changes.js";
