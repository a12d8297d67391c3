/**
 * Writes the engine's own binary forms: log entries, requests between threads, recorded answers.
 * Little-endian; lengths are varints; 64-bit numbers are fixed, because revisions are bigints and a
 * varint of a bigint is slow. The reader is byte-reader.ts, and the two change together.
 */
import { assert } from "../../foundation/assert.js";

const initialBytes = 256;
const encoder = new TextEncoder();
/** Its length is a varint of one byte. */
const shortTextMax = 0x7f;

export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(bytesExpected: number = initialBytes) {
    this.#bytes = new Uint8Array(Math.max(bytesExpected, 16));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** Unsigned 32 bits. */
  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** Unsigned 64 bits. */
  u64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
  }

  /** Signed 64 bits. */
  i64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigInt64(this.#at, value, true);
    this.#at += 8;
  }

  /** A whole number from 0 to 2^53 - 1 that is not a count, such as milliseconds. */
  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** A count or a length: 0 to 2^32 - 1. */
  varint(value: number): void {
    assert(value >= 0 && value <= 0xffff_ffff, "a varint is an unsigned 32-bit number");
    this.#reserve(5);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Length, then the bytes, copied. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Length in bytes, then UTF-8. Names are short and ASCII, for which the encoder is slow. */
  text(value: string): void {
    if (value.length > shortTextMax || !this.#shortAscii(value)) this.bytes(encoder.encode(value));
  }

  /** What was written, as a view. The writer must not be used afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at) as Uint8Array<ArrayBuffer>;
  }

  /** Keeps the memory and starts again; for scratch writers whose result was consumed. */
  reset(): void {
    this.#at = 0;
  }

  /** False = it is not ASCII, and nothing was written. */
  #shortAscii(value: string): boolean {
    this.#reserve(1 + value.length);
    const from = this.#at + 1;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) return false;
      this.#bytes[from + index] = code;
    }
    this.#bytes[this.#at] = value.length;
    this.#at = from + value.length;
    return true;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
