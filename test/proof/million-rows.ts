/**
 * What the proofs of size share: loading a great many small rows. Keys are numbered, so that a
 * reader can tell a gap from a duplicate by counting.
 */
import { once } from "node:events";
import { BulkLoadRequest } from "../../src/wire/kvdb/v1/kv.js";
import { type ContractClient, collect } from "../contract/client.js";

const rowsPerChunk = 5_000;
const digits = 8;

export interface RowLoad {
  readonly namespace: string;
  readonly prefix: string;
  readonly rows: number;
  readonly value: Uint8Array;
  /** When all of them run out; undefined = never. */
  readonly expireTime?: Date;
}

/** Over one BulkLoad, as fast as it takes them. */
export async function loadRows(client: ContractClient, load: RowLoad): Promise<void> {
  const { namespace, prefix, rows, value, expireTime } = load;
  const stream = client.bulkLoad();
  const acknowledged = collect(stream);
  for (let from = 0; from < rows; from += rowsPerChunk) {
    const count = Math.min(rowsPerChunk, rows - from);
    const kvs = Array.from({ length: count }, (_none, at) => ({
      key: keyOfRow(prefix, from + at),
      value,
      ...(expireTime !== undefined && { expireTime: timestampOf(expireTime) }),
    }));
    const chunkId = BigInt(from / rowsPerChunk + 1);
    const taken = stream.write(BulkLoadRequest.fromPartial({ namespace, chunkId, kvs }));
    if (!taken) await Promise.race([once(stream, "drain"), acknowledged]);
  }
  stream.end();
  await acknowledged;
}

export function keyOfRow(prefix: string, row: number): Uint8Array {
  return Buffer.from(prefix + String(row).padStart(digits, "0"), "latin1");
}

/** The number in a key that `keyOfRow` made. */
export function rowOfKey(prefix: string, key: Uint8Array): number {
  return Number(Buffer.from(key).toString("latin1").slice(prefix.length));
}

function timestampOf(date: Date): { readonly seconds: bigint; readonly nanos: number } {
  const ms = date.getTime();
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}
