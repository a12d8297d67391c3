/** Calls as messages. Written from the .proto files, not from the server's decoder. */
import { equalBytes, prefixEnd } from "../../src/foundation/bytes.js";
import type { Compare, Expiry, KeyRange, Operation, TxnBody } from "../../src/storage/model.js";
import type { NamespaceSettings } from "../../src/storage/namespaces.js";
import type { Duration } from "../../src/wire/google/protobuf/duration.js";
import type { Timestamp } from "../../src/wire/google/protobuf/timestamp.js";
import * as wire from "../../src/wire/kvdb/v1/kv.js";
import type { GrantLeaseRequest } from "../../src/wire/kvdb/v1/lease.js";
import type { NamespaceSettings as WireSettings } from "../../src/wire/kvdb/v1/namespace.js";
import type {
  Condition as WireCondition,
  KeyRange as WireRange,
} from "../../src/wire/kvdb/v1/types.js";
import type {
  Condition,
  ListCall,
  Mutation,
  PipelineEntry,
  PointCall,
  PutOperation,
  ScanCall,
} from "./calls.js";

type PipelineOperation = NonNullable<wire.PipelineOperation["operation"]>;

/** A request of a unary RPC, named as a pipeline names it. */
export function entryRequest(call: PipelineEntry, pageToken: string): PipelineOperation {
  switch (call.rpc) {
    case "Get":
      return { $case: "get", value: getRequest(call) };
    case "BatchGet":
      return { $case: "batchGet", value: batchGetRequest(call) };
    case "List":
      return { $case: "list", value: listRequest(call, pageToken) };
    case "Put":
    case "Delete":
    case "DeleteRange":
    case "Rename":
    case "Increment":
    case "Txn":
    case "BatchWrite":
    case "GrantLease":
    case "RevokeLease":
    case "KeepAliveLease":
      return mutationRequest(call);
  }
}

function getRequest({ namespace, keys, at, keysOnly }: PointCall): wire.GetRequest {
  return { namespace, key: keys[0] ?? new Uint8Array(0), revision: at, keysOnly };
}

function batchGetRequest({ namespace, keys, at, keysOnly }: PointCall): wire.BatchGetRequest {
  return { namespace, keys: [...keys], revision: at, keysOnly };
}

function listRequest(call: ListCall, pageToken: string): wire.ListRequest {
  const { pageSize, countOnly } = call;
  return { ...rangeRequest(call), pageSize, countOnly, pageToken };
}

export function rangeRequest(call: ListCall | ScanCall): Omit<wire.ScanRequest, "resumeToken"> {
  const { namespace, range, reverse, keysOnly, at } = call;
  return { namespace, range: rangeOf(range), reverse, keysOnly, revision: at };
}

function mutationRequest(call: Mutation): PipelineOperation {
  const { namespace, body } = call;
  const common = { namespace, requestId: call.requestId ?? "" };
  const condition = conditionOf(call.condition);
  const [operation] = body.success;
  switch (call.rpc) {
    case "Put":
      return { $case: "put", value: { ...common, ...putOf(only(operation, "put")), condition } };
    case "Delete": {
      const { key, returnPrevious } = deleteOf(only(operation, "delete"));
      return { $case: "delete", value: { ...common, key, condition, returnPrevious } };
    }
    case "DeleteRange": {
      const { range } = deleteRangeOf(only(operation, "delete"));
      return { $case: "deleteRange", value: { ...common, range } };
    }
    case "Rename": {
      const { from: key, to: newKey, overwrite } = only(operation, "rename");
      return { $case: "rename", value: { ...common, key, newKey, overwrite } };
    }
    case "Increment": {
      const { key, delta, initial } = only(operation, "increment");
      return { $case: "increment", value: { ...common, key, delta, initial } };
    }
    case "Txn":
      return { $case: "txn", value: { ...common, ...bodyOf(body) } };
    case "BatchWrite":
      return { $case: "batchWrite", value: { ...common, ops: body.success.map(writeOf) } };
    case "GrantLease":
    case "RevokeLease":
    case "KeepAliveLease":
      throw new Error(`${call.rpc} is no request of a pipeline`);
  }
}

export function grantRequest(call: Mutation): GrantLeaseRequest {
  const { ttlMs, leaseId } = only(call.body.success[0], "lease-grant");
  const { namespace, requestId } = call;
  const ttl = durationOf(ttlMs);
  return { namespace, requestId: requestId ?? "", ttl, leaseId: leaseId ?? 0n };
}

export function only<Kind extends Operation["kind"]>(
  operation: Operation | undefined,
  kind: Kind,
): Extract<Operation, { readonly kind: Kind }> {
  if (operation?.kind !== kind) throw new Error(`the call's operation is a ${kind}`);
  return operation as Extract<Operation, { readonly kind: Kind }>;
}

function bodyOf({ compares, success, failure }: TxnBody): wire.TxnOperation {
  return {
    compares: compares.map(compareOf),
    success: success.map(operationOf),
    failure: failure.map(operationOf),
  };
}

