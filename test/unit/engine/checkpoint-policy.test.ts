/** The ladder and its pauses, rung by rung. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type CheckpointStep,
  cameToNothing,
  limitState,
  nextStep,
  pauseMs,
  type WalView,
} from "../../../src/engine/wal/checkpoint-policy.js";
import { passiveCheckpointFrames, walKeepBytes } from "../../../src/storage/limits.js";
import type { CheckpointOutcome, CheckpointRecord } from "../../../src/storage/maintenance.js";

const limits = { walSoftLimitBytes: 64_000_000, walHardLimitBytes: 512_000_000 };
const calm: WalView = {
  gauge: { frames: 0, backfilled: 0, walBytes: 0 },
  snapshots: 0,
  intervalElapsed: false,
  idle: false,
  passivePaused: false,
  truncatePaused: false,
};
const wait: CheckpointStep = { kind: "wait" };
const passive: CheckpointStep = { kind: "passive" };
const truncate: CheckpointStep = { kind: "truncate", cancelSnapshots: false };
const force: CheckpointStep = { kind: "truncate", cancelSnapshots: true };

function gauge(frames: number, backfilled: number, walBytes: number): Pick<WalView, "gauge"> {
  return { gauge: { frames, backfilled, walBytes } };
}
const due = passiveCheckpointFrames;

const ladder: readonly { when: string; view: Partial<WalView>; expect: CheckpointStep }[] = [
  { when: "the WAL is empty", view: {}, expect: wait },
  { when: "a few frames are pending", view: gauge(10, 0, 50_000), expect: wait },
  {
    when: "a few frames are pending and the interval has passed",
    view: { ...gauge(10, 0, 50_000), intervalElapsed: true },
    expect: passive,
  },
  { when: "frames reach the threshold", view: gauge(due, 0, 5_000_000), expect: passive },
  {
    when: "frames are one below the threshold",
    view: gauge(due + 99, 100, 5_000_000),
    expect: wait,
  },
  {
    when: "the threshold is reached during the pause",
    view: { ...gauge(due, 0, 5_000_000), passivePaused: true },
    expect: wait,
  },
  {
    when: "all has moved and the file is within the size to keep",
    view: gauge(due, due, walKeepBytes),
    expect: wait,
  },
  {
    when: "all has moved and the file is above the size to keep",
    view: gauge(due, due, walKeepBytes + 1),
    expect: truncate,
  },
  {
    when: "all has moved and the database was idle for an interval",
    view: { ...gauge(10, 10, 50_000), idle: true },
    expect: truncate,
  },
  { when: "the WAL is empty and idle", view: { idle: true, intervalElapsed: true }, expect: wait },
  {
    when: "all has moved but a snapshot of ours is open",
    view: { ...gauge(due, due, walKeepBytes + 1), snapshots: 1 },
    expect: wait,
  },
  {
    when: "all has moved but TRUNCATE came to nothing a moment ago",
    view: { ...gauge(due, due, walKeepBytes + 1), truncatePaused: true },
    expect: wait,
  },
  {
    when: "TRUNCATE pauses and new frames reach the threshold",
    view: { ...gauge(2 * due, due, walKeepBytes + 1), truncatePaused: true },
    expect: passive,
  },
  {
    when: "the file is above the soft limit and frames are pending",
    view: { ...gauge(20_000, 0, 70_000_000), snapshots: 1 },
    expect: passive,
  },
  {
    when: "the hard limit is reached, whoever reads",
    view: { ...gauge(130_000, 5, 512_000_000), snapshots: 3 },
    expect: force,
  },
  {
    when: "the hard limit is reached during the pause of PASSIVE",
    view: { ...gauge(130_000, 5, 512_000_000), passivePaused: true },
    expect: force,
  },
  {
    when: "the hard limit is reached and TRUNCATE pauses",
    view: { ...gauge(130_000, 5, 512_000_000), truncatePaused: true },
    expect: passive,
  },
];

for (const { when, view, expect } of ladder) {
  test(`the ladder says ${expect.kind} when ${when}`, () => {
    assert.deepEqual(nextStep({ ...calm, ...view }, limits), expect);
  });
}

test("the ladder never truncates under an open snapshot of ours below the hard limit", () => {
  const views = fc.record({
    gauge: fc.record({
      frames: fc.nat(200_000),
      backfilled: fc.nat(200_000),
      walBytes: fc.nat(limits.walHardLimitBytes - 1),
    }),
    snapshots: fc.integer({ min: 1, max: 9 }),
    intervalElapsed: fc.boolean(),
    idle: fc.boolean(),
    passivePaused: fc.boolean(),
    truncatePaused: fc.boolean(),
  });
  fc.assert(
    fc.property(views, (view) => {
      assert.notEqual(nextStep(view, limits).kind, "truncate");
    }),
  );
});

const states = [
  { walBytes: 0, expect: "ok" },
  { walBytes: limits.walSoftLimitBytes - 1, expect: "ok" },
  { walBytes: limits.walSoftLimitBytes, expect: "soft" },
  { walBytes: limits.walHardLimitBytes - 1, expect: "soft" },
  { walBytes: limits.walHardLimitBytes, expect: "hard" },
] as const;

for (const { walBytes, expect } of states) {
  test(`a WAL of ${String(walBytes)} bytes is at the state ${expect}`, () => {
    assert.equal(limitState(walBytes, limits), expect);
  });
}

const ends: readonly [CheckpointOutcome, number, boolean][] = [
  ["TRUNCATED", 5, false],
  ["COMPLETE", 5, false],
  ["NOTHING_TO_DO", 0, false],
  ["PARTIAL", 5, false],
  ["PARTIAL", 0, true],
  ["RESET_PENDING", 5, true],
  ["SKIPPED_BUSY", 0, true],
  ["FAILED", 0, true],
];

for (const [outcome, framesMoved, expect] of ends) {
  test(`${outcome} with ${String(framesMoved)} frames moved ${expect ? "makes a pause" : "goes on"}`, () => {
    assert.equal(cameToNothing({ outcome, framesMoved } as CheckpointRecord), expect);
  });
}

test("pauses double from one second to half a minute, and chance adds up to half", () => {
  const plain = [1, 2, 3, 4, 5, 6, 7, 60].map((attempts) => pauseMs(attempts, 0, "soft"));
  assert.deepEqual(plain, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(pauseMs(1, 0.999, "ok"), 1_500);
});

test("at the hard limit pauses are short, because writes wait for the next attempt", () => {
  const plain = [1, 2, 3, 4, 5, 9].map((attempts) => pauseMs(attempts, 0, "hard"));
  assert.deepEqual(plain, [100, 200, 400, 800, 1_000, 1_000]);
});
