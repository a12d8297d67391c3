/** Damage at rest: flipped bits, zeroed sectors, misplaced pages, in the database and in the WAL. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proveBitFlips } from "../../src/prove/parts/bit-flips.js";
import { proveContext, show, sizeFor } from "../support/prove-setup.js";

const size = sizeFor({ ci: { positions: 6_000 }, full: { positions: 500_000 } });

test("damage at rest is noticed, or changes nothing that can be read", async (t) => {
  const report = await proveBitFlips(proveContext(t), size);
  show(t, report);
  assert.deepEqual(report.examples, []);
  assert.equal(report.violations, 0);
  assert.ok(report.tried >= size.positions);
});
