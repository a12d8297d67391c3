/** The stop's own rules: order, budgets, and what a second signal may shorten. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Patience, type StopStep, stopInOrder } from "../../../src/daemon/shutdown.js";
import { ManualClock } from "../../../src/foundation/clock.js";
import { recordingLog } from "../../support/recording-log.js";

function stage(): {
  readonly clock: ManualClock;
  readonly patience: Patience;
  readonly logged: () => readonly unknown[];
  readonly stop: (steps: readonly StopStep[]) => ReturnType<typeof stopInOrder>;
} {
  const clock = new ManualClock();
  const log = recordingLog();
  const patience = new Patience(clock);
  return {
    clock,
    patience,
    logged: () => log.lines.map(({ name }) => name),
    stop: (steps) => stopInOrder(steps, patience, { clock, log }),
  };
}

/** Lets everything run that does not wait for the clock. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test("steps run one after another, each after the one before has ended", async () => {
  const { stop } = stage();
  const seen: string[] = [];
  const step = (name: string): StopStep => ({
    name,
    budgetMs: 100,
    run: async () => {
      seen.push(`${name} begins`);
      await settle();
      seen.push(`${name} ends`);
    },
  });
  const outcomes = await stop([step("a"), step("b")]);
  assert.deepEqual(seen, ["a begins", "a ends", "b begins", "b ends"]);
  assert.deepEqual(
    [...outcomes],
    [
      ["a", "done"],
      ["b", "done"],
    ],
  );
});

test("a step that never ends is named and left behind after its budget, not before", async () => {
  const { clock, logged, stop } = stage();
  let reached = false;
  const stuck: StopStep = { name: "stuck", budgetMs: 100, run: () => new Promise(() => undefined) };
  const next: StopStep = {
    name: "next",
    budgetMs: 100,
    run: () => {
      reached = true;
    },
  };
  const stopped = stop([stuck, next]);
  await settle();
  clock.advance(99);
  await settle();
  assert.equal(reached, false);
  clock.advance(1);
  assert.deepEqual(
    [...(await stopped)],
    [
      ["stuck", "overdue"],
      ["next", "done"],
    ],
  );
  assert.deepEqual(logged(), ["daemon.stop-step-overdue"]);
  await settle();
  assert.equal(clock.timers, 0);
});

test("whatever a step does, every step runs, and each outcome says what became of it", async () => {
  const kinds = fc.constantFrom("returns", "throws", "rejects", "hangs");
  await fc.assert(
    fc.asyncProperty(fc.array(kinds, { maxLength: 8 }), async (steps) => {
      const { clock, stop } = stage();
      const ran: number[] = [];
      const stopped = stop(
        steps.map((kind, at) => ({
          name: String(at),
          budgetMs: 10,
          run: () => {
            ran.push(at);
            if (kind === "throws") throw new Error("thrown");
            if (kind === "rejects") return Promise.reject(new Error("rejected"));
            return kind === "hangs" ? new Promise<void>(() => undefined) : undefined;
          },
        })),
      );
      for (let turn = 0; turn <= steps.length; turn++) {
        await settle();
        clock.advance(10);
      }
      const expected = { returns: "done", throws: "failed", rejects: "failed", hangs: "overdue" };
      assert.deepEqual(
        [...(await stopped).values()],
        steps.map((kind) => expected[kind]),
      );
      assert.deepEqual(
        ran,
        steps.map((_kind, at) => at),
      );
    }),
    { numRuns: 50 },
  );
});

test("a wait ends by its time, by a hurry, and at once when the hurry came before", async () => {
  const { clock, patience } = stage();
  let ended = 0;
  const end = (): void => {
    ended++;
  };
  void patience.wait(50).then(end);
  clock.advance(50);
  await settle();
  assert.equal(ended, 1);
  void patience.wait(50).then(end);
  void patience.wait(1_000).then(end);
  patience.hurry();
  await settle();
  assert.equal(ended, 3);
  assert.equal(patience.hurried, true);
  await patience.wait(1_000);
  assert.equal(clock.timers, 0);
});
