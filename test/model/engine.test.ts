/** The engine beside the model. */
import { test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import { scaledOperations } from "../support/model-operations.js";
import { seedFor } from "../support/seed.js";
import { TempEngine } from "../support/temp-engine.js";
import { EnginePort } from "./engine-port.js";
import { Run } from "./run.js";

test("the engine answers as the model does, over a long history with restarts", async (t) => {
  const { random } = seedFor(t);
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock, options: { synchronous: "OFF" } });
  const run = new Run(new EnginePort(temp, clock), random, {
    operations: scaledOperations(60_000),
    lanes: 4,
    upsets: false,
    roundsPerRestart: 40,
  });
  await run.play();
  t.diagnostic(
    `${String(run.history.operations)} operations, ${String(run.history.restarts)} restarts`,
  );
});
