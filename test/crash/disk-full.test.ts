/** A file system of a few megabytes fills up, is made larger, and nothing is lost on the way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proveDiskFull } from "../../src/prove/parts/disk-full.js";
import { proveContext, show, sizeFor } from "../support/prove-setup.js";

const size = sizeFor({ ci: { rounds: 1 }, full: { rounds: 20 } });

test("a full disk refuses writes, serves reads, heals by itself and loses nothing", async (t) => {
  assert.equal(process.getuid?.(), 0, "mounting a small file system takes root");
  const report = await proveDiskFull(proveContext(t), size);
  show(t, report);
  assert.deepEqual(report.examples, []);
  assert.equal(report.tried, size.rounds);
});
