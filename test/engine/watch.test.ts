/** A watch on a real engine: from the log, live, where the two meet, and how it ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { ManualClock } from "../../src/foundation/clock.js";
import { EngineError } from "../../src/storage/errors.js";
import {
  watchBlockedMsMax,
  watchBufferBatchesMax,
  watchResponseBytesMax,
} from "../../src/storage/limits.js";
import type { Revision } from "../../src/storage/model.js";
import type { WatchBatch, WatchEvent } from "../../src/storage/storage-engine.js";
import type { Ending } from "../support/temp-directory.js";
import { kindOf, putOf, TempEngine, testNamespace } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";
import { rangeOf, shownOf, WatchReader } from "./watch-reader.js";

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

test("a watch goes on over a restart, in a store of the same id and a later epoch", async (t) => {
  const temp = await TempEngine.open(t);
  const watch = await WatchReader.open(t, temp);
  await temp.put("a", "1");
  const first = await watch.next();
  await temp.reopen();
  assert.equal(await refusedNext(watch), "draining");
  await temp.put("a", "2");
  assert.ok(first?.kind === "batches");
  const again = await WatchReader.open(t, temp, { from: first.header.revision + 1n });
  const second = await again.next();
  assert.ok(second?.kind === "batches");
  assert.deepEqual(shownOf(second.batches), ["2 a=2"]);
  assert.equal(second.header.storeId, first.header.storeId);
  assert.equal(second.header.epoch, first.header.epoch + 1n);
});

test("callers are answered after their change is waiting for every watcher", async (t) => {
  const temp = await TempEngine.open(t);
  const watch = await WatchReader.open(t, temp);
  const next = watch.next();
  let seen: WatchEvent | undefined;
  void next.then((event) => {
    seen = event;
  });
  await temp.put("a", "1");
  // The answer came first; the change is there without another commit.
  assert.equal(seen, undefined);
  assert.equal((await next)?.kind, "batches");
});

test("a commit of many keys comes whole, in the order of the keys, whatever the request's", async (t) => {
  const temp = await TempEngine.open(t);
  const watch = await WatchReader.open(t, temp);
  await temp.commit(["c", "a", "b"].map((key) => putOf(key, "x".repeat(40_000))));
  const event = await watch.next();
  assert.ok(event?.kind === "batches" && event.batches.length === 1);
  const live = event.batches[0]?.changes.map(({ key }) => String.fromCharCode(...key));
  assert.deepEqual(live, ["a", "b", "c"]);
  const again = await WatchReader.open(t, temp, { from: 1n });
  assert.deepEqual(await again.next(), event);
});

test("a range, left out kinds of change and keys alone are the same from the log and live", async (t) => {
  const temp = await TempEngine.open(t);
  const asked = [
    { range: rangeOf("b", "c") },
    { range: rangeOf("b", "c"), puts: false },
    { range: rangeOf("b", "c"), deletions: false },
    { range: rangeOf("b", undefined), keysOnly: true },
    { range: rangeOf("b", "b") },
  ];
  const live = await Promise.all(asked.map((options) => WatchReader.open(t, temp, options)));
  for (const key of ["a", "b", "b1", "c", "d"]) await temp.put(key, "v");
  for (const key of ["a", "b1", "c"]) await temp.delete(key);
  const late = await Promise.all(
    asked.map((options) => WatchReader.open(t, temp, { ...options, from: 1n })),
  );
  const expected = [
    ["2 b=v", "3 b1=v", "7 -b1"],
    ["7 -b1"],
    ["2 b=v", "3 b1=v"],
    ["2 b=", "3 b1=", "4 c=", "5 d=", "7 -b1", "8 -c"],
    [],
  ];
  await temp.put("zzz", "end");
  for (const readers of [live, late]) {
    for (const [at, reader] of readers.entries()) {
      const wanted = expected[at] ?? [];
      const found = wanted.length === 0 ? [] : shownOf(await readAll(reader, wanted.length));
      assert.deepEqual(found.slice(0, wanted.length), wanted);
    }
  }
});

test("a start above the next revision is refused, and one at it is not", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", "1");
  await assert.rejects(WatchReader.open(t, temp, { from: 3n }), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.deepEqual([error.kind, error.facts["head"]], ["revision-in-future", "1"]);
    return true;
  });
  const watch = await WatchReader.open(t, temp, { from: 2n });
  await temp.put("a", "2");
  assert.deepEqual(shownOf(await watch.through(2n)), ["2 a=2"]);
});

test("a namespace that is not there yet can be watched where a write would make it", async (t) => {
  const temp = await TempEngine.open(t);
  const watch = await WatchReader.open(t, temp, { namespace: "later" });
  await temp.put("a", "1", { namespace: "later" });
  assert.deepEqual(shownOf(await watch.through(1n)), ["1 a=1"]);
  await temp.reopen({ namespaceAutoCreate: false });
  await assert.rejects(WatchReader.open(t, temp, { namespace: "never" }), /does not exist/);
});

test("a namespace that is made again goes on above the one that was deleted", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", "1");
  const watch = await WatchReader.open(t, temp);
  await temp.engine.namespaces.delete(testNamespace);
  assert.equal(await refusedNext(watch), "namespace-missing");
  const again = await WatchReader.open(t, temp);
  await temp.put("a", "2");
  assert.deepEqual(shownOf(await again.through(3n)), ["3 a=2"]);
});

test("a watch that resumes in a namespace that was deleted and made again is told what it missed", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", "1");
  await temp.engine.namespaces.delete(testNamespace);
  await temp.engine.namespaces.create(testNamespace, {});
  for (const written of [false, true]) {
    if (written) await temp.put("b", "1");
    const resumed = await WatchReader.open(t, temp, { from: 2n });
    const event = await resumed.next();
    assert.ok(event?.kind === "compacted");
    assert.equal(event.oldest, 3n);
  }
});

test("an idle watch says where it stands, as often as it was asked to", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const watch = await WatchReader.open(t, temp, {
    range: rangeOf("quiet", "quiet0"),
    progressIntervalMs: 1_000,
  });
  await temp.put("loud", "1");
  for (const revision of [1n, 2n]) {
    const next = watch.next();
    clock.advance(1_000);
    const event = await next;
    assert.ok(event?.kind === "progress");
    assert.equal(event.header.revision, revision);
    await temp.put("loud", "again");
  }
});

test("a slow watcher whose buffer overflows reads the log again and misses nothing", async (t) => {
  const temp = await TempEngine.open(t);
  const watch = await WatchReader.open(t, temp);
  await temp.put("a", "held");
  const held = await watch.next();
  assert.ok(held?.kind === "batches");
  const count = watchBufferBatchesMax + 10;
  await Promise.all(Array.from({ length: count }, (_none, at) => temp.put("a", String(at))));
  assert.equal(await pagesRead(temp), 0);
  const batches = await watch.through(BigInt(count + 1));
  const revisions = batches.map(({ revision }) => revision);
  assert.deepEqual(
    revisions,
    Array.from({ length: count }, (_none, at) => BigInt(at + 2)),
  );
  assert.ok((await pagesRead(temp)) > 0);
});

test("a watcher that leaves changes waiting for too long is cut, with where to resume", async (t) => {
  const { clock, temp, watch } = await heldWatch(t);
  clock.advance(watchBlockedMsMax);
  assert.equal(watch.stream.ended.aborted, false, "nothing waits for it yet");
  await temp.put("a", "2");
  clock.advance(watchBlockedMsMax - 1);
  assert.equal(watch.stream.ended.aborted, false);
  clock.advance(1);
  assert.equal(watch.stream.ended.aborted, true);
  await assert.rejects(watch.next(), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.deepEqual([error.kind, error.facts["resume_revision"]], ["slow-consumer", "2"]);
    return true;
  });
  assert.equal(temp.log.of("watch.slow-consumer").length, 1);
  const again = await WatchReader.open(t, temp, { from: 2n });
  assert.deepEqual(shownOf(await again.through(2n)), ["2 a=2"]);
});

test("a watcher that comes back in time is not cut later", async (t) => {
  const { clock, temp, watch } = await heldWatch(t);
  await temp.put("a", "2");
  clock.advance(watchBlockedMsMax - 1);
  assert.deepEqual(shownOf(await watch.through(2n)), ["2 a=2"]);
  const next = watch.next();
  clock.advance(watchBlockedMsMax * 2);
  await temp.put("a", "3");
  assert.equal((await next)?.kind, "batches");
});

test("a store that drains while a change waits does not claim that the change was given", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const watch = await WatchReader.open(t, temp, { progressIntervalMs: 1_000 });
  const next = watch.next();
  await temp.put("a", "1");
  // In this turn the change is kept for the watcher, who has not been woken yet.
  temp.engine.maintenance.drain("a test");
  clock.advance(1_000);
  await assert.rejects(next, (error: unknown) => kindOf(error) === "draining");
});

test("revisions are given together up to a bound, and one that is larger is given alone", async (t) => {
  const temp = await TempEngine.open(t);
  const sizes = [10_000, 10_000, watchResponseBytesMax * 2, 10_000, 30_000, 30_000];
  for (const size of sizes) await temp.put("a", "x".repeat(size));
  const watch = await WatchReader.open(t, temp, { from: 1n });
  const together: number[][] = [];
  for (let complete = 0n; complete < BigInt(sizes.length); ) {
    const event = await watch.next();
    assert.ok(event?.kind === "batches");
    together.push(event.batches.map(({ changes }) => changes[0]?.value?.length ?? 0));
    complete = event.header.revision;
  }
  const [small, large, last] = [[10_000, 10_000], [watchResponseBytesMax * 2], [10_000, 30_000]];
  assert.deepEqual(together, [small, large, last, [30_000]]);
});

test("a watcher that is overtaken by the trimming of the log is told from where it can go on", async (t) => {
  const temp = await TempEngine.open(t);
  for (let count = 0; count < 10; count++) await temp.put("a", String(count));
  await temp.engine.maintenance.compact(testNamespace, 6n as Revision);
  const watch = await WatchReader.open(t, temp, { from: 3n });
  const event = await watch.next();
  assert.ok(event?.kind === "compacted");
  assert.deepEqual([event.oldest, event.header.revision], [7n, 2n]);
  assert.equal(await watch.next(), undefined);
  const again = await WatchReader.open(t, temp, { from: 7n });
  assert.equal((await again.through(10n)).length, 4);
});

test("a log that was trimmed to its end can still be watched from the next revision", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", "1");
  await temp.engine.maintenance.compact(testNamespace, 1n as Revision);
  const watch = await WatchReader.open(t, temp, { from: 2n });
  await temp.put("a", "2");
  assert.deepEqual(shownOf(await watch.through(2n)), ["2 a=2"]);
});

test("an aborted watch ends without an error and leaves its seat and its timers", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const timers = clock.timers;
  const watch = await WatchReader.open(t, temp, { progressIntervalMs: 1_000 });
  const next = watch.next();
  await waitFor("the timer of its progress", () => (clock.timers > timers ? true : undefined));
  watch.abort();
  assert.equal(await next, undefined);
  assert.equal(clock.timers, timers);
  assert.match(await temp.metrics.expose(), /^kvdb_watchers 0$/m);
});

test("an entry in the log that is damaged ends the watch as corrupt, and gives none of it away", async (t) => {
  const temp = await TempEngine.open(t);
  for (const value of ["1", "2", "3"]) await temp.put("a", value);
  await temp.close();
  damageLog(temp.file, 2);
  await temp.start({});
  const watch = await WatchReader.open(t, temp, { from: 1n });
  assert.equal(await refusedNext(watch), "corrupt");
});

/** Reads until at least so many changes have come. */
async function readAll(reader: WatchReader, count: number): Promise<readonly WatchBatch[]> {
  const batches: WatchBatch[] = [];
  while (shownOf(batches).length < count) {
    const event = await reader.next();
    assert.ok(event?.kind === "batches");
    batches.push(...event.batches);
  }
  return batches;
}

