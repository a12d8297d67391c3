/** Every refusal and outcome of the engine as code and reason. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { reasons } from "../../../src/rpc/reasons.js";
import { statusOf, statusOfOutcome, statusOfRefusal } from "../../../src/rpc/status.js";
import { statusCode } from "../../../src/rpc/status-code.js";
import { EngineError, type EngineErrorKind } from "../../../src/storage/errors.js";
import type { RequestId } from "../../../src/storage/model.js";
import { readStatusError } from "./refusals.js";

/** Written down a second time, from the contract, so that a slip in the table is seen. */
const expected: Readonly<Record<EngineErrorKind, readonly [keyof typeof statusCode, string]>> = {
  cancelled: ["CANCELLED", "NOT_EXECUTED"],
  corrupt: ["DATA_LOSS", "CORRUPT"],
  deadline: ["DEADLINE_EXCEEDED", "NOT_EXECUTED"],
  "disk-full": ["RESOURCE_EXHAUSTED", "DISK_FULL"],
  draining: ["UNAVAILABLE", "DRAINING"],
  "history-changed": ["ABORTED", "HISTORY_CHANGED"],
  "history-off": ["FAILED_PRECONDITION", "HISTORY_OFF"],
  "key-exists": ["ALREADY_EXISTS", "KEY_EXISTS"],
  "key-not-found": ["NOT_FOUND", "KEY_NOT_FOUND"],
  "lease-exists": ["ALREADY_EXISTS", "LEASE_EXISTS"],
  "lease-not-found": ["NOT_FOUND", "LEASE_NOT_FOUND"],
  "limit-exceeded": ["INVALID_ARGUMENT", "LIMIT_EXCEEDED"],
  "namespace-blocked": ["FAILED_PRECONDITION", "NAMESPACE_BLOCKED"],
  "namespace-exists": ["ALREADY_EXISTS", "NAMESPACE_EXISTS"],
  "namespace-missing": ["NOT_FOUND", "NAMESPACE_NOT_FOUND"],
  "not-a-number": ["FAILED_PRECONDITION", "NOT_A_NUMBER"],
  "not-ready": ["UNAVAILABLE", "NOT_READY"],
  overloaded: ["RESOURCE_EXHAUSTED", "OVERLOADED"],
  quota: ["RESOURCE_EXHAUSTED", "QUOTA"],
  "read-only": ["FAILED_PRECONDITION", "READ_ONLY"],
  "request-id-reused": ["INVALID_ARGUMENT", "REQUEST_ID_REUSED"],
  "revision-compacted": ["OUT_OF_RANGE", "COMPACTED"],
  "revision-in-future": ["OUT_OF_RANGE", "FUTURE_REVISION"],
  "slow-consumer": ["RESOURCE_EXHAUSTED", "SLOW_CONSUMER"],
  "snapshot-expired": ["RESOURCE_EXHAUSTED", "SLOW_CONSUMER"],
  "storage-busy": ["UNAVAILABLE", "STORAGE_BUSY"],
  "storage-fault": ["UNAVAILABLE", "STORAGE_FAULT"],
  unsupported: ["UNIMPLEMENTED", "UNSUPPORTED"],
  "wal-limit": ["RESOURCE_EXHAUSTED", "WAL_LIMIT"],
};

for (const [kind, [code, reason]] of Object.entries(expected) as [
  EngineErrorKind,
  (typeof expected)[EngineErrorKind],
][]) {
  test(`${kind} of the engine is ${code} · ${reason}`, () => {
    const error = new EngineError(kind, "it is so", { hint: "do this", facts: { limit: "7" } });
    const read = readStatusError(statusOfRefusal(error));
    assert.equal(read.code, statusCode[code]);
    assert.equal(read.reason, reason);
    assert.equal(read.metadata["limit"], "7");
    assert.equal(read.metadata["hint"], "do this");
  });
}

test("what may be tried again after a while says when", () => {
  for (const [kind, row] of Object.entries(statusOf) as [EngineErrorKind, object][]) {
    const error = new EngineError(kind, "it is so", { hint: "do this" });
    const { retryMs, reason, code } = readStatusError(statusOfRefusal(error));
    const unavailable = code === statusCode.UNAVAILABLE;
    assert.equal(retryMs !== undefined, "retryMs" in row, reason);
    if (unavailable) assert.ok(retryMs !== undefined && retryMs > 0, reason);
  }
});

test("a fact that names a field becomes a violation of that field", () => {
  const error = new EngineError("limit-exceeded", "too many keys", {
    hint: "narrow the range",
    facts: { field: "range", limit: "100000" },
  });
  const read = readStatusError(statusOfRefusal(error));
  assert.deepEqual(read.fields, ["range"]);
  assert.deepEqual(read.kinds, ["ErrorInfo", "BadRequest"]);
});

test("an outcome that is not known is never a plain failure, whatever ended the wait", () => {
  const requestId = "id-1" as RequestId;
  const unknown = readStatusError(statusOfOutcome({ kind: "unknown", requestId }, false));
  assert.deepEqual(
    [unknown.code, unknown.reason, unknown.metadata["request_id"]],
    [statusCode.UNKNOWN, "OUTCOME_UNKNOWN", "id-1"],
  );
  const late = readStatusError(statusOfOutcome({ kind: "unknown", requestId: undefined }, true));
  assert.deepEqual([late.code, late.reason], [statusCode.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN"]);
  assert.equal(late.metadata["request_id"], undefined);
});

test("another leader and a lost right to write are told apart", () => {
  const elsewhere = readStatusError(
    statusOfOutcome({ kind: "not-leader", leader: "10.0.0.2:50051" }, false),
  );
  assert.deepEqual(
    [elsewhere.code, elsewhere.reason, elsewhere.metadata["leader"]],
    [statusCode.FAILED_PRECONDITION, "NOT_LEADER", "10.0.0.2:50051"],
  );
  const fenced = readStatusError(statusOfOutcome({ kind: "fenced" }, false));
  assert.deepEqual([fenced.code, fenced.reason], [statusCode.ABORTED, "FENCED"]);
});

test("reasons are words in capitals, and each says what it means and what to do", () => {
  for (const [name, row] of Object.entries(reasons)) {
    assert.match(name, /^[A-Z][A-Z_]+$/);
    assert.match(row.meaning, /^[A-Z].*\.$/);
    const definite: readonly number[] = [statusCode.ABORTED, statusCode.RESOURCE_EXHAUSTED];
    if (definite.includes(row.code)) assert.notEqual(row.retry, "same-request-id-only");
  }
});
