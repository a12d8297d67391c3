/** A watch on a real engine: from the log, live, and where the two meet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TempEngine } from "../support/temp-engine.js";
import { shownOf, WatchReader } from "./watch-reader.js";

test("a watch from now on gets what is committed after it stands, and nothing before", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", "1");
  const watch = await WatchReader.open(t, temp);
  await temp.put("a", "2");
  await temp.delete("a");
  assert.deepEqual(shownOf(await watch.through(3n)), ["2 a=2", "3 -a"]);
});

test("a watch from a past revision gets the log first and then what comes", async (t) => {
  const temp = await TempEngine.open(t);
  for (const value of ["1", "2", "3"]) await temp.put("a", value);
  const watch = await WatchReader.open(t, temp, { from: 2n });
  await temp.put("a", "4");
  assert.deepEqual(shownOf(await watch.through(4n)), ["2 a=2", "3 a=3", "4 a=4"]);
});
