/**
 * Power cuts. The life of a real daemon is recorded down to the system calls, and thousands of the
 * disk contents that a power cut could leave are started and compared with what was acknowledged.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { provePowerCuts } from "../../src/prove/parts/power-cuts.js";
import { proveContext, show, sizeFor } from "../support/prove-setup.js";

const size = sizeFor({
  ci: {
    states: 46_000,
    statesOfStart: 5_500,
    statesOfUpgrade: 600,
    engineEvery: 40,
    writesPerRound: 12,
    statesLeast: 40_000,
    ofRecoveryLeast: 3_000,
    answersLeast: 60,
  },
  full: {
    states: 3_000_000,
    statesOfStart: 200_000,
    statesOfUpgrade: 20_000,
    engineEvery: 40,
    writesPerRound: 120,
    statesLeast: 2_000_000,
    ofRecoveryLeast: 50_000,
    answersLeast: 800,
  },
});

test("nothing acknowledged is lost, and nothing is half, whenever the power goes", async (t) => {
  const { order, states, ofRecovery } = await provePowerCuts(proveContext(t), size);
  show(t, order);
  show(t, states);
  assert.deepEqual(order.examples, []);
  assert.equal(order.violations, 0);
  assert.ok(order.tried >= size.answersLeast, `only ${String(order.tried)} answers were followed`);
  assert.deepEqual(states.examples, []);
  assert.equal(states.violations, 0);
  assert.ok(states.tried >= size.statesLeast, `only ${String(states.tried)} states were built`);
  assert.ok(
    ofRecovery >= size.ofRecoveryLeast,
    `only ${String(ofRecovery)} states were of a recovery`,
  );
});
