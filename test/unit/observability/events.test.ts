/** Listeners see every event after the one they name, in order, once, or learn what they missed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../../../src/foundation/clock.js";
import { type EngineEventInput, EngineEvents } from "../../../src/observability/events.js";

function input(name: string): EngineEventInput {
  return { kind: "checkpoint", severity: "info", name, message: name, attributes: {} };
}

test("events are numbered from 1 and carry the time they happened", () => {
  const clock = new ManualClock(1_000);
  const events = new EngineEvents(clock, 10);
  events.publish(input("a"));
  clock.advance(5);
  const second = events.publish(input("b"));
  assert.equal(second.sequence, 2);
  assert.equal(second.wallMs, 1_005);
  assert.deepEqual(
    events.recent().map(({ name }) => name),
    ["a", "b"],
  );
});

test("whatever was published before and after, a listener has no gap beyond what it is told", () => {
  const counts = fc.record({ before: fc.nat(20), after: fc.nat(20), from: fc.nat(25) });
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 8 }), ({ before, after, from }, backlogMax) => {
      const events = new EngineEvents(new ManualClock(), backlogMax);
      for (let at = 0; at < before; at++) events.publish(input("past"));
      const start = Math.min(from, before);
      const seen: number[] = [];
      const { missed, cancel } = events.subscribe(start, ({ sequence }) => seen.push(sequence));
      for (let at = 0; at < after; at++) events.publish(input("live"));
      cancel();
      events.publish(input("unheard"));
      const expected = Array.from({ length: before + after - start }, (_u, at) => start + at + 1);
      assert.deepEqual(seen, expected.slice(missed));
      assert.equal(missed, Math.max(0, before - backlogMax - start));
      assert.equal(events.lastSequence, before + after + 1);
    }),
  );
});

test("a listener may cancel itself while it is told", () => {
  const events = new EngineEvents(new ManualClock(), 4);
  let heard = 0;
  const subscription = events.subscribe(0, () => {
    heard++;
    subscription.cancel();
  });
  events.publish(input("a"));
  events.publish(input("b"));
  assert.equal(heard, 1);
});
