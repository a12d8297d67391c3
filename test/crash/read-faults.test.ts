/** A read fails once, wherever a store reads anything: it is repeated, or the process ends with 74. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proveReadFaults } from "../../src/prove/parts/read-faults.js";
import { proveContext, show, sizeFor } from "../support/prove-setup.js";

const size = sizeFor({ ci: { faults: 60, least: 40 }, full: { faults: 200, least: 60 } });

test("a read that fails is no damage, and costs nothing that was acknowledged", async (t) => {
  const report = await proveReadFaults(proveContext(t), size);
  show(t, report);
  assert.deepEqual(report.examples, []);
  assert.equal(report.violations, 0);
  assert.ok(report.tried >= size.least, `only ${String(report.tried)} reads failed`);
});
