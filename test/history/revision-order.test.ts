/** The judge by revisions: one small history that is right, and what each way to be wrong is called. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Question } from "./questions.js";
import type { Recorded } from "./recorder.js";
import { judgeByRevisions } from "./revision-order.js";
import { absentEntry, type LoggedRevision, type SeenEntry } from "./store.js";

const entry = (value: string, createRevision: bigint, modRevision: bigint): SeenEntry => {
  return {
    key: "k",
    value,
    createRevision,
    modRevision,
    version: modRevision - createRevision + 1n,
  };
};
const get: Question = { kind: "get", key: "k" };
const put = (value: string): Question => ({ kind: "put", key: "k", value, previous: false });
const cas = (value: string, revision: bigint): Question => {
  return { kind: "cas", key: "k", expected: { value: "1", revision }, value };
};

const log: readonly LoggedRevision[] = [
  { revision: 1n, changes: [entry("1", 1n, 1n)] },
  { revision: 2n, changes: [entry("2", 1n, 2n)] },
  { revision: 3n, changes: [{ ...absentEntry("k"), modRevision: 3n }] },
];
const first = answered([1, 2], put("1"), "written", 1n);
const second = answered([3, 8], cas("2", 1n), "written", 2n);
const third = answered([9, 12], { kind: "delete", key: "k" }, "deleted", 3n);
const reads = {
  early: answered([4, 5], get, "k=1", 1n, [entry("1", 1n, 1n)]),
  late: answered([6, 7], get, "k=2", 2n, [entry("2", 1n, 2n)]),
  past: answered([13, 14], { kind: "past", key: "k", revision: 2n }, "k=2", 3n, [
    entry("2", 1n, 2n),
  ]),
  absent: answered([15, 16], get, "k=-", 3n, [absentEntry("k")]),
  refused: answered([17, 18], cas("9", 1n), "refused", undefined, [absentEntry("k")]),
};
const right = [first, second, third, ...Object.values(reads)];

test("a history that is as its revisions say has no violation", () => {
  assert.deepEqual(judgeByRevisions(right, log), { violations: [], happened: 0 });
});

test("a call without an outcome owns the revision that it can only be, or none", () => {
  const unknown: Recorded = { ...second, returned: Infinity, answer: undefined };
  const never: Recorded = { ...unknown, question: put("never") };
  const history = [first, unknown, never, third, ...Object.values(reads)];
  assert.deepEqual(judgeByRevisions(history, log), { violations: [], happened: 1 });
});

const wrong: readonly (readonly [
  when: string,
  says: RegExp,
  history: readonly Recorded[],
  log?: readonly LoggedRevision[],
])[] = [
  ["a revision has no call", /revision 2 is nobody's/, right.filter((call) => call !== second)],
  [
    "two calls have one revision",
    /say the same revision/,
    [...right, answered([19, 20], put("4"), "written", 3n)],
  ],
  ["an acknowledged write is not in the log", /is not in the log/, right, log.slice(0, 2)],
  [
    "the log has a gap",
    /the log has revision 3 where 2 belongs/,
    [first],
    log.filter(({ revision }) => revision !== 2n),
  ],
  [
    "the log has another value than was acknowledged",
    /is logged as/,
    right,
    log.with(0, { revision: 1n, changes: [entry("8", 1n, 1n)] }),
  ],
  [
    "a version does not count on",
    /revision 2 logs/,
    right,
    log.with(1, { revision: 2n, changes: [{ ...entry("2", 1n, 2n), version: 7n }] }),
  ],
  [
    "a condition on another revision was let through",
    /has replaced revision 1/,
    right.map((call) => (call === second ? { ...second, question: cas("2", 7n) } : call)),
  ],
  [
    "a read differs from the state of its revision",
    /should have been "k=2"/,
    [...right, answered([6, 7], get, "k=1", 2n, [entry("1", 1n, 1n)])],
  ],
  [
    "an entry comes with a wrong revision",
    /should have been/,
    [...right, answered([6, 7], get, "k=2", 2n, [entry("2", 2n, 2n)])],
  ],
  [
    "a past read differs from that past",
    /should have been "k=1"/,
    [...right, answered([19, 20], { kind: "past", key: "k", revision: 1n }, "k=2", 3n)],
  ],
  [
    "a read is older than what was answered before it began",
    /began when revision 3 had been answered/,
    [...right, answered([19, 20], get, "k=2", 2n, [entry("2", 1n, 2n)])],
  ],
  [
    "a read is newer than any call that has begun",
    /was answered before a call of its past had begun/,
    [...right, answered([4, 5], get, "k=-", 3n, [absentEntry("k")])],
  ],
  [
    "a refusal fits no state of its time",
    /fits no state/,
    [...right, answered([4, 5], cas("9", 1n), "refused", undefined, [entry("7", 1n, 7n)])],
  ],
];

for (const [when, says, history, changed] of wrong) {
  test(`a history is condemned where ${when}`, () => {
    const { violations } = judgeByRevisions(history, changed ?? log);
    assert.ok(
      violations.some((violation) => says.test(violation)),
      violations.join("\n"),
    );
  });
}

function answered(
  [invoked, returned]: readonly [number, number],
  question: Question,
  seen: string,
  revision: bigint | undefined,
  entries: readonly SeenEntry[] = [],
): Recorded {
  return { question, invoked, returned, answer: { seen, revision, entries } };
}
