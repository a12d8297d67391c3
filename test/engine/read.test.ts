/** Reads of a real engine while it writes: one snapshot per scan, bounded pages, and cut snapshots. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import { batchOperationsMax, mainThreadReadKeysMax } from "../../src/storage/limits.js";
import type { Entry, Revision } from "../../src/storage/model.js";
import {
  keyOf,
  kindOf,
  okOf,
  patient,
  putOf,
  TempEngine,
  testNamespace,
  textOf,
  wholePage,
} from "../support/temp-engine.js";

const batch = 500;

function nameOf(index: number): string {
  return `key-${String(index).padStart(5, "0")}`;
}

/** `count` keys, each with its round as its value, in one revision. */
async function fill(temp: TempEngine, count: number, value: string): Promise<void> {
  const puts = Array.from({ length: count }, (_none, index) => putOf(nameOf(index), value));
  okOf(await temp.commit(puts));
}

/** Writes the whole batch again and again until it is stopped; tells how often. */
function keepFilling(
  temp: TempEngine,
  valueBytes: number,
): { readonly stop: () => Promise<number> } {
  const stopped = new AbortController();
  const rounds = (async (): Promise<number> => {
    let round = 0;
    do await fill(temp, batch, String(++round).repeat(valueBytes));
    while (!stopped.signal.aborted);
    return round;
  })();
  return {
    stop: () => {
      stopped.abort();
      return rounds;
    },
  };
}

function valuesOf(entries: readonly (Entry | undefined)[]): string[] {
  return [...new Set(entries.map((entry) => (entry ? textOf(entry.value) : "none")))];
}

test("a scan shows one moment, however much is written while it is read", async (t) => {
  const temp = await TempEngine.open(t, { options: { readerThreads: 2 } });
  await fill(temp, batch, "0".repeat(2_000));
  const writer = keepFilling(temp, 2_000);
  for (let scan = 0; scan < 5; scan++) {
    const { entries, revisions } = await temp.scan({ reverse: scan % 2 === 1 });
    assert.deepEqual([entries.length, valuesOf(entries).length, revisions.length], [batch, 1, 1]);
  }
  assert.ok((await writer.stop()) > 0);
});

test("a batch of keys is read at one moment, on this thread or on another", async (t) => {
  const temp = await TempEngine.open(t);
  const counts = [2, mainThreadReadKeysMax, mainThreadReadKeysMax + 1, batch];
  await fill(temp, batch, "0");
  const writer = keepFilling(temp, 1);
  for (const count of counts.flatMap((count) => [count, count, count])) {
    const keys = Array.from({ length: count }, (_none, index) => keyOf(nameOf(index)));
    const read = { keys, at: undefined, keysOnly: false };
    const { entries } = await temp.engine.get(testNamespace, read, patient);
    assert.deepEqual([entries.length, valuesOf(entries).length], [count, 1]);
  }
  assert.ok((await writer.stop()) > 0);
});

test("reading only keys gives no values, from the file and from the cache", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", "value");
  const keysOnly = async (): Promise<Entry | undefined> => {
    const read = { keys: [keyOf("a")], at: undefined, keysOnly: true };
    return (await temp.engine.get(testNamespace, read, patient)).entries[0];
  };
  assert.equal((await keysOnly())?.value.length, 0);
  assert.equal(await temp.text("a"), "value");
  assert.equal(await temp.text("a"), "value");
  assert.equal((await keysOnly())?.value.length, 0);
  assert.equal(await temp.text("a"), "value");
  assert.equal((await temp.list({ keysOnly: true })).entries[0]?.value.length, 0);
});

test("a revision that is not the present one is refused, and the present one is not", async (t) => {
  const temp = await TempEngine.open(t);
  await temp.put("a", "1");
  await temp.put("a", "2");
  const at = async (revision: bigint): Promise<string> => {
    const read = { keys: [keyOf("a")], at: revision as Revision, keysOnly: false };
    try {
      const { entries } = await temp.engine.get(testNamespace, read, patient);
      return valuesOf(entries).join();
    } catch (error) {
      return kindOf(error);
    }
  };
  const answers = ["history-off", "2", "revision-in-future"];
  assert.deepEqual([await at(1n), await at(2n), await at(3n)], answers, "from the file");
  await temp.text("a");
  assert.deepEqual([await at(1n), await at(2n), await at(3n)], answers, "from the cache");
  const read = { ...wholePage, at: 3n as Revision };
  await assert.rejects(temp.list(read), { kind: "revision-in-future" });
  await assert.rejects(temp.list({ ...read, at: 1n as Revision }), { kind: "history-off" });
});

