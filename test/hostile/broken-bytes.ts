/**
 * Bytes that a broken, foreign or hostile client might send as a message: well-formed encodings of
 * fields that nobody defined, and encodings that lie about their lengths, end too soon or never.
 */
import { concatBytes } from "../../src/foundation/bytes.js";
import type { Random } from "../../src/foundation/random.js";

const fieldNumbersMax = 24;
const fieldsMax = 5;
const depthMax = 4;
const contentBytesMax = 24;
/** One plausible message in so many is left as it is, so that handlers are reached, too. */
const leftWhole = 4;

const wireType = {
  varint: 0,
  fixed64: 1,
  bytes: 2,
  startGroup: 3,
  endGroup: 4,
  fixed32: 5,
} as const;

/** A message of random fields, nested now and then; then, mostly, one thing broken in it. */
export function brokenMessage(random: Random): Uint8Array {
  const whole = plausibleMessage(random, 0);
  return random.below(leftWhole) === 0 ? whole : broken(whole, random);
}

/** One thing broken: a bit, the end, the middle, a length. */
export function broken(whole: Uint8Array, random: Random): Uint8Array {
  const bytes = new Uint8Array(whole);
  const at = random.below(bytes.length + 1);
  switch (random.below(8)) {
    case 0:
      return random.bytes(random.below(200));
    case 1:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return concatBytes([bytes, random.bytes(random.below(50))]);
    case 4:
      // A field that says it is 4 GiB long.
      return concatBytes([bytes, new Uint8Array([10, 255, 255, 255, 255, 15])]);
    case 5:
      // A number that never ends.
      return concatBytes([bytes.subarray(0, at), new Uint8Array(random.below(64)).fill(0xff)]);
    case 6:
      return concatBytes([
        bytes.subarray(0, at),
        random.bytes(1 + random.below(8)),
        bytes.subarray(at),
      ]);
    default:
      // Groups inside groups, opened and not closed.
      return concatBytes([
        bytes,
        new Uint8Array(random.below(2_000)).fill((1 << 3) | wireType.startGroup),
      ]);
  }
}

function plausibleMessage(random: Random, depth: number): Uint8Array {
  const fields: Uint8Array[] = [];
  for (let left = random.below(fieldsMax + 1); left > 0; left--) fields.push(field(random, depth));
  return concatBytes(fields);
}

function field(random: Random, depth: number): Uint8Array {
  const number = 1 + random.below(fieldNumbersMax);
  switch (random.below(6)) {
    case 0:
      return concatBytes([tag(number, wireType.fixed64), random.bytes(8)]);
    case 1:
      return concatBytes([tag(number, wireType.fixed32), random.bytes(4)]);
    case 2:
    case 3:
      return concatBytes([tag(number, wireType.varint), number64(random)]);
    default: {
      const nested = depth < depthMax && random.below(2) === 0;
      const content = nested
        ? plausibleMessage(random, depth + 1)
        : random.bytes(random.below(contentBytesMax));
      return concatBytes([tag(number, wireType.bytes), varint(content.length), content]);
    }
  }
}

function tag(number: number, type: number): Uint8Array {
  return varint(number * 8 + type);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return new Uint8Array(bytes);
}

/** Small, as flags and enums are, or as large as a number can be. */
function number64(random: Random): Uint8Array {
  if (random.below(3) > 0) return varint(random.below(8));
  const bytes = new Uint8Array(1 + random.below(9)).map(() => 0x80 | random.below(128));
  return concatBytes([bytes, new Uint8Array([random.below(2)])]);
}
