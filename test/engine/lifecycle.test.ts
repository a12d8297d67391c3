/** From one start to the next: what stays, what grows, what a stop waits for and leaves behind. */
import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, statSync, writeSync } from "node:fs";
import { test } from "node:test";
import { okOf, refusalOf, TempEngine } from "../support/temp-engine.js";

test("a new store serves, and after a clean stop there are no WAL files", async (t) => {
  const temp = await TempEngine.open(t);
  const { maintenance } = temp.engine;
  assert.equal(maintenance.status().state, "serving");
  assert.equal(maintenance.status().recovery.createdNew, true);
  okOf(await temp.put("a", "1"));
  assert.ok(statSync(temp.walFile).size > 0);
  await temp.close();
  assert.deepEqual(
    ["-wal", "-shm"].map((suffix) => existsSync(temp.file + suffix)),
    [false, false],
  );
  assert.deepEqual(temp.faults, []);
});

test("the store keeps its id, its node and its revisions; each start has a higher epoch", async (t) => {
  const temp = await TempEngine.open(t);
  const headers = [];
  for (let start = 0; start < 3; start++) {
    if (start > 0) await temp.reopen();
    for (let write = 0; write < 5; write++) {
      headers.push(okOf(await temp.put(`key-${String(write)}`, String(start))).header);
    }
  }
  assert.deepEqual(
    headers.map(({ revision }) => revision),
    Array.from({ length: 15 }, (_none, index) => BigInt(index + 1)),
  );
  assert.deepEqual([...new Set(headers.map(({ epoch }) => epoch))], [1n, 2n, 3n]);
  assert.equal(new Set(headers.map(({ storeId, nodeId }) => `${storeId} ${nodeId}`)).size, 1);
  assert.equal(await temp.text("key-4"), "2");
  assert.equal((await temp.head()).revision, 15n);
});

test("a clean stop is told from any other at the next start", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", "1");
  await temp.reopen();
  const { recovery } = temp.engine.maintenance.status();
  assert.deepEqual(
    [recovery.unclean, recovery.createdNew, recovery.walBytesFound, recovery.recoveriesTotal],
    [false, false, 0, 0],
  );
});

test("a stop answers everybody who was let in, and refuses who comes later", async (t) => {
  const temp = await TempEngine.open(t);
  const written = Array.from({ length: 200 }, (_none, index) => {
    return temp.put(`key-${String(index)}`, "x".repeat(1_000));
  });
  const closed = temp.close();
  assert.equal(await refusalOf(() => temp.put("late", "1")), "draining");
  const outcomes = await Promise.all(written);
  for (const outcome of outcomes) okOf(outcome);
  await closed;
  await temp.start({});
  const page = await temp.list({ count: true });
  assert.equal(page.count, 200);
});

test("closing twice, or from two sides at once, is one stop", async (t) => {
  const temp = await TempEngine.open(t);
  await Promise.all([temp.engine.close(), temp.engine.close()]);
  await temp.engine.close();
  await temp.start({});
  okOf(await temp.put("a", "1"));
});

test("a second engine on the same directory is refused, and the first goes on", async (t) => {
  const temp = await TempEngine.open(t);
  await assert.rejects(temp.start({}), { name: "OpenError", kind: "locked" });
  okOf(await temp.put("a", "1"));
});

test("a start that the first connection refuses lets go of the directory", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.put("a", "1"));
  await temp.close();
  // The header stays as it is, so the files pass; the schema behind it cannot be read.
  const database = openSync(temp.file, "r+");
  writeSync(database, Buffer.alloc(4_096 - 100, 0xff), 0, 4_096 - 100, 100);
  closeSync(database);
  for (let start = 0; start < 2; start++) {
    await assert.rejects(temp.start({}), { name: "OpenError", kind: "damaged" });
  }
});

test("a drained engine takes work again after it was resumed", async (t) => {
  const temp = await TempEngine.open(t);
  const states: string[] = [];
  temp.engine.maintenance.onState((state, reason) => {
    states.push(`${state}: ${reason}`);
  });
  temp.engine.maintenance.drain("an operator asked");
  assert.equal(await refusalOf(() => temp.put("a", "1")), "draining");
  assert.equal(temp.engine.maintenance.status().state, "draining");
  temp.engine.maintenance.resume();
  okOf(await temp.put("a", "1"));
  assert.deepEqual(states, ["draining: an operator asked", "serving: resumed"]);
});

test("a scan that is open when the store closes ends, and says why", async (t) => {
  const temp = await TempEngine.open(t);
  for (let index = 0; index < 3; index++) {
    await temp.put(`key-${String(index)}`, "x".repeat(200_000));
  }
  const pages = temp.scanPages();
  assert.equal((await pages.next()).done, false);
  await temp.close();
  await assert.rejects(pages.next(), { name: "EngineError", kind: "snapshot-expired" });
});

test("all pragmas of every connection read back as configured", async (t) => {
  const temp = await TempEngine.open(t, { options: { readerThreads: 2 } });
  const { connections } = await temp.engine.maintenance.pragmas();
  assert.deepEqual(
    connections.map(({ thread }) => thread),
    ["writer", "main", "reader-1", "reader-2"],
  );
  const drifted = connections.flatMap(({ name, pragmas }) => {
    return pragmas.filter(({ drift }) => drift).map((pragma) => `${name} ${pragma.name}`);
  });
  assert.deepEqual(drifted, []);
});
