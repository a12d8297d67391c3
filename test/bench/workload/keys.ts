/**
 * The keys and values of every benchmark: 32 and 256 bytes, made from a number alone, so that each
 * process can check each answer without having been told. Keys sort as their numbers do. Values are
 * windows of one pool of noise, which no store can compress; two keys share a value only when their
 * numbers differ by a multiple of `distinctValues`.
 */
const keyPrefix = "bench/";
const keyDigits = 26;
/** Numbers stay below a thousand billion; the digits before these are always zero. */
const changingDigits = 12;
export const keyBytes = keyPrefix.length + keyDigits;
export const valueBytes = 256;

const stride = 64;
const distinctValues = 65_521;
const zero = "0".charCodeAt(0);

/** Makes keys and values; one per process, because the pool takes some megabytes. */
export class Workload {
  readonly #pool: Buffer = noise(distinctValues * stride + valueBytes);

  key(index: number): Buffer {
    const key = Buffer.alloc(keyBytes, "0");
    key.write(keyPrefix, "latin1");
    this.writeKey(key, 0, index);
    return key;
  }

  /** Over a key that stands there already: only the digits change. */
  writeKey(target: Buffer, at: number, index: number): void {
    const last = at + keyBytes - 1;
    let rest = index;
    for (let digit = last; digit > last - changingDigits; digit -= 1) {
      target[digit] = zero + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }

  /** A view of the pool: copy what is changed. */
  value(index: number): Buffer {
    const at = (index % distinctValues) * stride;
    return this.#pool.subarray(at, at + valueBytes);
  }
}

/** The same bytes in every process: xorshift, because chance here must be cheap and repeatable. */
function noise(bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = 0x9e37_79b9;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, bytes);
}
