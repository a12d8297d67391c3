/**
 * The bytes of a `-wal` file: a 32-byte header, then frames of 24 bytes and one page. Checksums run
 * over everything of one generation, so one bad frame ends the readable part. A reset writes a new
 * header with new salts and leaves the old frames behind it: salts tell generations apart.
 */

export const walHeaderBytes = 32;
export const frameHeaderBytes = 24;

const magicLittleEndianSums = 0x377f0682;
const magicBigEndianSums = 0x377f0683;
const walFormatVersion = 3_007_000;
const hostIsLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

export interface WalHeader {
  readonly pageBytes: number;
  /** Grows by one at each reset; starts again at 0 with each new file. */
  readonly checkpointSequence: number;
  readonly salts: readonly [number, number];
  /** True: the words of this file must be swapped before they are summed on this machine. */
  readonly swapWords: boolean;
  /** Where the running checksum of the frames starts. */
  readonly checksum: WalChecksum;
}

export type WalHeaderReading =
  | { readonly kind: "valid"; readonly header: WalHeader }
  | { readonly kind: "invalid"; readonly reason: string };

/** Two 32-bit sums, kept as signed integers: the arithmetic is modulo 2^32 either way. */
export interface WalChecksum {
  readonly s0: number;
  readonly s1: number;
}

export interface FrameHeader {
  readonly pageNumber: number;
  /** The database's size in pages after this commit; 0 when the frame does not end a transaction. */
  readonly commitPages: number;
  readonly salts: readonly [number, number];
  readonly checksum: WalChecksum;
}

/** Reads the 32 bytes at the start of the file. Everything in it is covered by its checksum. */
export function readWalHeader(bytes: Uint8Array): WalHeaderReading {
  if (bytes.length < walHeaderBytes) return { kind: "invalid", reason: "shorter than a header" };
  const view = viewOf(bytes);
  const magic = view.getUint32(0);
  if (magic !== magicLittleEndianSums && magic !== magicBigEndianSums) {
    return { kind: "invalid", reason: "the magic number is wrong" };
  }
  if (view.getUint32(4) !== walFormatVersion) {
    return { kind: "invalid", reason: "the format version is unknown" };
  }
  const pageBytes = view.getUint32(8);
  if (!isPageSize(pageBytes)) return { kind: "invalid", reason: "the page size is impossible" };
  const swapWords = (magic === magicLittleEndianSums) !== hostIsLittleEndian;
  const words = wordsOf(bytes.slice(0, walHeaderBytes), swapWords);
  const checksum = addWords({ s0: 0, s1: 0 }, words, 0, 6);
  if (checksum.s0 !== view.getInt32(24) || checksum.s1 !== view.getInt32(28)) {
    return { kind: "invalid", reason: "the header's checksum differs" };
  }
  const salts = [view.getUint32(16), view.getUint32(20)] as const;
  const checkpointSequence = view.getUint32(12);
  return {
    kind: "valid",
    header: { pageBytes, checkpointSequence, salts, swapWords, checksum },
  };
}

/** Needs 24 readable bytes at the offset. */
export function readFrameHeader(view: DataView, offset: number): FrameHeader {
  return {
    pageNumber: view.getUint32(offset),
    commitPages: view.getUint32(offset + 4),
    salts: [view.getUint32(offset + 8), view.getUint32(offset + 12)],
    checksum: { s0: view.getInt32(offset + 16), s1: view.getInt32(offset + 20) },
  };
}

/** Adds words[from, to) to the sums; `to - from` is even. The hot loop of a scan. */
export function addWords(
  sums: WalChecksum,
  words: Int32Array,
  from: number,
  to: number,
): WalChecksum {
  let s0 = sums.s0;
  let s1 = sums.s1;
  for (let at = from; at < to; at += 2) {
    s0 = (s0 + (words[at] ?? 0) + s1) | 0;
    s1 = (s1 + (words[at + 1] ?? 0) + s0) | 0;
  }
  return { s0, s1 };
}

/**
 * The sums after this frame: over the first 8 bytes of its header and over its page, not over the
 * salts. `words` hold the frame from word `at` on, already in summing order.
 */
export function addFrame(
  sums: WalChecksum,
  words: Int32Array,
  at: number,
  pageBytes: number,
): WalChecksum {
  const pageAt = at + frameHeaderBytes / 4;
  return addWords(addWords(sums, words, at, at + 2), words, pageAt, pageAt + pageBytes / 4);
}

/** The bytes as 32-bit words in summing order. Swaps in place: hand in bytes that may change. */
export function wordsOf(bytes: Uint8Array, swapWords: boolean): Int32Array {
  const whole = bytes.length - (bytes.length % 4);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, whole);
  if (swapWords) buffer.swap32();
  return new Int32Array(bytes.buffer, bytes.byteOffset, whole / 4);
}

export function isPageSize(pageBytes: number): boolean {
  return pageBytes >= 512 && pageBytes <= 65_536 && (pageBytes & (pageBytes - 1)) === 0;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
