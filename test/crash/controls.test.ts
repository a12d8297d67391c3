/**
 * The suites of this folder against daemons with a mistake planted in them. A suite that lets one
 * through proves nothing, so each mistake must be noticed, every time.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proveControls } from "../../src/prove/parts/controls.js";
import { proveContext, show, sizeFor } from "../support/prove-setup.js";

const size = sizeFor({
  ci: { states: 250, failedSyncStates: 250, flips: 500 },
  full: { states: 2_000, failedSyncStates: 3_000, flips: 2_000 },
});

test("every planted mistake is noticed by the suite that is there for it", async (t) => {
  const report = await proveControls(proveContext(t), size);
  show(t, report);
  assert.deepEqual(report.examples, []);
  assert.ok(report.tried >= 13, `only ${String(report.tried)} mistakes were planted`);
});
