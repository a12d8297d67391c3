/** What is hot is answered from memory: how much of it, by the metrics that operators see. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/foundation/clock.js";
import { seededRandom } from "../../src/foundation/random.js";
import type { Key } from "../../src/storage/model.js";
import {
  keyOf,
  okOf,
  patient,
  putOf,
  TempEngine,
  testNamespace,
  textOf,
  wholePage,
} from "../support/temp-engine.js";

const keys = 4_000;
const reads = 40_000;
/** The skew of real key-value loads, as YCSB has it. */
const skew = 0.99;
/** What an entry of these is counted as, roughly; the cache holds three quarters of all. */
const entryBytes = 662;
const cacheBytes = Math.floor(keys * entryBytes * 0.75);

function keyAt(place: number): Key {
  return keyOf(`key-${String(place).padStart(5, "0")}`);
}

/** Draws places by Zipf's law: by the sums of their shares, halved until found. */
function zipf(seed: number): () => number {
  const random = seededRandom(seed);
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= keys; rank++) {
    sum += rank ** -skew;
    sums.push(sum);
  }
  // Ranks are spread over the keys, so that what is hot is not one range.
  const stride = 1_597;
  return () => {
    const share = (random.uint32() / 2 ** 32) * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < share) low = middle + 1;
      else high = middle;
    }
    return (low * stride) % keys;
  };
}

async function filled(...setup: Parameters<typeof TempEngine.open>): Promise<TempEngine> {
  const temp = await TempEngine.open(...setup);
  for (let first = 0; first < keys; first += 1_000) {
    const puts = Array.from({ length: 1_000 }, (_none, at) => {
      return putOf(keyAt(first + at), String(first + at));
    });
    okOf(await temp.commit(puts));
  }
  return temp;
}

test("of reads by Zipf's law more than nine in ten are answered from memory, and metrics say so", async (t) => {
  const temp = await filled(t, { options: { cacheBytes } });
  const next = zipf(7);
  for (let read = 0; read < reads; read++) {
    const place = next();
    const found = await temp.engine.get(
      testNamespace,
      { keys: [keyAt(place)], at: undefined, keysOnly: false },
      patient,
    );
    assert.equal(textOf(found.entries[0]?.value ?? new Uint8Array()), String(place));
  }
  const text = await temp.metrics.expose();
  const figure = (name: string): number => {
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1]);
  };
  assert.ok(figure("kvdb_cache_hit_ratio") > 0.9, text);
  assert.equal(figure("kvdb_cache_hits_total") + figure("kvdb_cache_misses_total"), reads);
});

/** More than the main thread reads itself, so that some come from another thread. */
const together = 100;
const rounds = 150;

interface Seen {
  readonly revision: bigint;
  readonly values: readonly (string | undefined)[];
}

test("beside commits, no read is older than one that ended before it began, and each is of one moment", async (t) => {
  const temp = await TempEngine.open(t);
  const names = Array.from({ length: together }, (_none, at) => `k${String(at).padStart(3, "0")}`);
  const valueAt = new Map<bigint, string>();
  const commit = async (value: string): Promise<void> => {
    const { header } = okOf(await temp.commit(names.map((name) => putOf(name, value))));
    valueAt.set(header.revision, value);
    floor = header.revision > floor ? header.revision : floor;
  };
  let floor = 0n;
  await commit("0");
  const point = async (count: number, from: number): Promise<Seen> => {
    const keysAsked = names.slice(from, from + count).map(keyOf);
    const read = { keys: keysAsked, at: undefined, keysOnly: false };
    const { header, entries } = await temp.engine.get(testNamespace, read, patient);
    const values = entries.map((entry) => entry && textOf(entry.value));
    return { revision: header.revision, values };
  };
  const page = async (): Promise<Seen> => {
    const { header, entries } = await temp.engine.list(testNamespace, wholePage, patient);
    return { revision: header.revision, values: entries.map(({ value }) => textOf(value)) };
  };
  const random = seededRandom(11);
  const kinds = [
    () => point(1, random.below(together)),
    () => point(1, random.below(together)),
    () => point(10, random.below(together - 10)),
    () => point(together, 0),
    page,
  ];
  const told: Seen[] = [];
  const reader = async (): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const before = floor;
      const seen = await (kinds[random.below(kinds.length)] ?? page)();
      assert.ok(seen.revision >= before, `${seen.revision} was read after ${before} was known`);
      if (seen.revision > floor) floor = seen.revision;
      told.push(seen);
      // Others get their turn: commits above all.
      if (random.below(4) === 0) await new Promise(setImmediate);
    }
  };
  const writer = async (): Promise<void> => {
    for (let value = 1; value <= rounds; value++) await commit(String(value));
  };
  await Promise.all([writer(), reader(), reader(), reader()]);
  for (const { revision, values } of told) {
    const expected = valueAt.get(revision);
    assert.ok(expected !== undefined && values.every((value) => value === expected));
  }
});

test("keys that end at one moment end together in a batch, from memory or from the file", async (t) => {
  const system = systemClock();
  // While it is set, each look at the clock finds it a millisecond later.
  let ticksMs: number | undefined;
  const wallMs = (): number => (ticksMs === undefined ? system.wallMs() : ticksMs++);
  const temp = await TempEngine.open(t, { clock: { ...system, wallMs } });
  const endMs = system.wallMs() + 3_600_000;
  const until = { kind: "at", atMs: endMs } as const;
  const [kept, ...others] = ["a", "b", "c", "d"];
  okOf(await temp.commit([kept, ...others].map((name) => putOf(name, "1", until))));
  assert.equal(await temp.text(kept), "1");
  const keysAsked = [kept, ...others, kept].map((name) => keyOf(name));
  for (const early of [5, 4, 3, 2, 1]) {
    ticksMs = endMs - early;
    const read = { keys: keysAsked, at: undefined, keysOnly: true };
    const found = await temp.engine.get(testNamespace, read, patient);
    ticksMs = undefined;
    const live = found.entries.filter((entry) => entry !== undefined);
    assert.ok([0, keysAsked.length].includes(live.length), `${String(live.length)} are there`);
  }
});
