/** Who may run beside whom in one stream. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type LaneKind, OrderedLane } from "../../../src/rpc/ordered-lane.js";

interface Step {
  readonly kind: LaneKind;
  readonly sync: boolean;
}

test("a plain answer costs no promise while nothing is in its way", () => {
  assert.equal(
    new OrderedLane().run("read", () => 1),
    1,
  );
});

test("a start that throws is its own failure, and the lane goes on", async () => {
  const lane = new OrderedLane();
  const first = lane.run("write", () => Promise.resolve("done"));
  const second = lane.run("read", () => {
    throw new Error("refused");
  });
  await assert.rejects(Promise.resolve(second), /refused/);
  assert.equal(await first, "done");
  assert.equal(
    lane.run("write", () => "on"),
    "on",
  );
});

test("starts keep the order of the stream, and reads and writes never run together", async () => {
  const steps = fc.array(
    fc.record({ kind: fc.constantFrom<LaneKind>("read", "write"), sync: fc.boolean() }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (asked: readonly Step[]) => {
      const lane = new OrderedLane();
      const running = { read: 0, write: 0 };
      const started: number[] = [];
      const ends = asked.map(({ kind, sync }, at) =>
        lane.run(kind, () => {
          started.push(at);
          const other = kind === "read" ? "write" : "read";
          assert.equal(running[other], 0, "the other kind is running");
          if (sync) return at;
          running[kind]++;
          return new Promise<number>((resolve) => {
            setImmediate(() => {
              running[kind]--;
              resolve(at);
            });
          });
        }),
      );
      const order = asked.map((_step, at) => at);
      const answers = ends.map((end) => Promise.resolve(end));
      assert.deepEqual(await Promise.all(answers), order);
      assert.deepEqual(started, order);
    }),
  );
});
