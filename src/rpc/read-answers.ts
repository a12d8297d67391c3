/**
 * Answers of reads that know their own bytes. To whoever looks they are messages like any other; a
 * transport asks them for their bytes instead of walking a message that nobody needed. The generated
 * codec stays what they are measured against: tests compare the two byte by byte.
 */
import { assert } from "../foundation/assert.js";
import type { Entry, Header } from "../storage/model.js";
import {
  type PackedEntries,
  packedBytesMax,
  packedLength,
  unpackEntries,
  varintBytes,
  writeKeyValue,
  writePacked,
  writeVarint,
} from "../storage/packed-entries.js";
import type {
  BatchGetEntry,
  BatchGetResponse,
  GetResponse,
  ScanResponse,
} from "../wire/kvdb/v1/kv.js";
import { type KeyValue, ResponseHeader } from "../wire/kvdb/v1/types.js";
import { encodeEntry, encodeHeader, encodeOptionalEntry } from "./encode.js";

/** Under this name an answer gives its encoded bytes. */
export const ownBytes: unique symbol = Symbol("encoded bytes");

export interface SelfEncoding {
  [ownBytes](): Buffer;
}

export function encodesItself(message: unknown): message is SelfEncoding {
  return typeof message === "object" && message !== null && ownBytes in message;
}

const tags = { header: 0x0a, entry: 0x12, kv: 0x0a, resumeToken: 0x1a } as const;

/** Headers as field 1. The engine gives one object for all reads of one head, so most are known. */
export class HeaderBytes {
  #header: Header | undefined;
  #bytes: Uint8Array = new Uint8Array(0);

  of(header: Header): Uint8Array {
    if (header === this.#header) return this.#bytes;
    const message = ResponseHeader.encode(encodeHeader(header)).finish();
    const bytes = new Uint8Array(1 + varintBytes(message.length) + message.length);
    bytes[0] = tags.header;
    bytes.set(message, writeVarint(bytes, 1, message.length));
    this.#header = header;
    this.#bytes = bytes;
    return bytes;
  }
}

export class GetAnswer implements GetResponse, SelfEncoding {
  readonly header: ResponseHeader;
  readonly #entry: Entry | undefined;
  readonly #headers: HeaderBytes;

  constructor(header: Header, entry: Entry | undefined, headers: HeaderBytes) {
    this.header = encodeHeader(header);
    this.#entry = entry;
    this.#headers = headers;
  }

  get kv(): KeyValue | undefined {
    return encodeOptionalEntry(this.#entry);
  }

  [ownBytes](): Buffer {
    const header = this.#headers.of(this.header as Header);
    const entry = this.#entry;
    const room = entry === undefined ? 0 : packedBytesMax(entry);
    const bytes = Buffer.allocUnsafe(header.length + room);
    bytes.set(header);
    const end = entry === undefined ? header.length : writePacked(bytes, header.length, entry);
    return bytes.subarray(0, end);
  }
}

export class BatchGetAnswer implements BatchGetResponse, SelfEncoding {
  readonly header: ResponseHeader;
  readonly #found: readonly (Entry | undefined)[];
  readonly #headers: HeaderBytes;

  constructor(header: Header, found: readonly (Entry | undefined)[], headers: HeaderBytes) {
    this.header = encodeHeader(header);
    this.#found = found;
    this.#headers = headers;
  }

  get entries(): BatchGetEntry[] {
    return this.#found.map((entry) => ({ kv: encodeOptionalEntry(entry) }));
  }

  [ownBytes](): Buffer {
    const header = this.#headers.of(this.header as Header);
    let room = header.length;
    for (const entry of this.#found) room += entry === undefined ? 2 : packedBytesMax(entry);
    const bytes = Buffer.allocUnsafe(room);
    bytes.set(header);
    let at = header.length;
    for (const entry of this.#found) {
      const length = entry === undefined ? 0 : packedLength(entry);
      bytes[at++] = tags.entry;
      at = writeVarint(bytes, at, length === 0 ? 0 : 1 + varintBytes(length) + length);
      if (entry === undefined) continue;
      bytes[at++] = tags.kv;
      at = writeKeyValue(bytes, writeVarint(bytes, at, length), entry);
    }
    assert(at <= room, "an answer fits the room that was made for it");
    return bytes.subarray(0, at);
  }
}

/** One page of a scan, which nobody on the way needs to take apart. */
export class ScanAnswer implements ScanResponse, SelfEncoding {
  readonly header: ResponseHeader;
  readonly resumeToken: string;
  readonly #packed: PackedEntries;
  readonly #headers: HeaderBytes;

  constructor(header: Header, packed: PackedEntries, resumeToken: string, headers: HeaderBytes) {
    this.header = encodeHeader(header);
    this.resumeToken = resumeToken;
    this.#packed = packed;
    this.#headers = headers;
  }

  get kvs(): KeyValue[] {
    return (unpackEntries(this.#packed.bytes) as Entry[]).map(encodeEntry);
  }

  [ownBytes](): Buffer {
    const header = this.#headers.of(this.header as Header);
    const token = Buffer.from(this.resumeToken);
    const tail = token.length === 0 ? 0 : 1 + varintBytes(token.length);
    const { bytes: packed } = this.#packed;
    const bytes = Buffer.allocUnsafe(header.length + packed.length + tail + token.length);
    bytes.set(header);
    bytes.set(packed, header.length);
    if (tail === 0) return bytes;
    const at = header.length + packed.length;
    bytes[at] = tags.resumeToken;
    bytes.set(token, writeVarint(bytes, at + 1, token.length));
    return bytes;
  }
}
