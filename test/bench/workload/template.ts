/**
 * A request that was encoded once and is sent many times with other keys and values. All keys have
 * one length and all values too, so the bytes around them never change: a copy and a few writes make
 * the next request, and the client costs little beside the server that is measured.
 */
import { valueBytes, type Workload } from "./keys.js";

interface Slot {
  readonly keyAt: number;
  /** Undefined: the request names the key only. */
  readonly valueAt: number | undefined;
}

export class RequestTemplate {
  readonly #bytes: Buffer;
  readonly #slots: readonly Slot[];
  readonly #workload: Workload;

  /** `encode` is asked once, for the indices 0, 1, 2, … and must write their keys in that order. */
  constructor(
    workload: Workload,
    keys: number,
    encode: (indices: readonly number[]) => Uint8Array,
  ) {
    this.#workload = workload;
    const indices = Array.from({ length: keys }, (_, index) => index);
    this.#bytes = Buffer.from(encode(indices));
    let from = 0;
    this.#slots = indices.map((index) => {
      const keyAt = this.#bytes.indexOf(workload.key(index), from);
      if (keyAt < 0) throw new Error(`key ${String(index)} is not in the encoded request`);
      const valueAt = this.#bytes.indexOf(workload.value(index), keyAt);
      from = keyAt + 1;
      return { keyAt, valueAt: valueAt < 0 ? undefined : valueAt };
    });
  }

  /** A request for these keys, as many as the template was made for. */
  fill(indices: readonly number[]): Buffer {
    const bytes = Buffer.from(this.#bytes);
    for (let slot = 0; slot < this.#slots.length; slot += 1) {
      const { keyAt, valueAt } = this.#slots[slot] as Slot;
      const index = indices[slot] as number;
      this.#workload.writeKey(bytes, keyAt, index);
      if (valueAt !== undefined) bytes.set(this.#workload.value(index), valueAt);
    }
    return bytes;
  }
}

/** Whether an answer holds exactly the values of these keys, in this order. */
export function holdsValues(
  workload: Workload,
  answer: Buffer,
  indices: readonly number[],
): boolean {
  let from = 0;
  for (const index of indices) {
    const at = answer.indexOf(workload.value(index), from);
    if (at < 0) return false;
    from = at + valueBytes;
  }
  return true;
}
