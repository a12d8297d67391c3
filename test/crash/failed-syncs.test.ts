/**
 * fsync fails, where a store syncs anything: the process must end with 74, and what is acknowledged
 * after the restart must survive a power cut although the kernel has lost the pages it calls clean.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proveFailedSyncs } from "../../src/prove/parts/failed-syncs.js";
import { proveContext, show, sizeFor } from "../support/prove-setup.js";

const size = sizeFor({
  ci: { scenarios: 100, states: 30 },
  full: { scenarios: 100, states: 2_000 },
});

test("after a failed sync the process ends, and its restart loses nothing", async (t) => {
  const report = await proveFailedSyncs(proveContext(t), size);
  show(t, report);
  assert.deepEqual(report.examples, []);
  assert.equal(report.violations, 0);
  assert.ok(report.tried >= 20, `only ${String(report.tried)} scenarios were run`);
});
