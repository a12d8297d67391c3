/** Requests that are refused before they reach the store, and why. */
import type { Condition, KeyRange } from "../../src/wire/kvdb/v1/types.js";

interface MalformedRow {
  readonly rpc: string;
  readonly request: unknown;
  readonly code: number;
  readonly reason: string;
}

const invalidArgument = 3;
const outOfRange = 11;
const key = Uint8Array.of(0x61);
const value = Uint8Array.of(1);
const common = { namespace: "malformed", requestId: "" };
const all = { range: { $case: "all", value: true } } as const;
const read = { namespace: "malformed", revision: undefined, keysOnly: false };
const put = {
  ...common,
  key,
  value,
  expiry: undefined,
  condition: undefined,
  returnPrevious: false,
};
const list = { ...read, range: all, pageSize: 0, pageToken: "", reverse: false, countOnly: false };
const backwards: KeyRange = {
  range: { $case: "interval", value: { start: Uint8Array.of(2), end: Uint8Array.of(1) } },
};

function txn(depth: number): object {
  const body = { compares: [], success: [] as unknown[], failure: [] };
  if (depth > 1) body.success.push({ operation: { $case: "txn", value: txn(depth - 1) } });
  return body;
}

function row(rpc: string, request: unknown, reason: string, code = invalidArgument): MalformedRow {
  return { rpc, request, code, reason };
}

const saysNothing: Condition = { condition: { $case: "ifAbsent", value: false } };
const endless = { seconds: 3_153_600_001n, nanos: 0 };

export const malformedRows: readonly MalformedRow[] = [
  row("Get", { ...read, key: new Uint8Array(0) }, "KEY_EMPTY"),
  row("Get", { ...read, key: new Uint8Array(4_097) }, "KEY_TOO_LARGE"),
  row("Get", { ...read, key, namespace: "Malformed" }, "NAMESPACE_INVALID"),
  row("Get", { ...read, key, revision: 0n }, "REVISION_INVALID"),
  row("Get", { ...read, key, revision: 2n ** 64n - 1n }, "FUTURE_REVISION", outOfRange),
  row("BatchGet", { ...read, keys: [key, new Uint8Array(0)] }, "KEY_EMPTY"),
  row("Put", { ...put, value: new Uint8Array(1_048_577) }, "VALUE_TOO_LARGE"),
  row("Put", { ...put, requestId: "x".repeat(65) }, "REQUEST_ID_TOO_LARGE"),
  row("Put", { ...put, expiry: { $case: "leaseId", value: 0n } }, "LEASE_ID_INVALID"),
  row("Put", { ...put, expiry: { $case: "ttl", value: endless } }, "TTL_INVALID"),
  row("Put", { ...put, condition: saysNothing }, "ARGUMENT_INVALID"),
  row("Put", { ...put, condition: { condition: undefined } }, "FIELD_MISSING"),
  row("DeleteRange", { ...common, range: undefined }, "RANGE_INVALID"),
  row("DeleteRange", { ...common, range: backwards }, "RANGE_INVALID"),
  row("Rename", { ...common, key, newKey: key, overwrite: true }, "ARGUMENT_INVALID"),
  row("List", { ...list, pageSize: -1 }, "PAGE_SIZE_INVALID"),
  row("List", { ...list, pageToken: "made-up" }, "PAGE_TOKEN_INVALID"),
  row("List", { ...list, pageToken: "made-up", countOnly: true }, "PAGE_TOKEN_INVALID"),
  row("Scan", { ...read, range: all, reverse: false, resumeToken: "x" }, "PAGE_TOKEN_INVALID"),
  row("Txn", { ...common, ...txn(4) }, "TXN_TOO_DEEP"),
  row("BatchWrite", { ...common, ops: [{ operation: undefined }] }, "FIELD_MISSING"),
  row("GrantLease", { ...common, ttl: undefined, leaseId: 0n }, "FIELD_MISSING"),
  row("RevokeLease", { ...common, leaseId: 0n }, "LEASE_ID_INVALID"),
  row("GetLease", { ...common, leaseId: 2n ** 63n, keys: false }, "LEASE_ID_INVALID"),
  row("Compact", { ...common, revision: 0n }, "REVISION_INVALID"),
];

export const malformedCount: number = malformedRows.length;