/** What ends the watch, after whatever was still to come. */
async function refusedNext(watch: WatchReader): Promise<string> {
  try {
    for (let event = await watch.next(); event !== undefined; ) event = await watch.next();
  } catch (error) {
    return kindOf(error);
  }
  return "no refusal";
}

/** A watcher that has the first revision in its hands and asks for nothing. */
async function heldWatch(
  t: Ending,
): Promise<{ clock: ManualClock; temp: TempEngine; watch: WatchReader }> {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const watch = await WatchReader.open(t, temp);
  await temp.put("a", "1");
  const event = await watch.next();
  assert.ok(event?.kind === "batches");
  return { clock, temp, watch };
}

async function pagesRead(temp: TempEngine): Promise<number> {
  const text = await temp.metrics.expose();
  return Number(/^kvdb_watch_log_pages_total (\d+)$/m.exec(text)?.[1] ?? "0");
}

/** One byte of the entry's payload, as a bad disk would. */
function damageLog(file: string, revision: number): void {
  const database = new Database(file);
  const row = database
    .prepare<[number], { payload: Buffer }>("SELECT payload FROM log WHERE first_rev = ?")
    .get(revision);
  assert.ok(row !== undefined);
  row.payload[row.payload.length - 1] = (row.payload.at(-1) ?? 0) ^ 1;
  database.prepare("UPDATE log SET payload = ? WHERE first_rev = ?").run(row.payload, revision);
  database.close();
}
