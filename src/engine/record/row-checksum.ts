/**
 * The checksums of rows, CRC-32C. A key-value row has two: one over its value, and one over
 * everything else including the first. So a write that only needs an old row's versions can trust
 * them without reading a megabyte of value, and every byte is covered all the same.
 */
import { createHash } from "node:crypto";
import { crc32c } from "../../foundation/crc32c.js";
import { ByteWriter } from "./byte-writer.js";

/** What a kv row says beside its value. Integers as SQLite holds them: signed 64 bits. */
export interface RowFacts {
  readonly ns: number;
  readonly key: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly version: bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: bigint | undefined;
  readonly codec: number;
  readonly valueBytes: number;
  readonly valueCrc: number;
}

const keyHashCharacters = 16;
const scratch = new ByteWriter();
/** Apart from every real expiry and lease, which are never negative. */
const absent = -1n;

export function rowChecksum(row: RowFacts): number {
  scratch.reset();
  scratch.u32(row.ns);
  scratch.bytes(row.key);
  scratch.i64(row.createRevision);
  scratch.i64(row.modRevision);
  scratch.i64(row.version);
  scratch.f64(row.expiresAtMs ?? -1);
  scratch.u8(row.leaseId === undefined ? 0 : 1);
  scratch.u64(row.leaseId ?? 0n);
  scratch.u8(row.codec);
  scratch.u32(row.valueBytes);
  scratch.u32(row.valueCrc);
  return crc32c(scratch.finish());
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
