/** The proof that the simulation can fail: what is done wrong beside the engine is found. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tempDirectory } from "../support/temp-directory.js";
import { simulationLies } from "./lies.js";
import { Simulation } from "./simulation.js";
import { seedsOfCi, stepsOfSeed } from "./sizes.js";

for (const { lie, ...told } of simulationLies()) {
  test(`an engine around which somebody ${lie} is found out`, async (t) => {
    process.umask(0o077);
    const root = tempDirectory(t);
    for (let seed = 1; seed <= seedsOfCi; seed++) {
      const directory = join(root, String(seed));
      const simulation = new Simulation({ seed, steps: stepsOfSeed, directory, lie: told });
      try {
        await simulation.play();
      } catch (error) {
        assert.ok(error instanceof Error, "what is thrown is an error");
        const isFound = ["AssertionError", "OpenError"].includes(error.name);
        assert.ok(isFound, `found out, and not broken by the lie itself: ${String(error.stack)}`);
        const { steps } = simulation.tally;
        await simulation.abandon();
        t.diagnostic(`seed ${String(seed)}, step ${String(steps)}: ${error.message.slice(0, 90)}`);
        return;
      }
      rmSync(directory, { recursive: true, force: true });
    }
    assert.fail(`${String(seedsOfCi)} seeds find nothing`);
  });
}
