/**
 * The checksums of rows, CRC-32C. A key-value row has two: one over its value, and one over
 * everything else including the first. So a write that only needs an old row's versions can trust
 * them without reading a megabyte of value, and every byte is covered all the same.
 */
import { createHash } from "node:crypto";
import { crc32c } from "../../foundation/crc32c.js";
import { keyBytesMax } from "../../storage/limits.js";
import { writeVarint } from "../../storage/packed-entries.js";
import { ByteWriter } from "./byte-writer.js";

/** What a kv row says beside its value. Integers as SQLite holds them: signed 64 bits. */
export interface RowFacts {
  readonly key: Uint8Array;
  readonly createRevision: number | bigint;
  readonly modRevision: number | bigint;
  readonly version: number | bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: bigint | undefined;
  readonly codec: number;
  readonly valueBytes: number;
  readonly valueCrc: number;
}

const keyHashCharacters = 16;
const scratch = new ByteWriter();
/** Everything but the key. */
const factsBytesMax = 64;
const rowBytes = new Uint8Array(keyBytesMax + factsBytesMax);
const rowView = new DataView(rowBytes.buffer);
const twoTo32 = 2 ** 32;
/** Apart from every real expiry and lease, which are never negative. */
const absent = -1n;

/** Numbers are written where they belong, without a bigint for each: a page has thousands of rows. */
export function rowChecksum(ns: number, facts: RowFacts): number {
  const { key, leaseId } = facts;
  // Only damage makes a key longer than a key can be, and then it is the checksum that says so.
  const fits = key.length <= keyBytesMax;
  const row = fits ? rowBytes : new Uint8Array(key.length + factsBytesMax);
  const view = fits ? rowView : new DataView(row.buffer);
  view.setUint32(0, ns, true);
  let at = writeVarint(row, 4, key.length);
  row.set(key, at);
  at += key.length;
  putInteger(view, at, facts.createRevision);
  putInteger(view, at + 8, facts.modRevision);
  putInteger(view, at + 16, facts.version);
  view.setFloat64(at + 24, facts.expiresAtMs ?? -1, true);
  row[at + 32] = leaseId === undefined ? 0 : 1;
  putInteger(view, at + 33, leaseId ?? 0);
  row[at + 41] = facts.codec;
  view.setUint32(at + 42, facts.valueBytes, true);
  view.setUint32(at + 46, facts.valueCrc, true);
  return crc32c(row.subarray(0, at + 50));
}

/** 64 bits, as ByteWriter writes them. */
function putInteger(view: DataView, at: number, value: number | bigint): void {
  if (typeof value === "bigint") {
    view.setBigInt64(at, value, true);
    return;
  }
  view.setUint32(at, value % twoTo32, true);
  view.setInt32(at + 4, Math.floor(value / twoTo32), true);
}

/** Over the columns of a row of facts (store, namespace, ledger), each with its kind and length. */
export function factsChecksum(
  facts: readonly (string | number | bigint | Uint8Array | undefined)[],
): number {
  scratch.reset();
  for (const fact of facts) {
    if (typeof fact === "string") scratch.text(fact);
    else if (typeof fact === "number") scratch.f64(fact);
    else if (typeof fact === "bigint") scratch.i64(fact);
    else if (fact === undefined) scratch.i64(absent);
    else scratch.bytes(fact);
  }
  return crc32c(scratch.finish());
}

/** For the log, which never holds a key: whoever has the key can tell that it is meant. */
export function keyHashOf(key: Uint8Array): string {
  return createHash("sha256").update(key).digest("hex").slice(0, keyHashCharacters);
}
