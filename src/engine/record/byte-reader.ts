/**
 * Reads what byte-writer.ts wrote. Bytes are views of the source, never copies: they live as long as
 * it does. Anything that does not fit throws a RangeError; callers that read from disk turn it into
 * "corrupt", callers that read from another thread let it be the bug that it is.
 */
/** A leading U+FEFF is part of the text: without it two request ids would become one. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Of a number below 2^35: what is written is below 2^32. */
const varintBytesMax = 5;

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  u8(): number {
    const value = this.#view.getUint8(this.#at);
    this.#at += 1;
    return value;
  }

  u32(): number {
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  u64(): bigint {
    const value = this.#view.getBigUint64(this.#at, true);
    this.#at += 8;
    return value;
  }

  i64(): bigint {
    const value = this.#view.getBigInt64(this.#at, true);
    this.#at += 8;
    return value;
  }

  f64(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let bytes = 0; bytes < varintBytesMax; bytes++) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw new RangeError("a varint does not end");
  }

  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  raw(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("bytes end too early");
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  /** Over so many bytes, as if they had been read. */
  skip(length: number): void {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("bytes end too early");
    this.#at = end;
  }

  /**
   * A count, then so many of what is read. A loop, because most lists have one element, and Array.from
   * takes ten times as long for it.
   */
  list<T>(read: (source: ByteReader) => T): T[] {
    const list: T[] = [];
    for (let rest = this.varint(); rest > 0; rest--) list.push(read(this));
    return list;
  }

  text(): string {
    const bytes = this.bytes();
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      throw new RangeError("a text is not UTF-8", { cause });
    }
  }
}
