/** A retry with the same request id has the effect of one request, wherever the two meet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import { ledgerAnswerBytesMax, ledgerWindowMs } from "../../src/storage/limits.js";
import type { OperationResult } from "../../src/storage/model.js";
import { canonical } from "../support/canonical.js";
import { keyOf, okOf, putOf, refusalOf, TempEngine } from "../support/temp-engine.js";

const once = { requestId: "once" };

/** The answers of a request and its retry, without the mark that tells them apart. */
function assertOneAnswer(first: unknown, retry: unknown): void {
  const [a, b] = [first, retry].map((answer) => canonical(answer));
  assert.notEqual(a, b);
  assert.equal(a, b?.replace("replayed: true", "replayed: false"));
}

test("two of the same id in one group are one increment with one answer", async (t) => {
  const temp = await TempEngine.open(t);
  const before = temp.put("first", "1");
  const [first, retry] = await Promise.all([
    temp.increment("n", 5n, once),
    temp.increment("n", 5n, once),
    before,
  ]);
  assertOneAnswer(okOf(first), okOf(retry));
  assert.equal(await temp.text("n"), "5");
});

test("a retry after others have written gets the first answer, with the first revision", async (t) => {
  const temp = await TempEngine.open(t);
  const first = okOf(await temp.commit([putOf("a", "1"), { kind: "get", key: keyOf("a") }], once));
  await temp.put("a", "2");
  const retry = okOf(await temp.commit([putOf("a", "1"), { kind: "get", key: keyOf("a") }], once));
  assertOneAnswer(first, retry);
  assert.equal(await temp.text("a"), "2");
});

test("a retry after a restart is still the same request", async (t) => {
  const temp = await TempEngine.open(t);
  const first = okOf(await temp.increment("n", 5n, once));
  await temp.reopen();
  const retry = okOf(await temp.increment("n", 5n, once));
  assertOneAnswer(first.value, retry.value);
  assert.equal(retry.header.revision, first.header.revision);
  assert.equal(await temp.text("n"), "5");
});

test("the id of another request is refused, and the other request does not happen", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.put("a", "1", once));
  assert.equal(await refusalOf(() => temp.put("a", "2", once)), "request-id-reused");
  assert.equal(await refusalOf(() => temp.delete("a", once)), "request-id-reused");
  const group = await Promise.all([
    refusalOf(() => temp.put("b", "1", { requestId: "twice" })),
    refusalOf(() => temp.put("b", "2", { requestId: "twice" })),
  ]);
  assert.deepEqual(group, ["ok", "request-id-reused"]);
  assert.deepEqual([await temp.text("a"), await temp.text("b")], ["1", "1"]);
});

test("ids that differ in a byte that nobody sees are two ids", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.increment("n", 1n, { requestId: "id" }));
  okOf(await temp.increment("n", 1n, { requestId: "\uFEFFid" }));
  assert.equal(await temp.text("n"), "2");
});

test("a request that found nothing to do keeps its answer, whatever is written later", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("other", "1");
  const first = okOf(await temp.delete("a", once));
  await temp.put("a", "1");
  await temp.reopen();
  const again = okOf(await temp.delete("a", once));
  assert.equal(again.value.replayed, true);
  assert.equal(canonical(again.value.responses), canonical(first.value.responses));
  assert.equal(again.header.revision, first.header.revision);
  assert.equal(await temp.text("a"), "1");
});

test("a request that found nothing to do does not make a namespace to remember it", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.delete("a", once));
  assert.deepEqual(temp.engine.namespaces.list({ after: "", rowsMax: 10 }), []);
});

test("a request that was refused leaves its id free", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("n", "no number");
  assert.equal(await refusalOf(() => temp.increment("n", 1n, once)), "not-a-number");
  await temp.put("n", "1");
  assert.equal(okOf(await temp.increment("n", 1n, once)).value.replayed, false);
});

test("a retry whose body counts from now is the same request at any time", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const put = putOf("a", "1", { kind: "after", ttlMs: 60_000 });
  okOf(await temp.commit([put], once));
  clock.advance(20_000);
  assert.equal(okOf(await temp.commit([put], once)).value.replayed, true);
  clock.advance(40_000);
  assert.equal(await temp.get("a"), undefined);
});

test("an id is remembered for the window, and is a new one after it", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  okOf(await temp.increment("n", 1n, once));
  clock.advance(ledgerWindowMs);
  assert.equal(okOf(await temp.increment("n", 1n, once)).value.replayed, true);
  clock.advance(1);
  assert.equal(okOf(await temp.increment("n", 1n, once)).value.replayed, false);
  assert.equal(okOf(await temp.increment("n", 1n, once)).value.replayed, true);
  assert.equal(await temp.text("n"), "2");
});

test("a transaction that reads too much to be remembered is refused before anything changes", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", new Uint8Array(ledgerAnswerBytesMax));
  const body = [{ kind: "get", key: keyOf("a") } as const, putOf("a", "1")];
  assert.equal(await refusalOf(() => temp.commit(body, once)), "limit-exceeded");
  assert.equal((await temp.get("a"))?.version, 1n);
  okOf(await temp.commit(body));
});

test("the largest value is replaced, deleted and renamed with an id; only a repeated answer lacks it", async (t) => {
  const temp = await TempEngine.open(t);
  const largest = new Uint8Array(ledgerAnswerBytesMax);
  const span = { kind: "key", key: keyOf("a") } as const;
  const operations = {
    put: { ...putOf("a", "1"), returnPrevious: true },
    deleted: { kind: "delete", span, returnPrevious: true },
    renamed: { kind: "rename", from: keyOf("a"), to: keyOf("b"), overwrite: true },
  } as const;
  for (const [requestId, operation] of Object.entries(operations)) {
    await temp.put("a", largest);
    const first = okOf(await temp.commit([operation], { requestId }));
    assert.equal(entryValueOf(first.value.responses[0])?.length, largest.length, requestId);
    const again = okOf(await temp.commit([operation], { requestId }));
    assert.deepEqual([again.value.replayed, again.header], [true, first.header], requestId);
    assert.equal(again.value.responses[0]?.kind, requestId);
    assert.equal(entryValueOf(again.value.responses[0]), undefined, requestId);
  }
});

function entryValueOf(response: OperationResult | undefined): Uint8Array | undefined {
  if (response?.kind === "renamed") return response.entry?.value;
  return response?.kind === "put" || response?.kind === "deleted"
    ? response.previous?.value
    : undefined;
}

test("many callers that retry at random make each request once", async (t) => {
  const temp = await TempEngine.open(t);
  const requests = Array.from({ length: 60 }, (_none, index) => ({
    requestId: `id-${String(index)}`,
  }));
  const outcomes = await Promise.all(
    [...requests, ...requests, ...requests].map((asked) => temp.increment("n", 1n, asked)),
  );
  assert.equal(await temp.text("n"), "60");
  const replayed = outcomes.filter((outcome) => okOf(outcome).value.replayed);
  assert.equal(replayed.length, 120);
});
