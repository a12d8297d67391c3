/**
 * A TxnResult as bytes: what the writer thread answers with, and what a request id is remembered by.
 * Recorded answers outlive the process, so the form starts with its version.
 */
import { unreachable } from "../../foundation/assert.js";
import type {
  Entry,
  Key,
  Lease,
  LeaseId,
  OperationResult,
  Revision,
  TxnResult,
} from "../../storage/model.js";
import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import { readLifetime, writeLifetime } from "./optional-fields.js";

const resultForm = 1;
const kinds = {
  got: 1,
  put: 2,
  deleted: 3,
  renamed: 4,
  incremented: 5,
  txn: 6,
  lease: 7,
  expired: 8,
  /** Renamed, with an entry that was too large to be kept. */
  moved: 9,
} as const;

export function writeResult(out: ByteWriter, result: TxnResult): void {
  out.u8(resultForm);
  writeBody(out, result);
}

export function readResult(source: ByteReader): TxnResult {
  const form = source.u8();
  if (form !== resultForm) throw new RangeError(`answers of form ${form} are not known`);
  return readBody(source);
}

export function writeEntry(out: ByteWriter, entry: Entry): void {
  out.bytes(entry.key);
  out.bytes(entry.value);
  out.u64(entry.createRevision);
  out.u64(entry.modRevision);
  out.u64(entry.version);
  writeLifetime(out, entry.expiresAtMs, entry.leaseId);
}

export function readEntry(source: ByteReader): Entry {
  return {
    key: source.bytes() as Key,
    value: source.bytes(),
    createRevision: source.u64() as Revision,
    modRevision: source.u64() as Revision,
    version: source.u64(),
    ...readLifetime(source),
  };
}

function writeBody(out: ByteWriter, result: TxnResult): void {
  out.u8((result.succeeded ? 1 : 0) | (result.replayed ? 2 : 0));
  out.varint(result.failedCompares.length);
  for (const index of result.failedCompares) out.varint(index);
  out.varint(result.responses.length);
  for (const response of result.responses) writeResponse(out, response);
}

function readBody(source: ByteReader): TxnResult {
  const flags = source.u8();
  const failedCompares = source.list(() => source.varint());
  const responses = source.list(readResponse);
  return { succeeded: (flags & 1) !== 0, replayed: (flags & 2) !== 0, failedCompares, responses };
}

function writeResponse(out: ByteWriter, response: OperationResult): void {
  const moved = response.kind === "renamed" && response.entry === undefined;
  out.u8(kinds[moved ? "moved" : response.kind]);
  switch (response.kind) {
    case "got":
      writeOptionalEntry(out, response.entry);
      return;
    case "put":
      out.u64(response.version);
      writeOptionalEntry(out, response.previous);
      return;
    case "deleted":
      out.varint(response.count);
      writeOptionalEntry(out, response.previous);
      return;
    case "renamed":
      if (response.entry !== undefined) writeEntry(out, response.entry);
      return;
    case "incremented":
      out.i64(response.value);
      return;
    case "txn":
      writeBody(out, response.result);
      return;
    case "lease":
      writeOptionalLease(out, response.lease);
      return;
    case "expired":
      out.varint(response.count);
      return;
    default:
      unreachable(response);
  }
}

function readResponse(source: ByteReader): OperationResult {
  const kind = source.u8();
  switch (kind) {
    case kinds.got:
      return { kind: "got", entry: readOptionalEntry(source) };
    case kinds.put:
      return { kind: "put", version: source.u64(), previous: readOptionalEntry(source) };
    case kinds.deleted:
      return { kind: "deleted", count: source.varint(), previous: readOptionalEntry(source) };
    case kinds.renamed:
      return { kind: "renamed", entry: readEntry(source) };
    case kinds.moved:
      return { kind: "renamed", entry: undefined };
    case kinds.incremented:
      return { kind: "incremented", value: source.i64() };
    case kinds.txn:
      return { kind: "txn", result: readBody(source) };
    case kinds.lease:
      return { kind: "lease", lease: readOptionalLease(source) };
    case kinds.expired:
      return { kind: "expired", count: source.varint() };
    default:
      throw new RangeError(`an answer of kind ${kind} is not known`);
  }
}

function writeOptionalLease(out: ByteWriter, lease: Lease | undefined): void {
  out.u64(lease?.leaseId ?? 0n);
  if (lease === undefined) return;
  out.f64(lease.ttlMs);
  out.f64(lease.deadlineMs);
}

function readOptionalLease(source: ByteReader): Lease | undefined {
  const leaseId = source.u64() as LeaseId;
  if (leaseId === 0n) return undefined;
  return { leaseId, ttlMs: source.f64(), deadlineMs: source.f64() };
}

function writeOptionalEntry(out: ByteWriter, entry: Entry | undefined): void {
  out.u8(entry === undefined ? 0 : 1);
  if (entry !== undefined) writeEntry(out, entry);
}

function readOptionalEntry(source: ByteReader): Entry | undefined {
  return source.u8() === 0 ? undefined : readEntry(source);
}
