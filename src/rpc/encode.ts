/** From the domain to the wire. Nothing here decides anything. */
import { assert } from "../foundation/assert.js";
import type {
  Entry,
  Header,
  Operation,
  OperationResult,
  TxnBody,
  TxnResult,
} from "../storage/model.js";
import type { Duration } from "../wire/google/protobuf/duration.js";
import type { Timestamp } from "../wire/google/protobuf/timestamp.js";
import type {
  OperationResult as WireOperationResult,
  TxnResult as WireTxnResult,
  WriteResult,
} from "../wire/kvdb/v1/kv.js";
import type { KeyValue, ResponseHeader } from "../wire/kvdb/v1/types.js";

/** A Header has the very fields of the message, so it travels as it is. */
export function encodeHeader(header: Header): ResponseHeader {
  return header;
}

export function encodeEntry(entry: Entry): KeyValue {
  return {
    key: entry.key,
    value: entry.value,
    createRevision: entry.createRevision,
    modRevision: entry.modRevision,
    version: entry.version,
    expireTime: entry.expiresAtMs === undefined ? undefined : encodeTime(entry.expiresAtMs),
    leaseId: entry.leaseId ?? 0n,
  };
}

export function encodeOptionalEntry(entry: Entry | undefined): KeyValue | undefined {
  return entry === undefined ? undefined : encodeEntry(entry);
}

/** The body says which arm a result belongs in: a deleted key and a deleted range look the same. */
export function encodeTxnResult(body: TxnBody, result: TxnResult): WireTxnResult {
  const operations = result.succeeded ? body.success : body.failure;
  return {
    succeeded: result.succeeded,
    responses: encodeResults(operations, result.responses),
    failedCompares: [...result.failedCompares],
  };
}

/** One result per operation, in order. */
export function encodeResults(
  operations: readonly Operation[],
  results: readonly OperationResult[],
): WireOperationResult[] {
  assert(operations.length === results.length, "every operation has one result");
  return results.map((result, at) => {
    const operation = operations[at];
    assert(operation !== undefined, "every result has its operation");
    return { result: encodeResult(operation, result) };
  });
}

/** Results of a BatchWrite; its operations are a part of those of a Txn. */
export function encodeWriteResults(
  operations: readonly Operation[],
  results: readonly OperationResult[],
): WriteResult[] {
  return encodeResults(operations, results).map(({ result }) => {
    const arm = result?.$case;
    assert(
      arm === "put" || arm === "delete" || arm === "increment",
      "a batch has puts, deletes and increments only",
    );
    return { result };
  });
}

function encodeResult(
  operation: Operation,
  result: OperationResult,
): NonNullable<WireOperationResult["result"]> {
  switch (result.kind) {
    case "got":
      return { $case: "get", value: { kv: encodeOptionalEntry(result.entry) } };
    case "put":
      return { $case: "put", value: { previous: encodeOptionalEntry(result.previous) } };
    case "deleted":
      if (operation.kind === "delete" && operation.span.kind === "range") {
        return { $case: "deleteRange", value: { deletedCount: result.count } };
      }
      return {
        $case: "delete",
        value: { deleted: result.count > 0, previous: encodeOptionalEntry(result.previous) },
      };
    case "incremented":
      return { $case: "increment", value: { value: result.value } };
    case "txn":
      assert(operation.kind === "txn", "the result of a transaction answers one");
      return { $case: "txn", value: encodeTxnResult(operation.body, result.result) };
    case "renamed":
    case "lease":
    case "expired":
      assert(false, "a transaction of the contract has no such operation");
  }
}

/** Whole milliseconds since 1970. */
export function encodeTime(epochMs: number): Timestamp {
  const { seconds, nanos } = split(epochMs);
  return { seconds, nanos };
}

/** Parts of a millisecond are kept to the nanosecond. Never negative. */
export function encodeDuration(ms: number): Duration {
  return split(Math.max(0, ms));
}

function split(ms: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.min(Math.round((ms - seconds * 1000) * 1e6), 999_999_999);
  return { seconds: BigInt(seconds), nanos };
}
