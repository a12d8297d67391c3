/** The manual clock behaves as the system's does, only on request. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, ManualClock, sleep, systemClock } from "../../../src/foundation/clock.js";

test("timers of a manual clock run in the order of their due time, ties in the order they were set", () => {
  const clock = new ManualClock();
  const ran: string[] = [];
  clock.after(20, () => ran.push("b"));
  clock.after(10, () => ran.push("a"));
  clock.after(20, () => ran.push("c"));
  clock.advance(15);
  assert.deepEqual(ran, ["a"]);
  clock.advance(5);
  assert.deepEqual(ran, ["a", "b", "c"]);
  assert.equal(clock.timers, 0);
});

test("a timer sees the moment it was due at, not the one that is advanced to", () => {
  const clock = new ManualClock(1_000);
  const seen: number[] = [];
  clock.after(10, () => seen.push(clock.monotonicMs(), clock.wallMs()));
  clock.advance(100);
  assert.deepEqual(seen, [10, 1_010]);
  assert.equal(clock.monotonicMs(), 100);
});

test("a timer that is set by a timer runs within the same advance when it falls due", () => {
  const clock = new ManualClock();
  const at: number[] = [];
  clock.after(10, () => {
    clock.after(10, () => at.push(clock.monotonicMs()));
  });
  clock.advance(30);
  assert.deepEqual(at, [20]);
});

test("a periodic timer runs once per period until it is cancelled, and cancelling twice is fine", () => {
  const clock = new ManualClock();
  let runs = 0;
  const cancel = clock.every(10, () => runs++);
  clock.advance(35);
  cancel();
  cancel();
  clock.advance(100);
  assert.equal(runs, 3);
});

test("a periodic timer may cancel itself", () => {
  const clock = new ManualClock();
  let runs = 0;
  const cancel = clock.every(10, () => {
    runs++;
    cancel();
  });
  clock.advance(100);
  assert.equal(runs, 1);
});

test("a step of the wall clock moves no timer and no monotonic reading", () => {
  const clock = new ManualClock(5_000);
  let ran = false;
  clock.after(10, () => {
    ran = true;
  });
  clock.stepWall(-4_000);
  assert.equal(clock.wallMs(), 1_000);
  assert.equal(clock.monotonicMs(), 0);
  assert.equal(ran, false);
});

test("time that runs backwards and delays the runtime cannot keep are bugs", () => {
  const clocks: readonly Clock[] = [new ManualClock(), systemClock()];
  for (const clock of clocks) {
    for (const delay of [-1, 2 ** 31, Number.NaN]) {
      assert.throws(() => clock.after(delay, () => undefined), { name: "AssertionError" });
    }
  }
  assert.throws(
    () => {
      new ManualClock().advance(-1);
    },
    { name: "AssertionError" },
  );
});

test("sleeping ends when the clock gets there", async () => {
  const clock = new ManualClock();
  const slept = sleep(clock, 50).then(() => clock.monotonicMs());
  clock.advance(50);
  assert.equal(await slept, 50);
});

test("the system's clock runs timers, and never the cancelled ones", async () => {
  const clock = systemClock();
  const begin = clock.monotonicMs();
  const cancelAfter = clock.after(1, () => assert.fail("cancelled"));
  const cancelEvery = clock.every(1, () => assert.fail("cancelled"));
  cancelAfter();
  cancelEvery();
  await new Promise<void>((resolve) => {
    let periods = 0;
    const cancel = clock.every(1, () => {
      periods++;
      if (periods < 2) return;
      cancel();
      resolve();
    });
  });
  await sleep(clock, 30);
  assert.ok(clock.monotonicMs() - begin >= 29);
  assert.ok(Number.isInteger(clock.wallMs()));
});
