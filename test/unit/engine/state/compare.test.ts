/** Whether a compare holds, for every operand and relation, on a key, on none, and on a range. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { holds } from "../../../../src/engine/state/compare.js";
import type { Compare, Entry, Key, LeaseId, Revision } from "../../../../src/storage/model.js";

type Relation = Compare["relation"];
type Source = Parameters<typeof holds>[1];
type Current = NonNullable<ReturnType<Source["find"]>>;

const relations: readonly Relation[] = ["equal", "not-equal", "less", "greater"];
const middle = Uint8Array.of(5, 5);
const key = Uint8Array.of(1) as Key;

const entry: Entry = {
  key,
  value: middle,
  createRevision: 10n as Revision,
  modRevision: 20n as Revision,
  version: 3n,
  expiresAtMs: undefined,
  leaseId: 40n as LeaseId,
};

function current(change: Partial<Entry> = {}): Current {
  const changed = { ...entry, ...change };
  return { ...changed, entry: () => changed };
}

function sourceOf(found: readonly Current[]): Source {
  return { find: () => found[0], range: () => [...found] };
}

const keySpan: Compare["span"] = { kind: "key", key };
const rangeSpan: Compare["span"] = { kind: "range", range: { start: key, end: undefined } };

/** The relations that hold. */
function holding(span: Compare["span"], operand: Compare["operand"], source: Source): Relation[] {
  return relations.filter((relation) => holds({ span, relation, operand }, source));
}

const rules: readonly { operand: Compare["operand"]; live: Relation[]; absent: Relation[] }[] = [
  { operand: { of: "version", value: 3n }, live: ["equal"], absent: ["not-equal", "less"] },
  { operand: { of: "version", value: 0n }, live: ["not-equal", "greater"], absent: ["equal"] },
  {
    operand: { of: "create-revision", value: 10n },
    live: ["equal"],
    absent: ["not-equal", "less"],
  },
  {
    operand: { of: "create-revision", value: 11n },
    live: ["not-equal", "less"],
    absent: ["not-equal", "less"],
  },
  { operand: { of: "mod-revision", value: 20n }, live: ["equal"], absent: ["not-equal", "less"] },
  { operand: { of: "mod-revision", value: 0n }, live: ["not-equal", "greater"], absent: ["equal"] },
  { operand: { of: "lease", value: 40n }, live: ["equal"], absent: ["not-equal", "less"] },
  { operand: { of: "lease", value: 0n }, live: ["not-equal", "greater"], absent: ["equal"] },
  { operand: { of: "value", value: middle }, live: ["equal"], absent: [] },
  { operand: { of: "value", value: Uint8Array.of(5) }, live: ["not-equal", "greater"], absent: [] },
  {
    operand: { of: "value", value: Uint8Array.of(5, 5, 0) },
    live: ["not-equal", "less"],
    absent: [],
  },
  { operand: { of: "value", value: Uint8Array.of(0x80) }, live: ["not-equal", "less"], absent: [] },
];

for (const { operand, live, absent } of rules) {
  const shown = operand.of === "value" ? [...operand.value].join(" ") : String(operand.value);
  test(`of ${operand.of} ${shown}, a live key is ${live.join(", ")}, and none is ${absent.join(", ") || "nothing"}`, () => {
    assert.deepEqual(holding(keySpan, operand, sourceOf([current()])), live);
    assert.deepEqual(holding(keySpan, operand, sourceOf([])), absent);
    assert.deepEqual(
      holding(rangeSpan, operand, sourceOf([])),
      absent,
      "an empty range is one absent key",
    );
    assert.deepEqual(holding(rangeSpan, operand, sourceOf([current()])), live);
  });
}

test("on a range a compare holds only when it holds for every key", () => {
  const source = sourceOf([current(), current({ version: 4n })]);
  const of = "version";
  assert.deepEqual(holding(rangeSpan, { of, value: 3n }, source), []);
  assert.deepEqual(holding(rangeSpan, { of, value: 2n }, source), ["not-equal", "greater"]);
  assert.deepEqual(holding(rangeSpan, { of, value: 9n }, source), ["not-equal", "less"]);
});

test("a key that is bound to no lease compares as lease 0", () => {
  const source = sourceOf([current({ leaseId: undefined })]);
  assert.deepEqual(holding(keySpan, { of: "lease", value: 0n }, source), ["equal"]);
});
