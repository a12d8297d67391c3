/** The daemon beside the model: every RPC, while it is stopped and killed again and again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scaledOperations } from "../support/model-operations.js";
import { play } from "./play.js";
import { ServedDaemon } from "./served-daemon.js";
import { rpcNames } from "./wire-client.js";
import { WirePort } from "./wire-port.js";

test("the daemon answers every RPC as the model does, killed and stopped at work", async (t) => {
  const open = async (): Promise<WirePort> => WirePort.open(await ServedDaemon.open(t));
  const { run, exercised } = await play(t, open, {
    operations: scaledOperations(32_000),
    lanes: 8,
    upsets: true,
    roundsPerRestart: 5,
  });
  assert.deepEqual([...exercised].sort(), rpcNames, "every RPC of the services was called");
  assert.ok(run.upsets > 0, "it was ended while callers waited for it");
});
