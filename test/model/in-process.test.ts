/** A server in this process beside the model: every RPC, over a real socket. */
import { test } from "node:test";
import { scaledOperations } from "../support/model-operations.js";
import { seedFor } from "../support/seed.js";
import { Run } from "./run.js";
import { ServedHere } from "./served-here.js";
import { WirePort } from "./wire-port.js";

test("a server answers every RPC as the model does, over a long history with restarts", async (t) => {
  const { random } = seedFor(t);
  const port = await WirePort.open(await ServedHere.open(t));
  const run = new Run(port, random, {
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
