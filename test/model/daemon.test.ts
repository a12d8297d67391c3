/** The daemon beside the model: every RPC, while it is stopped and killed again and again. */
import { test } from "node:test";
import { scaledOperations } from "../support/model-operations.js";
import { seedFor } from "../support/seed.js";
import { Run } from "./run.js";
import { ServedDaemon } from "./served-daemon.js";
import { WirePort } from "./wire-port.js";

test("the daemon answers every RPC as the model does, killed and stopped on the way", async (t) => {
  const { random } = seedFor(t);
  const port = await WirePort.open(await ServedDaemon.open(t));
  const run = new Run(port, random, {
    operations: scaledOperations(40_000),
    lanes: 8,
    upsets: true,
    roundsPerRestart: 10,
  });
  await run.play();
  t.diagnostic(
    `${String(run.history.operations)} operations, ${String(run.history.restarts)} restarts, ${String(run.upsets)} of them at work`,
  );
});
