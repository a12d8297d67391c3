/** The judge itself is put to the test: a watch that is right passes, and every mutant is caught. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { batchesOf, mutants } from "./watch-mutants.js";
import { type History, type Seen, violationsOf, type Wanted } from "./watch-validator.js";

const wanted: Wanted = {
  range: { start: new Uint8Array([0x62]), end: undefined },
  puts: true,
  deletions: true,
  from: 1n,
};

const history: History = new Map([
  [1n, [{ key: "b1", value: "1" }]],
  [2n, [{ key: "a", value: "not watched" }]],
  [
    3n,
    [
      { key: "b1", value: undefined },
      { key: "b2", value: "3" },
    ],
  ],
  [4n, [{ key: "c", value: "4" }]],
]);

const right: readonly Seen[] = [
  { kind: "response", complete: 2n, batches: [{ revision: 1n, changes: history.get(1n) ?? [] }] },
  { kind: "response", complete: 3n, batches: [{ revision: 3n, changes: history.get(3n) ?? [] }] },
  { kind: "response", complete: 4n, batches: [{ revision: 4n, changes: history.get(4n) ?? [] }] },
];

test("a watch that was given everything, once and in order, breaks nothing", () => {
  assert.deepEqual(violationsOf(history, wanted, right), []);
});

test("what was compacted away is not missing, and what follows it is", () => {
  const [, second, third] = right;
  assert.ok(second !== undefined && third !== undefined);
  const late: Seen[] = [{ kind: "compacted", oldest: 3n }, second, third];
  assert.deepEqual(violationsOf(history, wanted, late), []);
  const cut: Seen[] = [{ kind: "compacted", oldest: 3n }, third];
  assert.ok(violationsOf(history, wanted, cut).some(({ property }) => property === "reliable"));
});

for (const { name, breaks, plant } of mutants) {
  test(`the validator notices when ${name}`, () => {
    for (const at of batchesOf(right).keys()) {
      // A revision of one change cannot be torn or shortened without being dropped.
      if (at !== 1 && breaks.includes("atomic")) continue;
      const broken = violationsOf(history, wanted, plant(right, at)).map(
        ({ property }) => property,
      );
      assert.ok(
        breaks.every((property) => broken.includes(property)),
        `planted at ${String(at)}: ${broken.join(", ")}`,
      );
    }
  });
}
