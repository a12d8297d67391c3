/** A deadline counts monotonic time, and an abort ends a call just as well. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../src/foundation/clock.js";
import { Deadline } from "../../../src/foundation/deadline.js";

test("the time left counts down to zero and never below", () => {
  const clock = new ManualClock();
  const deadline = Deadline.in(clock, 100);
  clock.advance(60);
  assert.equal(deadline.leftMs(), 40);
  assert.equal(deadline.over(), undefined);
  clock.advance(60);
  assert.equal(deadline.leftMs(), 0);
  assert.equal(deadline.over(), "deadline");
});

test("a step of the wall clock neither ends a call nor prolongs it", () => {
  const clock = new ManualClock(1_000_000);
  const deadline = Deadline.atWall(clock, 1_000_100);
  clock.stepWall(60_000);
  assert.equal(deadline.leftMs(), 100);
  clock.stepWall(-120_000);
  assert.equal(deadline.leftMs(), 100);
});

test("a deadline that has passed on arrival is over, without a timer", () => {
  const clock = new ManualClock();
  const reasons: string[] = [];
  Deadline.atWall(clock, clock.wallMs() - 1).onOver((reason) => reasons.push(reason));
  assert.deepEqual(reasons, ["deadline"]);
  assert.equal(clock.timers, 0);
});

test("without a deadline only an abort ends the call", () => {
  const clock = new ManualClock();
  const caller = new AbortController();
  const deadline = Deadline.atWall(clock, Number.POSITIVE_INFINITY, caller.signal);
  const reasons: string[] = [];
  deadline.onOver((reason) => reasons.push(reason));
  assert.equal(clock.timers, 0);
  assert.equal(deadline.leftMs(), Number.POSITIVE_INFINITY);
  clock.advance(1e9);
  caller.abort();
  assert.deepEqual(reasons, ["aborted"]);
  assert.equal(deadline.over(), "aborted");
});

test("the end is told once, whichever comes first, and leaves nothing behind", () => {
  const clock = new ManualClock();
  const caller = new AbortController();
  const reasons: string[] = [];
  Deadline.in(clock, 50, caller.signal).onOver((reason) => reasons.push(reason));
  clock.advance(50);
  caller.abort();
  Deadline.in(clock, 50, new AbortController().signal).onOver(() => assert.fail("cancelled"))();
  clock.advance(100);
  assert.deepEqual(reasons, ["deadline"]);
  assert.equal(clock.timers, 0);
});

test("a limit of our own shortens a deadline and never lengthens it", () => {
  const clock = new ManualClock();
  const deadline = Deadline.in(clock, 100);
  assert.equal(deadline.within(30).leftMs(), 30);
  assert.equal(deadline.within(300).leftMs(), 100);
});

test("a deadline beyond the runtime's timers is kept without one", () => {
  const clock = new ManualClock();
  const cancel = Deadline.in(clock, 2 ** 40).onOver(() => assert.fail("too soon"));
  assert.equal(clock.timers, 0);
  cancel();
});
