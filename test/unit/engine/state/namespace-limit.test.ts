/** How many namespaces a store holds, counted with those that a group is about to make. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { namespacesMax } from "../../../../src/storage/limits.js";
import type { Namespace, TxnRequest } from "../../../../src/storage/model.js";
import { StateOnFile } from "../../../support/state-on-file.js";
import { putOf } from "../../../support/temp-engine.js";

function put(namespace: string): TxnRequest {
  const body = { compares: [], success: [putOf("a", "1")], failure: [] };
  return { namespace: namespace as Namespace, principal: undefined, requestId: undefined, body };
}

function kindsOf(outcomes: Awaited<ReturnType<StateOnFile["commit"]>>): string[] {
  return outcomes.map((outcome) =>
    outcome.kind === "refused" ? outcome.refusal.kind : outcome.kind,
  );
}

test("the last namespace is made, the next one refused, and those that exist go on", async (t) => {
  const store = StateOnFile.open(t);
  const all = Array.from({ length: namespacesMax - 1 }, (_none, index) =>
    put(`n-${String(index)}`),
  );
  assert.deepEqual(new Set(kindsOf(await store.commit(all))), new Set(["ok"]));
  const group = [put("last"), put("one-more"), put("last"), put("n-0")];
  assert.deepEqual(kindsOf(await store.commit(group)), ["ok", "limit-exceeded", "ok", "ok"]);
  assert.deepEqual(kindsOf(await store.commit([put("one-more")])), ["limit-exceeded"]);
});
