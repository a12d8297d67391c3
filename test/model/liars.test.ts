/** The proof that the comparison can fail: stores with a small lie in them are found out. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import { seededRandom } from "../../src/foundation/random.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";
import { seedFor } from "../support/seed.js";
import { TempEngine } from "../support/temp-engine.js";
import { engineLies, withLie } from "./engine-lies.js";
import { EnginePort } from "./engine-port.js";
import type { Step } from "./history.js";
import type { Port } from "./port.js";
import { Run } from "./run.js";
import { ServedHere } from "./served-here.js";
import { shrink } from "./shrink.js";
import { tableWith, wireLies } from "./wire-lies.js";
import { WirePort } from "./wire-port.js";

/** A lie is told seldom, and mostly found out within a thousand; chance has room to be late. */
const operationsUntilFound = 80_000;
/** What a lie is told by, apart from what asks. */
const liarsSeed = 7;

async function openEngine(
  t: TestContext,
  wrap: (engine: StorageEngine) => StorageEngine,
): Promise<Port> {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock, options: { synchronous: "OFF" } });
  return new EnginePort(temp, clock, wrap);
}

/** The steps up to where it was found out. */
async function findOut(t: TestContext, port: Port): Promise<readonly Step[]> {
  const { random } = seedFor(t);
  const plan = { operations: operationsUntilFound, lanes: 3, upsets: false, roundsPerRestart: 20 };
  const run = new Run(port, random, plan);
  await assert.rejects(run.play(), (error) => {
    assert.ok(error instanceof assert.AssertionError, String(error));
    const { operations } = run.history;
    t.diagnostic(`after ${String(operations)} operations: ${error.message.slice(0, 80)}`);
    return true;
  });
  await port.close();
  return run.history.steps;
}

for (const { lie, tell } of engineLies()) {
  test(`an engine that ${lie} is found out`, async (t) => {
    const random = seededRandom(liarsSeed);
    await findOut(t, await openEngine(t, (engine) => withLie(engine, tell(engine, random))));
  });
}

for (const one of wireLies()) {
  test(`a server that ${one.lie} is found out`, async (t) => {
    const random = seededRandom(liarsSeed);
    const served = await ServedHere.open(t, (table) => tableWith(table, one, random));
    await findOut(t, await WirePort.open(served));
  });
}

test("a history that finds something out is shrunk to the few steps that show it", async (t) => {
  const open = (): Promise<Port> => openEngine(t, (engine) => withLie(engine, doubling(engine)));
  const steps = await findOut(t, await open());
  const shrunk = await shrink(open, steps);
  assert.ok(shrunk !== undefined, "it shows one step after the other, too");
  t.diagnostic(`${String(steps.length)} steps became ${String(shrunk.steps.length)}`);
  assert.ok(shrunk.steps.length <= 3, "a key is made, and incremented by less than nothing");
});

/** Counts a negative increment twice, if it finds a number to begin with. */
function doubling(engine: StorageEngine): Partial<StorageEngine> {
  return {
    commit: (request, call) => {
      const success = request.body.success.map((operation) => {
        if (operation.kind !== "increment" || operation.delta !== -2n) return operation;
        return { ...operation, delta: operation.delta * 2n };
      });
      return engine.commit({ ...request, body: { ...request.body, success } }, call);
    },
  };
}
