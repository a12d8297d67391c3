/** A server in this process beside the model: every RPC, over a real socket. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scaledOperations } from "../support/model-operations.js";
import { play } from "./play.js";
import { ServedHere } from "./served-here.js";
import { rpcNames } from "./wire-client.js";
import { WirePort } from "./wire-port.js";

test("a server answers every RPC as the model does, over a long history with restarts", async (t) => {
  const open = async (): Promise<WirePort> => WirePort.open(await ServedHere.open(t));
  const { exercised } = await play(t, open, {
    operations: scaledOperations(50_000),
    lanes: 4,
    upsets: false,
    roundsPerRestart: 25,
  });
  assert.deepEqual([...exercised].sort(), rpcNames, "every RPC of the services was called");
});
