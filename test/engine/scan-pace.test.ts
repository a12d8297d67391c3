/** A scan over the engine rests beside reads and writes of others, and beside them alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "../../src/foundation/clock.js";
import { scanPageRowsMax, scanRestMsMax } from "../../src/storage/limits.js";
import type { Namespace } from "../../src/storage/model.js";
import { okOf, patient, putOf, TempEngine, wholeRange } from "../support/temp-engine.js";

const namespace = "test" as Namespace;
const others: Readonly<Record<string, (temp: TempEngine) => Promise<unknown>>> = {
  get: (temp) => temp.text("key-00000"),
  list: (temp) => temp.list({ rowsMax: 1 }),
  write: (temp) => temp.put("key-00000", "anew"),
};

test("a scan waits for nothing while it is alone, and rests when others call", async (t) => {
  const clock = systemClock();
  const rests: number[] = [];
  const watched: Clock = {
    ...clock,
    after: (delayMs, run) => {
      // A rest follows from how long a page took; all other delays are whole numbers.
      if (!Number.isInteger(delayMs) && delayMs <= scanRestMsMax) rests.push(delayMs);
      return clock.after(delayMs, run);
    },
  };
  const temp = await TempEngine.open(t, { clock: watched });
  const rows = Array.from({ length: 8 * scanPageRowsMax }, (_none, at) => {
    return putOf(`key-${String(at).padStart(5, "0")}`, "value");
  });
  okOf(await temp.commit(rows));
  /** How often it rested, over the whole range. */
  const restsOf = async (beside: () => Promise<unknown>): Promise<number> => {
    const before = rests.length;
    let [pages, calls] = [0, Promise.resolve<unknown>(undefined)];
    for await (const page of temp.engine.scan(namespace, wholeRange, "Scan", patient)) {
      assert.equal(page.entries.length, scanPageRowsMax);
      pages++;
      calls = Promise.all([calls, beside()]);
    }
    await calls;
    assert.equal(pages, 8);
    return rests.length - before;
  };
  assert.equal(await restsOf(() => Promise.resolve()), 0);
  for (const [other, call] of Object.entries(others)) {
    assert.ok((await restsOf(() => call(temp))) > 0, other);
  }
});
