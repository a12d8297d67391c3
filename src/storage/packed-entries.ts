/**
 * Entries as bytes, for pages that go through without being looked at. Each is a field 2 with a
 * message in the form of the contract's KeyValue, so that an answer that repeats KeyValue as field 2
 * can take the bytes as they are; an absent one is an empty field 2. A test holds the form against
 * the generated codec. Numbers up to 2^53 may come as numbers: a bigint costs ten times as much.
 */
import { assert } from "../foundation/assert.js";
import type { Entry, Key, LeaseId, Revision } from "./model.js";

/** An entry, or a row that has not been made one. */
export interface Packable {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: number | bigint;
  readonly modRevision: number | bigint;
  readonly version: number | bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: bigint | undefined;
}

/** At least one entry. */
export interface PackedEntries {
  readonly bytes: Uint8Array;
  readonly lastKey: Key;
}

const tags = {
  entry: 0x12,
  key: 0x0a,
  value: 0x12,
  createRevision: 0x18,
  modRevision: 0x20,
  version: 0x28,
  expireTime: 0x32,
  leaseId: 0x38,
  seconds: 0x08,
  nanos: 0x10,
} as const;

/** Tags, lengths and numbers of one entry never take more. */
const framingBytesMax = 96;
/** Below this a loop copies faster than a call. */
const copiedByHandMax = 40;
const msPerSecond = 1_000;
const nanosPerMs = 1_000_000;
/** Seven bits a byte: what so many bytes say is exact as a number. */
const exactVarintBytes = 7;

/**
 * An entry that is kept, with its own bytes and none of others, in the form in which it will be asked
 * for again and again: key and value are views of what the answers take as it is.
 */
export class HeldEntry implements Entry {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: LeaseId | undefined;
  readonly #packed: Uint8Array;

  constructor(entry: Entry) {
    const { key, value } = entry;
    const packed = new Uint8Array(packedLength(entry));
    const end = writeKeyValue(packed, 0, entry);
    assert(end === packed.length, "a packed entry is as long as was said");
    const keyAt = key.length === 0 ? 0 : 1 + varintBytes(key.length);
    const keyEnd = keyAt + key.length;
    const valueAt = value.length === 0 ? keyEnd : keyEnd + 1 + varintBytes(value.length);
    this.key = packed.subarray(keyAt, keyEnd) as Key;
    this.value = packed.subarray(valueAt, valueAt + value.length);
    this.createRevision = entry.createRevision;
    this.modRevision = entry.modRevision;
    this.version = entry.version;
    this.expiresAtMs = entry.expiresAtMs;
    this.leaseId = entry.leaseId;
    this.#packed = packed;
  }

  /** The KeyValue alone. */
  get packed(): Uint8Array {
    return this.#packed;
  }
}

