/** One call of the kernel fails in each life of a store, until every kind of call has failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proveIoFaults } from "../../src/prove/parts/single-faults.js";
import { proveContext, show, sizeFor } from "../support/prove-setup.js";

const size = sizeFor({ ci: { faults: 320, least: 300 }, full: { faults: 3_000, least: 400 } });

test("a call that fails costs nothing that was acknowledged", async (t) => {
  const report = await proveIoFaults(proveContext(t), size);
  show(t, report);
  assert.deepEqual(report.examples, []);
  assert.equal(report.violations, 0);
  assert.ok(report.tried >= size.least, `only ${String(report.tried)} faults came about`);
});
