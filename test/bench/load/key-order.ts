/** Which keys the next request names. */
import { seededRandom } from "../../../src/foundation/random.js";
import type { KeySpan } from "./load-job.js";

export type NextKeys = () => readonly number[] | undefined;

/** Any keys of the span, for ever. A multi-key request names each key once, in no order. */
export function anyKeys(span: KeySpan, perRequest: number, seed: number): NextKeys {
  const random = seededRandom(seed);
  if (perRequest === 1) return () => [span.first + random.below(span.count)];
  // A random start and a stride without a common divisor: distinct, spread, and cheap.
  const stride = strideFor(span.count, perRequest);
  return () => {
    let at = random.below(span.count);
    const keys: number[] = [];
    for (let taken = 0; taken < perRequest; taken += 1) {
      keys.push(span.first + at);
      at = (at + stride) % span.count;
    }
    return keys;
  };
}

/** Every key of the span once, in order or in an order that looks like none. */
export function everyKey(span: KeySpan, perRequest: number, shuffled: boolean): NextKeys {
  const stride = shuffled ? strideFor(span.count, 2) : 1;
  let taken = 0;
  return () => {
    if (taken + perRequest > span.count) return undefined;
    const keys: number[] = [];
    for (const end = taken + perRequest; taken < end; taken += 1) {
      keys.push(span.first + ((taken * stride) % span.count));
    }
    return keys;
  };
}

/** Near the golden ratio of the span, coprime with it; 1 when the span is too small to jump about. */
function strideFor(count: number, perRequest: number): number {
  if (count <= perRequest * 2) return 1;
  let stride = Math.floor(count * 0.618);
  while (greatestCommonDivisor(stride, count) !== 1) stride += 1;
  return stride;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
