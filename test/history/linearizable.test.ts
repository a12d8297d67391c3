/** The judge without revisions: small histories known to be right or wrong, and every order tried. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inexplicableIn } from "./linearizable.js";
import { effectOf, type Question, type Values, withWrites } from "./questions.js";
import type { Recorded } from "./recorder.js";

/** [start, end, question, answer]; no answer: unknown. */
type Row = readonly [invoked: number, returned: number, question: Question, seen?: string];

const get = (key: string): Question => ({ kind: "get", key });
const put = (key: string, value: string): Question => ({
  kind: "put",
  key,
  value,
  previous: false,
});
const swap = (key: string, value: string): Question => ({
  kind: "put",
  key,
  value,
  previous: true,
});
const add = (delta: bigint): Question => ({ kind: "increment", key: "n", delta });
const remove = (key: string): Question => ({ kind: "delete", key });
const cas = (key: string, expected: string | undefined, value: string): Question => {
  return { kind: "cas", key, expected: { value: expected, revision: 0n }, value };
};
const list: Question = { kind: "list", object: "g/" };
const both = (value: string): Question => {
  const puts = [`g/a`, `g/b`].map((key) => [key, value] as const);
  return { kind: "txn", compares: [], puts };
};

const right: readonly (readonly [when: string, rows: readonly Row[]])[] = [
  ["nothing was asked", []],
  [
    "a read overlaps a write and sees what was before",
    [
      [1, 9, put("k", "1"), "written"],
      [2, 3, get("k"), "k=-"],
    ],
  ],
  [
    "a read overlaps a write and sees it already",
    [
      [1, 9, put("k", "1"), "written"],
      [2, 3, get("k"), "k=1"],
    ],
  ],
  [
    "a write without an outcome shows up much later",
    [
      [1, Infinity, put("k", "1")],
      [2, 3, put("k", "2"), "written"],
      [4, 5, get("k"), "k=2"],
      [6, 7, get("k"), "k=1"],
    ],
  ],
  [
    "a write without an outcome never shows up",
    [
      [1, Infinity, put("k", "1")],
      [2, 3, get("k"), "k=-"],
    ],
  ],
  [
    "a write without an outcome shows up after its process has ended",
    [
      [1, 4, put("k", "1")],
      [2, 3, get("k"), "k=-"],
      [5, 6, get("k"), "k=1"],
    ],
  ],
  [
    "what a write did before its process ended is read behind a read of something else",
    [
      [1, 2, both("1"), "written"],
      [3, 4, put("g/b", "2")],
      [5, 6, cas("g/a", "never", "9"), "refused"],
      [7, 8, list, "g/a=1 g/b=2"],
    ],
  ],
  [
    "two overlapping additions are both in the sum",
    [
      [1, 4, add(1n), "3"],
      [2, 3, add(2n), "2"],
    ],
  ],
  [
    "objects are written in one order and read in the other",
    [
      [1, 2, put("k", "1"), "written"],
      [3, 4, put("l", "1"), "written"],
      [5, 6, get("l"), "l=1"],
      [7, 8, get("k"), "k=1"],
    ],
  ],
  [
    "a deletion meets the key, and the next one does not",
    [
      [1, 2, put("k", "1"), "written"],
      [3, 6, remove("k"), "deleted"],
      [4, 5, remove("k"), "absent"],
    ],
  ],
];

