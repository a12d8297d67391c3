/** The engine beside the model. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import { scaledOperations } from "../support/model-operations.js";
import { TempEngine } from "../support/temp-engine.js";
import { EnginePort } from "./engine-port.js";
import { play } from "./play.js";
import { rpcNames } from "./wire-client.js";

/** What has no counterpart in an engine, and why. */
const notOfEngines: Readonly<Record<string, string>> = {
  SetLogLevel: "the level belongs to the process",
};

test("the engine answers as the model does, over a long history with restarts", async (t) => {
  const open = async (): Promise<EnginePort> => {
    const clock = new ManualClock();
    const temp = await TempEngine.open(t, { clock, options: { synchronous: "OFF" } });
    return new EnginePort(temp, clock);
  };
  const { exercised } = await play(t, open, {
    operations: scaledOperations(122_000),
    lanes: 4,
    upsets: false,
    roundsPerRestart: 25,
  });
  const wanted = rpcNames.filter((rpc) => notOfEngines[rpc] === undefined);
  assert.deepEqual([...exercised].sort(), wanted, "what stands behind every RPC was asked");
});
