/** Namespaces share a file and nothing else: keys, revisions, request ids and limits are their own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { ManualClock } from "../../src/foundation/clock.js";
import { housekeepingMs } from "../../src/storage/limits.js";
import type { Namespace, Operation, Revision } from "../../src/storage/model.js";
import { defaultNamespaceSettings } from "../../src/storage/namespaces.js";
import { keyOf, kindOf, okOf, putOf, refusalOf, TempEngine } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

test("the same key in two namespaces is two entries, each with its own revisions", async (t) => {
  const temp = await TempEngine.open(t);
  const outcomes = await Promise.all(
    ["a", "b", "a", "b", "a"].map((namespace, index) => {
      return temp.put("key", `${namespace}${String(index)}`, { namespace });
    }),
  );
  assert.deepEqual(
    outcomes.map((outcome) => [okOf(outcome).header.namespace, okOf(outcome).header.revision]),
    [
      ["a", 1n],
      ["b", 1n],
      ["a", 2n],
      ["b", 2n],
      ["a", 3n],
    ],
  );
  assert.deepEqual(
    [await temp.text("key", { namespace: "a" }), await temp.text("key", { namespace: "b" })],
    ["a4", "b3"],
  );
  await temp.delete("key", { namespace: "a" });
  assert.equal(await temp.text("key", { namespace: "b" }), "b3");
  await temp.reopen();
  assert.deepEqual(
    [
      (await temp.head({ namespace: "a" })).revision,
      (await temp.head({ namespace: "b" })).revision,
    ],
    [4n, 2n],
  );
});

test("the same request id in two namespaces is two requests", async (t) => {
  const temp = await TempEngine.open(t);
  const ends = await Promise.all(
    ["a", "b"].map((namespace) => temp.increment("n", 1n, { namespace, requestId: "once" })),
  );
  assert.deepEqual(
    ends.map((outcome) => okOf(outcome).value.replayed),
    [false, false],
  );
});

test("a range ends where its namespace ends", async (t) => {
  const temp = await TempEngine.open(t);
  for (const namespace of ["a", "b", "c"]) {
    for (const key of [Uint8Array.of(0), Uint8Array.of(255)])
      await temp.put(key, "1", { namespace });
  }
  for (const reverse of [false, true]) {
    const page = await temp.list({ reverse, count: true }, { namespace: "b" });
    assert.deepEqual([page.entries.length, page.more, page.count], [2, false, 2]);
  }
  assert.equal((await temp.scan({}, { namespace: "b" })).entries.length, 2);
});

test("a namespace that nothing was written to reads as empty and is not made", async (t) => {
  const temp = await TempEngine.open(t);
  assert.equal(await temp.get("key"), undefined);
  assert.deepEqual((await temp.list({ count: true })).count, 0);
  assert.deepEqual((await temp.scan()).entries, []);
  okOf(await temp.delete("key"));
  assert.equal((await temp.head()).revision, 0n);
  assert.deepEqual(temp.engine.namespaces.list({ after: "", rowsMax: 10 }), []);
});

test("where namespaces are not made by themselves, each verb says that there is none", async (t) => {
  const temp = await TempEngine.open(t, { options: { namespaceAutoCreate: false } });
  const verbs: readonly (() => Promise<unknown>)[] = [
    () => temp.get("key"),
    () => temp.list(),
    () => temp.scan(),
    () => temp.head(),
    () => Promise.resolve().then(() => temp.engine.namespaces.get("test" as Namespace)),
  ];
  for (const verb of verbs) {
    await assert.rejects(verb, { name: "EngineError", kind: "namespace-missing" });
  }
  assert.equal(await refusalOf(() => temp.put("key", "1")), "namespace-missing");
  await temp.engine.namespaces.create("test" as Namespace, {});
  assert.equal(await temp.get("key"), undefined);
  assert.equal(okOf(await temp.put("key", "1")).header.revision, 1n);
});

test("a namespace is made once, with its settings, and is there after a restart", async (t) => {
  const temp = await TempEngine.open(t);
  const name = "tenant" as Namespace;
  const made = await temp.engine.namespaces.create(name, { blockReason: "for later" });
  assert.deepEqual(made.settings, { ...defaultNamespaceSettings, blockReason: "for later" });
  await assert.rejects(temp.engine.namespaces.create(name, {}), { kind: "namespace-exists" });
  okOf(await temp.put("key", "value", { namespace: name }));
  await temp.reopen();
  const found = temp.engine.namespaces.get(name);
  assert.deepEqual(
    [found.keys, found.liveBytes, found.head, found.createdAtMs, found.settings],
    [1, "keyvalue".length, 1n, made.createdAtMs, made.settings],
  );
});

test("a revision of a namespace that was deleted cannot be read in the one made after it", async (t) => {
  const temp = await TempEngine.open(t);
  const name = "tenant" as Namespace;
  await temp.engine.namespaces.create(name, { historyReads: true });
  const { revision } = okOf(await temp.put("key", "old", { namespace: name })).header;
  await temp.engine.namespaces.delete(name);
  await temp.engine.namespaces.create(name, { historyReads: true });
  const read = (): Promise<unknown> => temp.list({ at: revision }, { namespace: name });
  await assert.rejects(read, { kind: "revision-compacted" });
  okOf(await temp.put("other", "new", { namespace: name }));
  await assert.rejects(read, { kind: "revision-compacted" });
});

test("what a history has left is still counted when another one begins", async (t) => {
  const temp = await TempEngine.open(t);
  const name = "tenant" as Namespace;
  const { namespaces, maintenance } = temp.engine;
  await namespaces.create(name, { historyReads: true });
  for (const value of ["1", "2", "3"]) okOf(await temp.put("key", value, { namespace: name }));
  await namespaces.update(name, { historyReads: false });
  const off = namespaces.get(name);
  assert.deepEqual([off.readableSince, off.historyBytes], [undefined, off.logBytes]);
  await assert.rejects(() => temp.list({ at: 2n as Revision }, { namespace: name }), {
    kind: "history-off",
  });

  await namespaces.update(name, { historyReads: true });
  okOf(await temp.put("key", "4", { namespace: name }));
  const on = namespaces.get(name);
  // Two versions of the history before, one of this.
  assert.deepEqual([on.readableSince, on.historyBytes - on.logBytes], [3n, 3 * "key1".length]);
  await maintenance.compact(name, 4n as Revision);
  const compacted = namespaces.get(name);
  assert.equal(compacted.historyBytes, compacted.logBytes, "each was taken away once");
  for await (const step of maintenance.checkIntegrity("checksum", new AbortController().signal)) {
    if (step.kind === "report") assert.deepEqual(step.messages, []);
  }
});

test("what a history has left goes by itself, however much of the log is kept", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const name = "tenant" as Namespace;
  await temp.engine.namespaces.create(name, { historyReads: true });
  for (const value of ["1", "2", "3"]) okOf(await temp.put("key", value, { namespace: name }));
  await temp.engine.namespaces.update(name, { historyReads: false });
  const database = new Database(temp.file, { readonly: true });
  const left = database.prepare("SELECT count(*) + (SELECT count(*) FROM past_span) FROM past");
  assert.equal(left.pluck().get(), 3);
  await waitFor("the housekeeper", () => {
    clock.advance(housekeepingMs);
    return left.get() === 0 ? true : undefined;
  });
  database.close();
  assert.equal(temp.engine.namespaces.get(name).oldest, 1n, "the log is as it was");
});

test("writes to a blocked namespace are refused with the reason, reads and others go on", async (t) => {
  const temp = await TempEngine.open(t);
  const name = "tenant" as Namespace;
  const settings = { blockWrites: true, blockReason: "moving house" };
  await temp.engine.namespaces.create(name, settings);
  const outcome = await temp.put("key", "1", { namespace: name });
  assert.ok(outcome.kind === "refused");
  assert.equal(outcome.refusal.kind, "namespace-blocked");
  assert.match(outcome.refusal.message, /moving house/);
  assert.equal(await temp.get("key", { namespace: name }), undefined);
  okOf(await temp.put("key", "1"));
});

test("where reads are blocked, no write tells what is stored, and writes go on", async (t) => {
  const temp = await TempEngine.open(t);
  const name = "tenant" as Namespace;
  okOf(await temp.put("key", "secret", { namespace: name }));
  await temp.engine.namespaces.update(name, { blockReads: true });
  const get = { kind: "get", key: keyOf("key") } as const;
  const body = { compares: [], success: [], failure: [get] };
  const span = { kind: "key", key: keyOf("key") } as const;
  const asking: readonly Operation[] = [
    get,
    { kind: "txn", body },
    { ...putOf("key", "new"), returnPrevious: true },
    { kind: "delete", span, returnPrevious: true },
  ];
  for (const operation of asking) {
    const commit = (): ReturnType<TempEngine["commit"]> =>
      temp.commit([operation], { namespace: name });
    assert.equal(await refusalOf(commit), "namespace-blocked", operation.kind);
  }
  okOf(await temp.put("key", "new", { namespace: name }));
  await temp.engine.namespaces.update(name, { blockReads: false });
  assert.equal((await temp.get("key", { namespace: name }))?.version, 2n);
});

test("what a namespace holds is counted with every change, in keys and in bytes", async (t) => {
  const temp = await TempEngine.open(t);
  const usage = (): unknown => {
    const { keys, liveBytes } = temp.engine.namespaces.get("test" as Namespace);
    return [keys, liveBytes];
  };
  await temp.put("a", "12345");
  assert.deepEqual(usage(), [1, 6]);
  await temp.put("a", "1");
  await temp.put("bb", "22");
  assert.deepEqual(usage(), [2, 6]);
  const span = { kind: "range", range: { start: new Uint8Array(0), end: undefined } } as const;
  await temp.commit([{ kind: "delete", span, returnPrevious: false }]);
  assert.deepEqual(usage(), [0, 0]);
});

test("namespaces are listed in the order of their names, a page at a time", async (t) => {
  const temp = await TempEngine.open(t);
  const names = ["a", "b-2", "b_1", "c", "z9"];
  for (const namespace of [...names].reverse()) await temp.put("key", "1", { namespace });
  const seen: string[] = [];
  for (let after = "", more = true; more; ) {
    const page = temp.engine.namespaces.list({ after, rowsMax: 2 });
    seen.push(...page.map(({ name }) => name));
    after = seen.at(-1) ?? "";
    more = page.length > 0;
  }
  assert.deepEqual(seen, names);
  assert.throws(
    () => temp.engine.namespaces.get("none" as Namespace),
    (error) => kindOf(error) === "namespace-missing",
  );
});