test("a snapshot that its reader left alone is cut, and pins the WAL no longer", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock, options: { snapshotIdleMsMax: 1_000 } });
  for (let index = 0; index < 4; index++) await temp.put(nameOf(index), "x".repeat(200_000));
  const pages = temp.scanPages();
  await pages.next();
  assert.deepEqual(
    temp.engine.maintenance.wal().snapshots.map(({ owner, namespace, revision }) => {
      return [owner, namespace, revision];
    }),
    [["test", testNamespace, 4n]],
  );
  await temp.put("later", "x".repeat(200_000));
  const pinned = await temp.engine.maintenance.checkpoint("passive");
  assert.equal(pinned.outcome, "PARTIAL");
  assert.equal(pinned.pinnedBy?.owner, "test");
  clock.advance(2_000);
  assert.deepEqual(temp.engine.maintenance.wal().snapshots, []);
  await assert.rejects(
    async () => {
      await pages.next();
    },
    { name: "EngineError", kind: "snapshot-expired" },
  );
  const free = await temp.engine.maintenance.checkpoint("truncate");
  assert.deepEqual([free.outcome, free.walBytesAfter], ["TRUNCATED", 0]);
});

test("a scan that is ended early lets go of its snapshot", async (t) => {
  const temp = await TempEngine.open(t);
  await fill(temp, 2_000, "x".repeat(500));
  const pages = temp.scanPages();
  await pages.next();
  assert.equal(temp.engine.maintenance.wal().snapshots.length, 1);
  await pages.return?.();
  assert.equal(temp.engine.maintenance.wal().snapshots.length, 0);
});

test("a scan whose caller has gone, or is out of time, stops between two pages", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  await fill(temp, 2_000, "x".repeat(500));
  let gone = false;
  const left = temp.scanPages({}, { call: { ...patient, cancelled: () => gone } });
  const late = temp.scanPages({}, { call: { ...patient, deadlineMs: clock.wallMs() + 50 } });
  await left.next();
  await late.next();
  gone = true;
  clock.advance(50);
  await assert.rejects(left.next(), { kind: "cancelled" });
  await assert.rejects(late.next(), { kind: "deadline" });
  assert.equal(temp.engine.maintenance.wal().snapshots.length, 0);
});

test("a list walks a range in pages, and counts all of it on any of them", async (t) => {
  const temp = await TempEngine.open(t);
  await fill(temp, 2_500, "value");
  const seen: string[] = [];
  for (let after: Uint8Array | undefined, more = true; more; ) {
    const page = await temp.list({ rowsMax: 1_000, after, count: true });
    assert.equal(page.count, 2_500);
    seen.push(...page.entries.map(({ key }) => textOf(key)));
    after = page.entries.at(-1)?.key;
    more = page.more;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 2_500 }, (_none, index) => nameOf(index)),
  );
});

test("keys of all bytes are found, listed in byte order and told apart", async (t) => {
  const temp = await TempEngine.open(t);
  const keys = [[0], [0, 0], [0, 255], [97], [255], [255, 0], [255, 255]].map((bytes) => {
    return Uint8Array.from(bytes);
  });
  okOf(await temp.commit([...keys].reverse().map((key) => putOf(key, key))));
  for (const key of keys) {
    assert.deepEqual(new Uint8Array((await temp.get(key))?.value ?? []), key);
  }
  const { entries } = await temp.list();
  assert.deepEqual(
    entries.map(({ key }) => new Uint8Array(key)),
    keys,
  );
});

test("as many keys as a batch may ask for come back in the order they were asked", async (t) => {
  const temp = await TempEngine.open(t);
  await fill(temp, 100, "1");
  const keys = Array.from({ length: batchOperationsMax }, (_none, index) => keyOf(nameOf(index)));
  const read = { keys, at: undefined, keysOnly: false };
  const { entries } = await temp.engine.get(testNamespace, read, patient);
  assert.deepEqual(
    [entries.length, entries.filter((entry) => entry !== undefined).length],
    [batchOperationsMax, 100],
  );
});

test("a clock that steps back revives nothing", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  okOf(await temp.commit([putOf("mortal", "1", { kind: "after", ttlMs: 1_000 })]));
  assert.equal(await temp.text("mortal"), "1");
  clock.advance(999);
  assert.equal(await temp.text("mortal"), "1");
  clock.advance(1);
  assert.equal(await temp.get("mortal"), undefined);
  clock.stepWall(-60_000);
  assert.equal(await temp.get("mortal"), undefined);
  assert.deepEqual((await temp.list({ count: true })).count, 0);
});