/** Collects entries into one growing buffer. */
export class EntryPacker {
  #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytesExpected: number) {
    this.#bytes = new Uint8Array(Math.max(bytesExpected, framingBytesMax));
  }

  add(entry: Packable): void {
    const bytes = this.#room(entry.key.length + entry.value.length + framingBytesMax);
    this.#at = writePacked(bytes, this.#at, entry);
  }

  addAbsent(): void {
    const bytes = this.#room(2);
    bytes[this.#at++] = tags.entry;
    bytes[this.#at++] = 0;
  }

  /** The packer must not be used afterwards: the bytes are its own. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(more: number): Uint8Array {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return this.#bytes;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    return larger;
  }
}

/** An upper bound of what one entry takes. */
export function packedBytesMax(entry: Packable): number {
  return entry.key.length + entry.value.length + framingBytesMax;
}

/** As field 2 of a message; returns the place behind it. */
export function writePacked(into: Uint8Array, at: number, entry: Packable): number {
  into[at] = tags.entry;
  const length = packedLength(entry);
  return writeKeyValue(into, writeVarint(into, at + 1, length), entry);
}

/** How long the KeyValue alone is. */
export function packedLength(entry: Packable): number {
  if (entry instanceof HeldEntry) return entry.packed.length;
  const { key, value, expiresAtMs, leaseId } = entry;
  let length = 0;
  if (key.length > 0) length += 1 + varintBytes(key.length) + key.length;
  if (value.length > 0) length += 1 + varintBytes(value.length) + value.length;
  length += numberBytes(entry.createRevision);
  length += numberBytes(entry.modRevision);
  length += numberBytes(entry.version);
  if (expiresAtMs !== undefined) length += 2 + timeBytes(expiresAtMs);
  if (leaseId !== undefined) length += numberBytes(leaseId);
  return length;
}

/** The KeyValue alone; returns the place behind it. */
export function writeKeyValue(into: Uint8Array, from: number, entry: Packable): number {
  if (entry instanceof HeldEntry) {
    into.set(entry.packed, from);
    return from + entry.packed.length;
  }
  let at = writeBytes(into, from, tags.key, entry.key);
  at = writeBytes(into, at, tags.value, entry.value);
  at = writeNumber(into, at, tags.createRevision, entry.createRevision);
  at = writeNumber(into, at, tags.modRevision, entry.modRevision);
  at = writeNumber(into, at, tags.version, entry.version);
  const { expiresAtMs, leaseId } = entry;
  if (expiresAtMs !== undefined) {
    into[at++] = tags.expireTime;
    into[at++] = timeBytes(expiresAtMs);
    at = writeNumber(into, at, tags.seconds, Math.floor(expiresAtMs / msPerSecond));
    at = writeNumber(into, at, tags.nanos, (expiresAtMs % msPerSecond) * nanosPerMs);
  }
  return leaseId === undefined ? at : writeNumber(into, at, tags.leaseId, leaseId);
}

/** Unsigned. Returns the place behind it. */
export function writeVarint(into: Uint8Array, from: number, value: number | bigint): number {
  let at = from;
  let rest = value;
  if (typeof rest === "bigint") {
    while (rest > Number.MAX_SAFE_INTEGER) {
      into[at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    rest = Number(rest);
  }
  while (rest >= 0x8000_0000) {
    into[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    into[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

export function varintBytes(value: number | bigint): number {
  let bytes = 1;
  let rest = value;
  if (typeof rest === "bigint") {
    for (; rest > Number.MAX_SAFE_INTEGER; rest >>= 7n) bytes++;
    rest = Number(rest);
  }
  for (; rest >= 0x8000_0000; rest = Math.floor(rest / 0x80)) bytes++;
  for (; rest >= 0x80; rest >>>= 7) bytes++;
  return bytes;
}

/** Keys and values are views of the bytes. Asserts that they are whole entries in this form. */
export function unpackEntries(bytes: Uint8Array): (Entry | undefined)[] {
  const entries: (Entry | undefined)[] = [];
  eachPacked(bytes, ({ from, end }) => {
    entries.push(unpackEntry(bytes, from, end));
  });
  return entries;
}

/** Where one of several packed entries lies. */
export interface PackedSpan {
  /** Its place among them. */
  readonly index: number;
  /** Of the length that stands before its KeyValue, and behind which the KeyValue follows. */
  readonly lengthAt: number;
  readonly from: number;
  /** At `from` for an absent one. */
  readonly end: number;
}

/** Tells of each in order, without making entries. */
export function eachPacked(bytes: Uint8Array, each: (span: PackedSpan) => void): void {
  const source = new PackedSource(bytes);
  for (let index = 0; source.at < bytes.length; index++) {
    assert(bytes[source.at++] === tags.entry, "packed entries are a repeated field 2");
    const lengthAt = source.at;
    const length = source.length();
    const from = source.at;
    source.at += length;
    each({ index, lengthAt, from, end: source.at });
  }
}

/** One of them; undefined = it is absent. Key and value are views of the bytes. */
export function unpackEntry(bytes: Uint8Array, from: number, end: number): Entry | undefined {
  if (end === from) return undefined;
  const source = new PackedSource(bytes);
  source.at = from;
  return source.entry(end);
}

class PackedSource {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  entry(end: number): Entry {
    let key: Uint8Array = noBytes;
    let value: Uint8Array = noBytes;
    let [createRevision, modRevision, version] = [0n, 0n, 0n];
    let expiresAtMs: number | undefined;
    let leaseId: LeaseId | undefined;
    while (this.at < end) {
      const tag = this.#bytes[this.at++];
      if (tag === tags.key) key = this.#view();
      else if (tag === tags.value) value = this.#view();
      else if (tag === tags.createRevision) createRevision = this.#number();
      else if (tag === tags.modRevision) modRevision = this.#number();
      else if (tag === tags.version) version = this.#number();
      else if (tag === tags.expireTime) expiresAtMs = this.#time();
      else {
        assert(tag === tags.leaseId, "a packed entry has the fields that a packer writes");
        leaseId = this.#number() as LeaseId;
      }
    }
    assert(this.at === end, "a packed entry ends where its length says");
    return {
      key: key as Key,
      value,
      createRevision: createRevision as Revision,
      modRevision: modRevision as Revision,
      version,
      expiresAtMs,
      leaseId,
    };
  }

  length(): number {
    return Number(this.#number());
  }

  #view(): Uint8Array {
    const length = this.length();
    const view = this.#bytes.subarray(this.at, this.at + length);
    this.at += length;
    return view;
  }

  #number(): bigint {
    let value = 0;
    let factor = 1;
    const from = this.at;
    for (;;) {
      const byte = this.#bytes[this.at++];
      assert(byte !== undefined, "a packed number ends");
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 0x80;
    }
    return this.at - from <= exactVarintBytes ? BigInt(value) : this.#exact(from);
  }

  #exact(from: number): bigint {
    let value = 0n;
    for (let at = this.at - 1; at >= from; at--) {
      value = (value << 7n) | BigInt((this.#bytes[at] ?? 0) & 0x7f);
    }
    return value;
  }

  #time(): number {
    const end = this.length() + this.at;
    let ms = 0;
    while (this.at < end) {
      const tag = this.#bytes[this.at++];
      const part = this.length();
      ms += tag === tags.seconds ? part * msPerSecond : part / nanosPerMs;
    }
    return ms;
  }
}

const noBytes = new Uint8Array(0);

function writeBytes(into: Uint8Array, from: number, tag: number, bytes: Uint8Array): number {
  if (bytes.length === 0) return from;
  into[from] = tag;
  const at = writeVarint(into, from + 1, bytes.length);
  if (bytes.length > copiedByHandMax) into.set(bytes, at);
  else for (let index = 0; index < bytes.length; index++) into[at + index] = bytes[index] as number;
  return at + bytes.length;
}

/** Zero is what an absent field means, so it is left out. */
function writeNumber(into: Uint8Array, from: number, tag: number, value: number | bigint): number {
  if (value === 0 || value === 0n) return from;
  into[from] = tag;
  return writeVarint(into, from + 1, value);
}

function numberBytes(value: number | bigint): number {
  return value === 0 || value === 0n ? 0 : 1 + varintBytes(value);
}

/** Whole milliseconds, not negative: the length is one byte. */
function timeBytes(ms: number): number {
  return numberBytes(Math.floor(ms / msPerSecond)) + numberBytes((ms % msPerSecond) * nanosPerMs);
}
