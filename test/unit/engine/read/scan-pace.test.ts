/** How long a scan rests between two pages, and when it does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ScanPace } from "../../../../src/engine/read/scan-pace.js";
import { ManualClock } from "../../../../src/foundation/clock.js";
import { scanRestMsMax } from "../../../../src/storage/limits.js";

test("a scan that nobody else calls beside goes on at once", () => {
  const pace = new ScanPace(new ManualClock());
  pace.noteCall();
  const page = { askedMs: -5, thereMs: 0 };
  assert.equal(pace.rest(pace.calls, page), undefined, "the call came before its page");
});

test("a scan whose own caller took longer than its rest goes on at once", () => {
  const clock = new ManualClock();
  const pace = new ScanPace(clock);
  const { calls } = pace;
  const thereMs = clock.monotonicMs();
  pace.noteCall();
  clock.advance(10);
  assert.equal(pace.rest(calls, { askedMs: thereMs - 5, thereMs }), undefined);
  assert.notEqual(pace.rest(calls, { askedMs: thereMs - 6, thereMs }), undefined);
});

for (const { tookMs, restMs } of [
  { tookMs: 1, restMs: 2 },
  { tookMs: 4, restMs: 8 },
  { tookMs: 1_000, restMs: scanRestMsMax },
]) {
  test(`beside a call a scan rests ${String(restMs)} ms after a page of ${String(tookMs)} ms`, async () => {
    const clock = new ManualClock();
    const pace = new ScanPace(clock);
    const { calls } = pace;
    pace.noteCall();
    let rested = false;
    const thereMs = clock.monotonicMs();
    const rest = pace.rest(calls, { askedMs: thereMs - tookMs, thereMs })?.then(() => {
      rested = true;
    });
    clock.advance(restMs - 1);
    await Promise.resolve();
    assert.equal(rested, false);
    clock.advance(1);
    await rest;
    assert.equal(rested, true);
  });
}
