/** A judge that has never condemned anybody proves nothing: three planted mistakes, two judges. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/foundation/clock.js";
import type { Random } from "../../src/foundation/random.js";
import { seedFor } from "../support/seed.js";
import { TempEngine } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";
import { EngineStore, engineLog } from "./engine-store.js";
import { inexplicableIn } from "./linearizable.js";
import { HastyReplies, LostConditions, StaleReads } from "./mutants.js";
import { Recorder } from "./recorder.js";
import { judgeByRevisions } from "./revision-order.js";
import { Workload } from "./workload.js";

const plan = { callers: 8, calls: 800 };

interface Scene {
  readonly temp: TempEngine;
  readonly store: EngineStore;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly workload: Workload;
}

test("a read from before the last acknowledged write is caught, by its answer and by its revision", async (t) => {
  for (const revision of ["old", "new"] as const) {
    const scene = await begin(t);
    const mutant = new StaleReads(scene.store, scene.random, revision);
    await scene.workload.run(mutant, plan);
    assert.ok(mutant.planted > 0);
    t.diagnostic(`${mutant.planted} stale reads`);
    await bothCondemn(t, scene);
  }
});

test("a write whose condition did not hold is caught", async (t) => {
  const scene = await begin(t);
  const mutant = new LostConditions(scene.store);
  await scene.workload.run(mutant, plan);
  assert.ok(mutant.planted > 0);
  t.diagnostic(`${mutant.planted} lost conditions`);
  await bothCondemn(t, scene);
});

test("an answer before the commit is caught when a kill loses the write, and only then", async (t) => {
  const scene = await begin(t);
  const mutant = new HastyReplies(scene.store);
  const running = scene.workload.run(mutant, { ...plan, calls: Infinity });
  await waitFor("enough calls", () => (scene.workload.asked > plan.calls ? true : undefined));
  mutant.kill();
  await running;
  assert.ok(mutant.answeredEarly > 1);
  await scene.temp.reopen();
  await scene.workload.readBack(scene.store);
  await bothCondemn(t, scene);
});

test("a store that answers before the commit, and is not killed, is condemned by neither", async (t) => {
  const scene = await begin(t);
  const mutant = new HastyReplies(scene.store);
  await scene.workload.run(mutant, plan);
  await scene.workload.readBack(mutant);
  assert.ok(mutant.answeredEarly > 1);
  const { history } = scene.recorder;
  const log = await engineLog(t, scene.temp);
  assert.deepEqual(judgeByRevisions(history, log).violations, []);
  assert.deepEqual(inexplicableIn(history), []);
});

async function begin(t: TestContext): Promise<Scene> {
  const temp = await TempEngine.open(t);
  const { random } = seedFor(t);
  const recorder = new Recorder();
  const clock = systemClock();
  const workload = new Workload({ recorder, random, clock, past: false });
  return { temp, store: new EngineStore(temp), random, recorder, workload };
}

async function bothCondemn(t: TestContext, { temp, recorder }: Scene): Promise<void> {
  const { history } = recorder;
  const { violations } = judgeByRevisions(history, await engineLog(t, temp));
  assert.ok(violations.length > 0, "the judge by revisions has noticed");
  const inexplicable = inexplicableIn(history);
  assert.ok(inexplicable.length > 0, "the judge without revisions has noticed");
  t.diagnostic(violations[0] ?? "");
  t.diagnostic((inexplicable[0] ?? "").slice(0, 300));
}
