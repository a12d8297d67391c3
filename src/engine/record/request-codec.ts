/**
 * A TxnRequest as bytes: how it crosses to the writer thread. The body's bytes are canonical, so
 * their hash is the digest by which a reused request id with another body is told.
 */
import { unreachable } from "../../foundation/assert.js";
import type {
  Compare,
  Expiry,
  Key,
  KeyRange,
  LeaseId,
  Namespace,
  Operation,
  RequestId,
  Span,
  TxnBody,
  TxnRequest,
} from "../../storage/model.js";
import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import { readOptionalText, writeOptionalText } from "./optional-fields.js";

const operations = {
  get: 1,
  put: 2,
  delete: 3,
  rename: 4,
  increment: 5,
  txn: 6,
  "lease-grant": 7,
  "lease-keep-alive": 8,
  "lease-revoke": 9,
  "expire-keys": 10,
  "expire-lease": 11,
} as const;
const relations = ["equal", "not-equal", "less", "greater"] as const;
const operands = ["version", "create-revision", "mod-revision", "value", "lease"] as const;

export function writeRequest(out: ByteWriter, request: TxnRequest): void {
  out.text(request.namespace);
  writeOptionalText(out, request.principal);
  writeOptionalText(out, request.requestId);
  writeBody(out, request.body);
}

/** Bytes of the request are views of the source. `bodyBytes` is the canonical body. */
export function readRequest(
  source: ByteReader,
  bytes: Uint8Array,
): { readonly request: TxnRequest; readonly bodyBytes: Uint8Array } {
  const namespace = source.text() as Namespace;
  const principal = readOptionalText(source);
  const requestId = readOptionalText(source) as RequestId | undefined;
  const start = source.at;
  const body = readBody(source);
  return {
    request: { namespace, principal, requestId, body },
    bodyBytes: bytes.subarray(start, source.at),
  };
}

/** About as many bytes as the request will take when it is written; never much less. */
export function requestBytes(request: TxnRequest): number {
  return 128 + bodyBytesOf(request.body);
}

function bodyBytesOf(body: TxnBody): number {
  let bytes = 0;
  for (const { span, operand } of body.compares) {
    bytes += 16 + spanBytes(span) + (operand.of === "value" ? operand.value.length : 8);
  }
  for (const operation of body.success) bytes += operationBytes(operation);
  for (const operation of body.failure) bytes += operationBytes(operation);
  return bytes;
}

function operationBytes(operation: Operation): number {
  switch (operation.kind) {
    case "get":
    case "increment":
      return 32 + operation.key.length;
    case "put":
      return 32 + operation.key.length + operation.value.length;
    case "delete":
      return 16 + spanBytes(operation.span);
    case "rename":
      return 16 + operation.from.length + operation.to.length;
    case "txn":
      return bodyBytesOf(operation.body);
    case "expire-keys":
      return operation.keys.reduce((bytes, key) => bytes + key.length + 4, 16);
    case "lease-grant":
    case "lease-keep-alive":
    case "lease-revoke":
    case "expire-lease":
      return 32;
    default:
      return unreachable(operation);
  }
}

function spanBytes(span: Span): number {
  if (span.kind === "key") return span.key.length;
  return span.range.start.length + (span.range.end?.length ?? 0);
}

function writeBody(out: ByteWriter, body: TxnBody): void {
  out.varint(body.compares.length);
  for (const compare of body.compares) writeCompare(out, compare);
  writeOperations(out, body.success);
  writeOperations(out, body.failure);
}

function readBody(source: ByteReader): TxnBody {
  const compares = source.list(readCompare);
  return { compares, success: readOperations(source), failure: readOperations(source) };
}

function writeOperations(out: ByteWriter, list: readonly Operation[]): void {
  out.varint(list.length);
  for (const operation of list) writeOperation(out, operation);
}

function readOperations(source: ByteReader): Operation[] {
  return source.list(readOperation);
}

function writeOperation(out: ByteWriter, operation: Operation): void {
  out.u8(operations[operation.kind]);
  switch (operation.kind) {
    case "get":
      out.bytes(operation.key);
      return;
    case "put":
      out.bytes(operation.key);
      out.bytes(operation.value);
      writeExpiry(out, operation.expiry);
      out.u8(operation.returnPrevious ? 1 : 0);
      return;
    case "delete":
      writeSpan(out, operation.span);
      out.u8(operation.returnPrevious ? 1 : 0);
      return;
    case "rename":
      out.bytes(operation.from);
      out.bytes(operation.to);
      out.u8(operation.overwrite ? 1 : 0);
      return;
    case "increment":
      out.bytes(operation.key);
      out.i64(operation.delta);
      out.i64(operation.initial);
      return;
    case "txn":
      writeBody(out, operation.body);
      return;
    case "lease-grant":
      out.u64(operation.leaseId ?? 0n);
      out.f64(operation.ttlMs);
      return;
    case "lease-keep-alive":
    case "lease-revoke":
    case "expire-lease":
      out.u64(operation.leaseId);
      return;
    case "expire-keys":
      out.varint(operation.keys.length);
      for (const key of operation.keys) out.bytes(key);
      return;
    default:
      unreachable(operation);
  }
}

