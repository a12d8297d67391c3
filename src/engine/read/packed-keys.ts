/** Keys on their way to a reader thread: each with its length before it, in one buffer. */
import type { Key } from "../../storage/model.js";
import { ByteReader } from "../record/byte-reader.js";
import { ByteWriter } from "../record/byte-writer.js";

const lengthBytes = 5;

export function packKeys(keys: readonly Key[]): Uint8Array<ArrayBuffer> {
  let bytes = lengthBytes;
  for (const key of keys) bytes += key.length + lengthBytes;
  const out = new ByteWriter(bytes);
  out.varint(keys.length);
  for (const key of keys) out.bytes(key);
  return out.finish();
}

/** Views of the bytes. */
export function unpackKeys(bytes: Uint8Array): Key[] {
  const source = new ByteReader(bytes);
  return source.list(() => source.bytes() as Key);
}
