/** A seed is a promise to repeat; chance has its bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom, systemRandom, uuidOf } from "../../../src/foundation/random.js";

test("the same seed gives the same sequence, another seed another one", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const [one, same, other] = [seed, seed, seed + 1].map((start) => {
        const random = seededRandom(start);
        return [random.uint32(), random.below(1_000_000), ...random.bytes(16)];
      });
      assert.deepEqual(one, same);
      assert.notDeepEqual(one, other);
    }),
  );
});

test("the sequence of a seed is the same in every version", () => {
  const random = seededRandom(7);
  const words = [random.uint32(), random.uint32(), random.uint32()];
  assert.deepEqual(words, [1_837_975_287, 2_099_764_152, 1_321_706_041]);
});

for (const [name, random] of [
  ["seeded", seededRandom(1)],
  ["system", systemRandom()],
] as const) {
  test(`numbers of the ${name} generator stay below their bound and reach all of it`, () => {
    const seen = new Set<number>();
    for (let draw = 0; draw < 2_000; draw++) seen.add(random.below(10));
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.throws(() => random.below(0), { name: "AssertionError" });
  });

  test(`bytes of the ${name} generator have their length and every value`, () => {
    assert.equal(random.bytes(0).length, 0);
    assert.equal(new Set(random.bytes(10_000)).size, 256);
  });
}

test("an id is a version 4 UUID, the same for the same chance", () => {
  const id = uuidOf(seededRandom(5));
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(uuidOf(seededRandom(5)), id);
  assert.notEqual(uuidOf(seededRandom(6)), id);
});
