/** The slow log keeps the last slow calls and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type SlowCall, SlowLog } from "../../../src/observability/slow-log.js";

function call(rpc: string): SlowCall {
  return { wallMs: 1, rpc, status: "OK", durationMs: 400, phasesMs: { engine: 390 } };
}

test("a call is slow from the threshold on", () => {
  const log = new SlowLog(300, 2);
  assert.deepEqual(
    [299.9, 300, 301].map((ms) => log.isSlow(ms)),
    [false, true, true],
  );
});

test("the oldest call makes room for the newest", () => {
  const log = new SlowLog(300, 2);
  for (const rpc of ["Get", "Put", "Scan"]) log.add(call(rpc));
  assert.deepEqual(
    log.recent().map(({ rpc }) => rpc),
    ["Put", "Scan"],
  );
});
