/**
 * Chance comes in through the constructor: the system's for ids and jitter, a seeded one wherever
 * a run must be repeatable.
 */
import { randomFillSync } from "node:crypto";
import { assert } from "./assert.js";

export interface Random {
  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number;
  /** A whole number from 0 to bound - 1. The bias is below bound / 2^32. */
  below(bound: number): number;
  bytes(length: number): Uint8Array;
}

const uint32Count = 2 ** 32;

/** The operating system's generator: fit for ids and secrets. */
export function systemRandom(): Random {
  const word = new Uint32Array(1);
  const uint32 = (): number => randomFillSync(word)[0] ?? 0;
  return {
    uint32,
    below: (bound) => scale(uint32(), bound),
    bytes: (length) => randomFillSync(new Uint8Array(length)),
  };
}

/** The same seed gives the same sequence, in every version. Never for ids or secrets. */
export function seededRandom(seed: number): Random {
  // sfc32: small, fast, passes the usual batteries; twelve rounds mix the seed in.
  let a = 0;
  let b = seed | 0;
  let c = (seed / uint32Count) | 0;
  let counter = 1;
  const uint32 = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 12; round++) uint32();
  return {
    uint32,
    below: (bound) => scale(uint32(), bound),
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at++) bytes[at] = uint32();
      return bytes;
    },
  };
}

/** A version 4 UUID. */
export function uuidOf(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  const ends = [8, 12, 16, 20, 32];
  return ends.map((end, at) => hex.slice(ends[at - 1] ?? 0, end)).join("-");
}

function scale(word: number, bound: number): number {
  assert(bound >= 1 && bound <= uint32Count, "the bound of a random number is 1 to 2^32");
  return Math.floor((word / uint32Count) * bound);
}