const wrong: readonly (readonly [when: string, rows: readonly Row[]])[] = [
  [
    "a read is stale",
    [
      [1, 2, put("k", "1"), "written"],
      [3, 4, put("k", "2"), "written"],
      [5, 6, get("k"), "k=1"],
    ],
  ],
  [
    "a read sees what is written later",
    [
      [1, 2, get("k"), "k=1"],
      [3, 4, put("k", "1"), "written"],
    ],
  ],
  [
    "an acknowledged write is missing",
    [
      [1, 2, put("k", "1"), "written"],
      [3, 4, get("k"), "k=-"],
    ],
  ],
  [
    "a value is read that nobody wrote",
    [
      [1, 2, put("k", "1"), "written"],
      [3, 4, get("k"), "k=2"],
    ],
  ],
  [
    "what a write without an outcome wrote is there, and then is not",
    [
      [1, Infinity, put("k", "1")],
      [2, 3, get("k"), "k=1"],
      [4, 5, get("k"), "k=-"],
    ],
  ],
  [
    "a write comes to life after its process has ended and was started again",
    [
      [1, 4, put("k", "1")],
      [5, 6, get("k"), "k=-"],
      [7, 8, get("k"), "k=1"],
    ],
  ],
  [
    "two conditions on the same value both hold",
    [
      [1, 4, cas("k", undefined, "1"), "written"],
      [2, 3, cas("k", undefined, "2"), "written"],
    ],
  ],
  ["a condition that holds is refused", [[1, 2, cas("k", undefined, "1"), "refused"]]],
  [
    "an addition is lost",
    [
      [1, 4, add(5n), "5"],
      [2, 3, add(5n), "5"],
    ],
  ],
  [
    "a list sees half of a transaction",
    [
      [1, 4, both("1"), "written"],
      [2, 3, list, "g/a=1"],
    ],
  ],
  [
    "two writes have replaced the same value",
    [
      [1, 4, swap("k", "1"), "replaced k=-"],
      [2, 3, swap("k", "2"), "replaced k=-"],
    ],
  ],
];

for (const [when, rows] of right) {
  test(`a history is explained where ${when}`, () => {
    assert.deepEqual(inexplicableIn(historyOf(rows)), []);
  });
}

for (const [when, rows] of wrong) {
  test(`a history is condemned where ${when}`, () => {
    assert.equal(inexplicableIn(historyOf(rows)).length, 1);
  });
}

test("the search finds an order exactly when trying all of them does", () => {
  let explained = 0;
  const runs = 2_000;
  const property = fc.property(fc.array(anyRow, { maxLength: 5 }), (rows) => {
    const history = historyOf(rows);
    const expected = isExplainedByTryingAll(new Map(), history);
    if (expected) explained++;
    assert.equal(inexplicableIn(history).length === 0, expected);
  });
  fc.assert(property, { numRuns: runs });
  assert.ok(explained > runs / 20 && explained < runs - runs / 20, `${explained} of ${runs}`);
});

const anyQuestion = fc.oneof(
  fc.constant(get("k")),
  fc.constantFrom("1", "2").map((value) => put("k", value)),
  fc.constantFrom("1", "2").map((value) => swap("k", value)),
  fc
    .constantFrom<[string | undefined, string]>([undefined, "1"], ["1", "2"], ["2", "1"])
    .map(([expected, value]) => cas("k", expected, value)),
  fc.constant(remove("k")),
);
const anyState = fc.constantFrom<Values>(new Map(), new Map([["k", "1"]]), new Map([["k", "2"]]));

/** With an answer that some state would give, and an outcome that is unknown now and then. */
const anyRow = fc
  .tuple(fc.nat(12), fc.integer({ min: 1, max: 6 }), anyQuestion, anyState, fc.nat(5))
  .map(([start, length, question, state, dice]): Row => {
    if (dice === 0) return [start, Infinity, question];
    if (dice === 1) return [start, start + length, question];
    return [start, start + length, question, effectOf(state, question).seen];
  });

function isExplainedByTryingAll(values: Values, remaining: readonly Recorded[]): boolean {
  if (remaining.every(({ answer }) => answer === undefined)) return true;
  return remaining.some((call) => {
    const before = remaining.filter(({ returned }) => returned < call.invoked);
    if (before.some(({ answer }) => answer !== undefined)) return false;
    const { seen, writes } = effectOf(values, call.question);
    if (call.answer !== undefined && call.answer.seen !== seen) return false;
    const others = remaining.filter((other) => other !== call && !before.includes(other));
    return isExplainedByTryingAll(withWrites(values, writes), others);
  });
}

function historyOf(rows: readonly Row[]): readonly Recorded[] {
  return rows.map(([invoked, returned, question, seen]) => {
    const answer = seen === undefined ? undefined : { seen, revision: undefined, entries: [] };
    return { question, invoked, returned, answer };
  });
}
