/** The seed of a random test: printed when the run starts, replayed with KVDB_SEED. */
import type { Random } from "../../src/foundation/random.js";
import { seededRandom, systemRandom } from "../../src/foundation/random.js";

/** Where a test can print: node's test context. */
export interface Printing {
  diagnostic(text: string): void;
}

const given = process.env["KVDB_SEED"];

/** Somebody wants to see one seed again, and not what chance finds. */
export const seedIsGiven = given !== undefined;

export function seedFor(test: Printing): { readonly seed: number; readonly random: Random } {
  const seed = given === undefined ? systemRandom().uint32() : Number(given);
  test.diagnostic(`seed ${String(seed)}: KVDB_SEED=${String(seed)} replays it`);
  return { seed, random: seededRandom(seed) };
}
