/**
 * The payload of a log row: the batches of one entry. The row's other columns (namespace, revisions,
 * epoch, nonce, time) stand beside it, and one checksum covers all of them together.
 */
import { crc32c } from "../../foundation/crc32c.js";
import type {
  Change,
  ChangeBatch,
  ChangeCause,
  LogEntry,
  RecordedRequest,
} from "../../storage/log-entry.js";
import type { Key, RequestId, Revision } from "../../storage/model.js";
import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import {
  readLifetime,
  readOptionalText,
  skipLifetime,
  writeLifetime,
  writeOptionalText,
} from "./optional-fields.js";

const entryForm = 1;
const revisionBytes = 8;
const versionBytes = 8;
/** In a change's first byte, beside its cause. */
const deletedFlag = 0x80;
const takesOverFlag = 0x40;
const causes: readonly ChangeCause[] = ["client", "expired", "lease-revoked", "lease-expired"];
const scratch = new ByteWriter();

export function encodeBatches(batches: readonly ChangeBatch[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(1024);
  out.u8(entryForm);
  out.varint(batches.length);
  for (const batch of batches) writeBatch(out, batch);
  return out.finish();
}

/** Throws RangeError when the bytes are not an entry. Bytes of the batches are views. */
export function decodeBatches(payload: Uint8Array): ChangeBatch[] {
  const source = begin(payload);
  const batches = source.list(readBatch);
  assertAtEnd(source);
  return batches;
}

/**
 * The key of each change in order, as a view, for those who need nothing else: a third of what
 * decoding costs. Throws RangeError when the bytes are not an entry.
 */
export function eachChangedKey(payload: Uint8Array, visit: (key: Key) => void): void {
  const source = begin(payload);
  for (let batches = source.varint(); batches > 0; batches--) {
    source.skip(revisionBytes);
    readOptionalText(source);
    if (readOptionalText(source) !== undefined) {
      source.skip(source.varint());
      source.skip(source.varint());
    }
    for (let changes = source.varint(); changes > 0; changes--) {
      const isPut = (source.u8() & deletedFlag) === 0;
      visit(source.bytes() as Key);
      source.skip(revisionBytes + versionBytes);
      skipLifetime(source);
      if (isPut) source.skip(source.varint());
    }
  }
  assertAtEnd(source);
}

function begin(payload: Uint8Array): ByteReader {
  const source = new ByteReader(payload);
  const form = source.u8();
  if (form !== entryForm) throw new RangeError(`log entries of form ${form} are not known`);
  return source;
}

function assertAtEnd(source: ByteReader): void {
  if (!source.atEnd) throw new RangeError("a log entry has bytes behind its end");
}

/** Over every column of the row, so that a row moved, swapped or half written is noticed. */
export function entryChecksum(
  ns: number,
  entry: Omit<LogEntry, "namespace" | "batches">,
  payload: Uint8Array,
): number {
  scratch.reset();
  scratch.u32(ns);
  scratch.u64(entry.first);
  scratch.u64(entry.last);
  scratch.u64(entry.epoch);
  scratch.text(entry.nonce);
  scratch.f64(entry.timeMs);
  return crc32c(payload, crc32c(scratch.finish()));
}

function writeBatch(out: ByteWriter, batch: ChangeBatch): void {
  out.u64(batch.revision);
  writeOptionalText(out, batch.principal);
  writeOptionalText(out, batch.request?.id);
  if (batch.request !== undefined) {
    out.bytes(batch.request.digest);
    out.bytes(batch.request.answer);
  }
  out.varint(batch.changes.length);
  for (const change of batch.changes) writeChange(out, change);
}

function readBatch(source: ByteReader): ChangeBatch {
  const revision = source.u64() as Revision;
  const principal = readOptionalText(source);
  const id = readOptionalText(source);
  const request: RecordedRequest | undefined =
    id === undefined
      ? undefined
      : { id: id as RequestId, digest: source.bytes(), answer: source.bytes() };
  const changes = source.list(readChange);
  return { revision, principal, request, changes };
}

function writeChange(out: ByteWriter, change: Change): void {
  const flags = (change.value === null ? deletedFlag : 0) | (change.takesOver ? takesOverFlag : 0);
  out.u8(causes.indexOf(change.cause) | flags);
  out.bytes(change.key);
  out.u64(change.createRevision);
  out.u64(change.version);
  writeLifetime(out, change.expiresAtMs, change.leaseId);
  if (change.value !== null) out.bytes(change.value);
}

function readChange(source: ByteReader): Change {
  const flags = source.u8();
  const cause = causes[flags & ~(deletedFlag | takesOverFlag)];
  if (cause === undefined) throw new RangeError("a change has a cause that is not known");
  const key = source.bytes() as Key;
  const createRevision = source.u64() as Revision;
  const version = source.u64();
  const lifetime = readLifetime(source);
  const value = (flags & deletedFlag) === 0 ? source.bytes() : null;
  const change = { key, value, createRevision, version, ...lifetime, cause };
  return (flags & takesOverFlag) === 0 ? change : { ...change, takesOver: true };
}