function operationOf(operation: Operation): wire.Operation {
  switch (operation.kind) {
    case "get":
      return { operation: { $case: "get", value: { key: operation.key } } };
    case "put":
      return { operation: { $case: "put", value: putOf(operation) } };
    case "increment": {
      const { key, delta, initial } = operation;
      return { operation: { $case: "increment", value: { key, delta, initial } } };
    }
    case "txn":
      return { operation: { $case: "txn", value: bodyOf(operation.body) } };
    case "delete":
      if (operation.span.kind === "range") {
        return { operation: { $case: "deleteRange", value: deleteRangeOf(operation) } };
      }
      return { operation: { $case: "delete", value: deleteOf(operation) } };
    case "rename":
    case "lease-grant":
    case "lease-keep-alive":
    case "lease-revoke":
    case "expire-keys":
    case "expire-lease":
      throw new Error(`a transaction of the contract has no ${operation.kind}`);
  }
}

function writeOf(operation: Operation): wire.WriteOperation {
  const { operation: form } = operationOf(operation);
  if (form?.$case === "put" || form?.$case === "delete" || form?.$case === "increment") {
    return { operation: form };
  }
  throw new Error(`a batch has no ${operation.kind}`);
}

function putOf({ key, value, expiry, returnPrevious }: PutOperation): wire.PutOperation {
  return { key, value, expiry: expiryOf(expiry), returnPrevious };
}

function deleteOf(operation: Operation & { kind: "delete" }): wire.DeleteOperation {
  const { span, returnPrevious } = operation;
  if (span.kind !== "key") throw new Error("a Delete is of one key");
  return { key: span.key, returnPrevious };
}

function deleteRangeOf({ span }: Operation & { kind: "delete" }): wire.DeleteRangeOperation {
  if (span.kind !== "range") throw new Error("a DeleteRange is of a range");
  return { range: rangeOf(span.range) };
}

function expiryOf(expiry: Expiry): wire.PutOperation["expiry"] {
  switch (expiry.kind) {
    case "never":
      return undefined;
    case "after":
      return { $case: "ttl", value: durationOf(expiry.ttlMs) };
    case "at":
      return { $case: "expireTime", value: timeOf(expiry.atMs) };
    case "lease":
      return { $case: "leaseId", value: expiry.leaseId };
  }
}

/** Each form that says the same is used by some range. */
export function rangeOf({ start, end }: KeyRange): WireRange {
  if (start.length === 0 && end === undefined) return { range: { $case: "all", value: true } };
  if (start.length === 1 && end !== undefined && isPrefix(start, end)) {
    return { range: { $case: "prefix", value: start } };
  }
  const value = { start, end: end ?? new Uint8Array(0) };
  return { range: { $case: "interval", value } };
}

function isPrefix(start: Uint8Array, end: Uint8Array): boolean {
  const after = prefixEnd(start);
  return after !== undefined && equalBytes(after, end);
}

function conditionOf(condition: Condition | undefined): WireCondition | undefined {
  if (condition === undefined) return undefined;
  const { of, value } = condition;
  const forms = {
    absent: { $case: "ifAbsent", value: true },
    present: { $case: "ifPresent", value: true },
    "mod-revision": { $case: "ifModRevision", value },
    version: { $case: "ifVersion", value },
  } as const;
  return { condition: forms[of] };
}

const relations = {
  equal: wire.CompareRelation.COMPARE_RELATION_EQUAL,
  "not-equal": wire.CompareRelation.COMPARE_RELATION_NOT_EQUAL,
  less: wire.CompareRelation.COMPARE_RELATION_LESS,
  greater: wire.CompareRelation.COMPARE_RELATION_GREATER,
} as const;

function compareOf({ span, relation, operand }: Compare): wire.Compare {
  return {
    span:
      span.kind === "key"
        ? { $case: "key", value: span.key }
        : { $case: "range", value: rangeOf(span.range) },
    relation: relations[relation],
    operand: operandOf(operand),
  };
}

function operandOf(operand: Compare["operand"]): wire.Compare["operand"] {
  if (operand.of === "value") return { $case: "value", value: operand.value };
  const { value } = operand;
  const forms = {
    version: { $case: "version", value },
    "create-revision": { $case: "createRevision", value },
    "mod-revision": { $case: "modRevision", value },
    lease: { $case: "leaseId", value },
  } as const;
  return forms[operand.of];
}

export function settingsOf(settings: Partial<NamespaceSettings>): WireSettings {
  const { quotaBytes, quotaKeys, historyReads, blockReads, blockWrites, blockReason } = settings;
  return {
    quotaBytes: quotaBytes === undefined ? undefined : BigInt(quotaBytes),
    quotaKeys: quotaKeys === undefined ? undefined : BigInt(quotaKeys),
    logRetention: undefined,
    ...{ historyReads, blockReads, blockWrites, blockReason },
  };
}

export function durationOf(ms: number): Duration {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}

export function timeOf(ms: number): Timestamp {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}

/** Counts, so that the answer is a header and little else. */
export function headRequest(namespace: string): wire.ListRequest {
  const range = rangeOf({ start: new Uint8Array(0), end: undefined });
  const read = { reverse: false, keysOnly: true, countOnly: true, revision: undefined };
  return { namespace, range, pageSize: 0, pageToken: "", ...read };
}
