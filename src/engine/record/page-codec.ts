/** What a reader thread answers with: entries, some of them absent, as one transferable buffer. */
import type { Entry } from "../../storage/model.js";
import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import { readEntry, writeEntry } from "./result-codec.js";

export function encodeEntries(
  entries: readonly (Entry | undefined)[],
  bytesExpected: number,
): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(bytesExpected);
  out.varint(entries.length);
  for (const entry of entries) {
    out.u8(entry === undefined ? 0 : 1);
    if (entry !== undefined) writeEntry(out, entry);
  }
  return out.finish();
}

/** Keys and values are views of the bytes. */
export function decodeEntries(bytes: Uint8Array): (Entry | undefined)[] {
  const source = new ByteReader(bytes);
  return Array.from({ length: source.varint() }, () =>
    source.u8() === 0 ? undefined : readEntry(source),
  );
}
