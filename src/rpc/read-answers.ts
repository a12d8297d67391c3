/**
 * Answers of reads that know their own bytes. To whoever looks they are messages like any other; a
 * transport asks them for their bytes instead of walking a message that nobody needed. The generated
 * codec stays what they are measured against: tests compare the two byte by byte.
 */
import { assert } from "../foundation/assert.js";
import type { Entry, Header } from "../storage/model.js";
import {
  eachPacked,
  type PackedEntries,
  packedBytesMax,
  packedLength,
  unpackEntries,
  varintBytes,
  writeKeyValue,
  writePacked,
  writeVarint,
} from "../storage/packed-entries.js";
import type { Points } from "../storage/storage-engine.js";
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
  readonly header: Header;
  readonly #entry: Entry | undefined;
  readonly #headers: HeaderBytes;

  constructor(header: Header, entry: Entry | undefined, headers: HeaderBytes) {
    this.header = header;
    this.#entry = entry;
    this.#headers = headers;
  }

  get kv(): KeyValue | undefined {
    return encodeOptionalEntry(this.#entry);
  }

  [ownBytes](): Buffer {
    const header = this.#headers.of(this.header);
    const entry = this.#entry;
    const room = entry === undefined ? 0 : packedBytesMax(entry);
    const bytes = Buffer.allocUnsafe(header.length + room);
    bytes.set(header);
    const end = entry === undefined ? header.length : writePacked(bytes, header.length, entry);
    return bytes.subarray(0, end);
  }
}

export class BatchGetAnswer implements BatchGetResponse, SelfEncoding {
  readonly header: Header;
  readonly #found: Points;
  #length: number | undefined;
  readonly #headers: HeaderBytes;

  constructor(found: Points, headers: HeaderBytes) {
    this.header = found.header;
    this.#found = found;
    this.#headers = headers;
  }

  get entries(): BatchGetEntry[] {
    return this.#found.entries.map((entry) => ({ kv: encodeOptionalEntry(entry) }));
  }

  /** Of the encoded answer, exactly. */
  get encodedLength(): number {
    this.#length ??= this.#measured();
    return this.#length;
  }

  [ownBytes](): Buffer {
    const header = this.#headers.of(this.header);
    const bytes = Buffer.allocUnsafe(this.encodedLength);
    bytes.set(header);
    const { packed } = this.#found;
    const end =
      packed === undefined
        ? this.#writeEntries(bytes, header.length)
        : reframe(packed, bytes, header.length);
    assert(end === bytes.length, "an answer is as long as was said");
    return bytes;
  }

  #measured(): number {
    let length = this.#headers.of(this.header).length;
    const { packed } = this.#found;
    if (packed === undefined) {
      for (const entry of this.#found.entries) {
        length += framedLength(entry === undefined ? 0 : packedLength(entry));
      }
    } else {
      eachPacked(packed, ({ from, end }) => {
        length += framedLength(end - from);
      });
    }
    return length;
  }

  #writeEntries(bytes: Buffer, from: number): number {
    let at = from;
    for (const entry of this.#found.entries) {
      const length = entry === undefined ? 0 : packedLength(entry);
      at = writeFrame(bytes, at, length);
      if (entry !== undefined) at = writeKeyValue(bytes, writeVarint(bytes, at, length), entry);
    }
    return at;
  }
}

/** What was packed for a page, as the entries of a batch: each gets a message around it. */
function reframe(packed: Uint8Array, bytes: Buffer, from: number): number {
  let at = from;
  eachPacked(packed, (span) => {
    const length = span.end - span.from;
    at = writeFrame(bytes, at, length);
    if (length === 0) return;
    // The length and the KeyValue behind it stand there as they are needed.
    bytes.set(packed.subarray(span.lengthAt, span.end), at);
    at += span.end - span.lengthAt;
  });
  return at;
}

/** Up to the length of the KeyValue; nothing follows where there is none. */
function writeFrame(bytes: Buffer, from: number, length: number): number {
  bytes[from] = tags.entry;
  if (length === 0) return writeVarint(bytes, from + 1, 0);
  const at = writeVarint(bytes, from + 1, 1 + varintBytes(length) + length);
  bytes[at] = tags.kv;
  return at + 1;
}

/** Of one entry with everything around its KeyValue of this length; 0 = there is none. */
function framedLength(length: number): number {
  if (length === 0) return 2;
  const inner = 1 + varintBytes(length) + length;
  return 1 + varintBytes(inner) + inner;
}

/** One page of a scan, which nobody on the way needs to take apart. */
export class ScanAnswer implements ScanResponse, SelfEncoding {
  readonly header: Header;
  readonly resumeToken: string;
  readonly #packed: PackedEntries;
  readonly #headers: HeaderBytes;

  constructor(header: Header, packed: PackedEntries, resumeToken: string, headers: HeaderBytes) {
    this.header = header;
    this.resumeToken = resumeToken;
    this.#packed = packed;
    this.#headers = headers;
  }

  get kvs(): KeyValue[] {
    return (unpackEntries(this.#packed.bytes) as Entry[]).map(encodeEntry);
  }

  [ownBytes](): Buffer {
    const header = this.#headers.of(this.header);
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