function readOperation(source: ByteReader): Operation {
  const kind = source.u8();
  switch (kind) {
    case operations.get:
      return { kind: "get", key: source.bytes() as Key };
    case operations.put:
      return {
        kind: "put",
        key: source.bytes() as Key,
        value: source.bytes(),
        expiry: readExpiry(source),
        returnPrevious: source.u8() === 1,
      };
    case operations.delete:
      return { kind: "delete", span: readSpan(source), returnPrevious: source.u8() === 1 };
    case operations.rename:
      return {
        kind: "rename",
        from: source.bytes() as Key,
        to: source.bytes() as Key,
        overwrite: source.u8() === 1,
      };
    case operations.increment:
      return {
        kind: "increment",
        key: source.bytes() as Key,
        delta: source.i64(),
        initial: source.i64(),
      };
    case operations.txn:
      return { kind: "txn", body: readBody(source) };
    default:
      return readLeaseOperation(kind, source);
  }
}

function readLeaseOperation(kind: number, source: ByteReader): Operation {
  switch (kind) {
    case operations["lease-grant"]:
      return { kind: "lease-grant", leaseId: readLeaseId(source), ttlMs: source.f64() };
    case operations["lease-keep-alive"]:
      return { kind: "lease-keep-alive", leaseId: source.u64() as LeaseId };
    case operations["lease-revoke"]:
      return { kind: "lease-revoke", leaseId: source.u64() as LeaseId };
    case operations["expire-keys"]:
      return {
        kind: "expire-keys",
        keys: source.list(() => source.bytes() as Key),
      };
    case operations["expire-lease"]:
      return { kind: "expire-lease", leaseId: source.u64() as LeaseId };
    default:
      throw new RangeError(`an operation of kind ${kind} is not known`);
  }
}

/** 0 = none was chosen. */
function readLeaseId(source: ByteReader): LeaseId | undefined {
  const id = source.u64();
  return id === 0n ? undefined : (id as LeaseId);
}

function writeExpiry(out: ByteWriter, expiry: Expiry): void {
  switch (expiry.kind) {
    case "never":
      out.u8(0);
      return;
    case "at":
      out.u8(1);
      out.f64(expiry.atMs);
      return;
    case "after":
      out.u8(3);
      out.f64(expiry.ttlMs);
      return;
    case "lease":
      out.u8(2);
      out.u64(expiry.leaseId);
      return;
    default:
      unreachable(expiry);
  }
}

function readExpiry(source: ByteReader): Expiry {
  const kind = source.u8();
  if (kind === 0) return { kind: "never" };
  if (kind === 1) return { kind: "at", atMs: source.f64() };
  if (kind === 3) return { kind: "after", ttlMs: source.f64() };
  return { kind: "lease", leaseId: source.u64() as LeaseId };
}

function writeSpan(out: ByteWriter, span: Span): void {
  if (span.kind === "key") {
    out.u8(0);
    out.bytes(span.key);
    return;
  }
  out.u8(span.range.end === undefined ? 1 : 2);
  out.bytes(span.range.start);
  if (span.range.end !== undefined) out.bytes(span.range.end);
}

function readSpan(source: ByteReader): Span {
  const kind = source.u8();
  if (kind === 0) return { kind: "key", key: source.bytes() as Key };
  const range: KeyRange = {
    start: source.bytes(),
    end: kind === 2 ? source.bytes() : undefined,
  };
  return { kind: "range", range };
}

function writeCompare(out: ByteWriter, compare: Compare): void {
  writeSpan(out, compare.span);
  out.u8(relations.indexOf(compare.relation));
  out.u8(operands.indexOf(compare.operand.of));
  if (compare.operand.of === "value") out.bytes(compare.operand.value);
  else out.u64(compare.operand.value);
}

function readCompare(source: ByteReader): Compare {
  const span = readSpan(source);
  const relation = relations[source.u8()];
  const of = operands[source.u8()];
  if (relation === undefined || of === undefined) throw new RangeError("a compare is not known");
  if (of === "value") return { span, relation, operand: { of, value: source.bytes() } };
  return { span, relation, operand: { of, value: source.u64() } };
}
