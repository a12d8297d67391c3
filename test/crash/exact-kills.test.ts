/** kill -9 at the exact call: in a creation, a migration, a checkpoint, a compaction, a stop. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proveKills } from "../../src/prove/parts/kills.js";
import { proveExactKills } from "../../src/prove/parts/single-faults.js";
import { proveContext, show, sizeFor } from "../support/prove-setup.js";

const size = sizeFor({
  ci: { faults: 80, least: 70, cycles: 10 },
  full: { faults: 3_000, least: 400, cycles: 400 },
});

test("killed at any call, a store starts whole", async (t) => {
  const report = await proveExactKills(proveContext(t), size);
  show(t, report);
  assert.deepEqual(report.examples, []);
  assert.equal(report.violations, 0);
  assert.ok(report.tried >= size.least, `only ${String(report.tried)} kills came about`);
});

test("killed under load, a daemon keeps every answer, and a retry has one effect", async (t) => {
  const report = await proveKills(proveContext(t), size);
  show(t, report);
  assert.deepEqual(report.examples, []);
  assert.equal(report.violations, 0);
  assert.equal(report.tried, size.cycles);
});
