/** One load for all who ask, and another try after one that failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnswerReflection, reflectOnDemand } from "../../../src/rpc/reflect-on-demand.js";

type Asked = Parameters<AnswerReflection>;

test("a load that failed is told to all who waited for it, and the next call tries again", async () => {
  let loads = 0;
  let answered = 0;
  const reflect = reflectOnDemand(async () => {
    loads++;
    await Promise.resolve();
    if (loads <= 2) throw new Error(`load ${String(loads)} failed`);
    return () => {
      answered++;
      return Promise.resolve();
    };
  });
  const call = [undefined, undefined, undefined] as unknown as Asked;
  for (const message of ["load 1 failed", "load 2 failed"]) {
    const waiting = [reflect(...call), reflect(...call)];
    for (const one of await Promise.allSettled(waiting)) {
      assert.ok(one.status === "rejected");
      assert.equal((one.reason as Error).message, message);
    }
  }
  await Promise.all([reflect(...call), reflect(...call)]);
  await reflect(...call);
  assert.deepEqual([loads, answered], [3, 3]);
});
