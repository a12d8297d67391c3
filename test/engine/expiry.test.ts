/** What has run out is gone for callers at once, and from the file soon after, whatever stands by. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { ManualClock } from "../../src/foundation/clock.js";
import {
  batchOperationsMax,
  endedRowsPerRead,
  expiryKeysPerCommit,
  expiryRestMsMax,
  housekeepingMs,
  leaseKeysMax,
} from "../../src/storage/limits.js";
import type { Entry, LeaseId, Namespace } from "../../src/storage/model.js";
import { okOf, putOf, refusalOf, TempEngine, textOf } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

const ttlMs = 60_000;
const mortal = { kind: "after", ttlMs } as const;

async function openScene(
  t: Parameters<typeof TempEngine.open>[0],
): Promise<{ readonly clock: ManualClock; readonly temp: TempEngine }> {
  const clock = new ManualClock();
  return { clock, temp: await TempEngine.open(t, { clock }) };
}

/** Lets time pass until the namespace holds this many rows, run out or not. */
async function untilKeys(
  { clock, temp }: { readonly clock: ManualClock; readonly temp: TempEngine },
  namespace: string,
  keys: number,
): Promise<void> {
  await waitFor(`${String(keys)} keys in ${namespace}`, () => {
    clock.advance(expiryRestMsMax);
    return temp.engine.namespaces.get(namespace as Namespace).keys === keys ? true : undefined;
  });
}

test("keys that end together are gone at once, and leave the file in slices", async (t) => {
  const scene = await openScene(t);
  const { clock, temp } = scene;
  const count = expiryKeysPerCommit * 2 + 1;
  okOf(await temp.commit(Array.from({ length: count }, (_n, i) => putOf(String(i), "1", mortal))));
  okOf(await temp.put("stays", "1"));
  clock.advance(ttlMs);
  const page = await temp.list({ count: true });
  assert.deepEqual([page.entries.length, page.count], [1, 1]);
  await untilKeys(scene, "test", 1);
  assert.equal((await temp.head()).revision, 2n + 3n);
});

test("a lease and all its keys end as one revision, and one kept alive does not", async (t) => {
  const scene = await openScene(t);
  const { clock, temp } = scene;
  const [ends, lives] = [1n as LeaseId, 2n as LeaseId];
  for (const leaseId of [ends, lives]) {
    okOf(await temp.commit([{ kind: "lease-grant", leaseId, ttlMs }]));
    const bound = ["a", "b", "c"].map((key) => {
      return putOf(`${String(leaseId)}-${key}`, "1", { kind: "lease", leaseId });
    });
    okOf(await temp.commit(bound));
  }
  const before = (await temp.head()).revision;
  clock.advance(ttlMs - 1);
  okOf(await temp.commit([{ kind: "lease-keep-alive", leaseId: lives }]));
  clock.advance(1);
  assert.equal(await temp.get("1-a"), undefined);
  assert.equal(await temp.text("2-a"), "1");
  await untilKeys(scene, "test", 3);
  assert.equal((await temp.head()).revision, before + 1n);
  const put = putOf("late", "1", { kind: "lease", leaseId: ends });
  assert.equal(await refusalOf(() => temp.commit([put])), "lease-not-found");
});

test("a namespace whose writes are blocked keeps nobody else from being swept, nor itself", async (t) => {
  const scene = await openScene(t);
  const { clock, temp } = scene;
  const blocked = "blocked" as Namespace;
  okOf(await temp.commit([putOf("a", "1", mortal)], { namespace: blocked }));
  okOf(await temp.commit([putOf("a", "1", mortal)]));
  await temp.engine.namespaces.update(blocked, { blockWrites: true });
  clock.advance(ttlMs);
  assert.equal(
    await refusalOf(() => temp.delete("a", { namespace: blocked })),
    "namespace-blocked",
  );
  await untilKeys(scene, "test", 0);
  await untilKeys(scene, blocked, 0);
});

test("a sweep that is refused is tried again after a rest, not at once", async (t) => {
  const { clock, temp } = await openScene(t);
  okOf(await temp.commit([putOf("a", "1", mortal)]));
  temp.engine.maintenance.drain("an operator asked");
  clock.advance(ttlMs);
  const refused = (): number => temp.log.of("expiry.sweep-refused").length;
  await waitFor("the first refusal", () => {
    if (refused() > 0) return true;
    clock.advance(expiryRestMsMax);
    return undefined;
  });
  const before = refused();
  for (let step = 0; step < 10; step++) {
    clock.advance(expiryRestMsMax / 10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(refused() - before <= 1, `${String(refused() - before)} refusals in one rest`);
  temp.engine.maintenance.resume();
});

test("what a deleted namespace has left is made way with when its time ends, before others wait", async (t) => {
  const { clock, temp } = await openScene(t);
  const dead = "dead" as Namespace;
  const count = expiryKeysPerCommit * 3;
  const leaseId = 1n as LeaseId;
  const sooner = { kind: "after", ttlMs: expiryRestMsMax } as const;
  const puts = Array.from({ length: count }, (_none, at) => putOf(String(at), "1", sooner));
  okOf(await temp.commit(puts, { namespace: dead }));
  const grant = { kind: "lease-grant", leaseId, ttlMs: expiryRestMsMax } as const;
  okOf(await temp.commit([grant], { namespace: dead }));
  okOf(await temp.commit([putOf("later", "1", { kind: "after", ttlMs: expiryRestMsMax * 2 })]));
  await temp.engine.namespaces.delete(dead);
  // Not far enough for housekeeping, which would purge by itself.
  await waitFor("the later key to be swept", () => {
    clock.advance(expiryRestMsMax / 100);
    return temp.engine.namespaces.get("test" as Namespace).keys === 0 ? true : undefined;
  });
  assert.ok(clock.monotonicMs() < housekeepingMs, "housekeeping has not looked yet");
  assert.deepEqual(temp.log.of("expiry.sweep-refused"), []);
  const file = new Database(temp.file, { readonly: true });
  t.after(() => file.close());
  const rows = ["kv", "lease"].map((table) =>
    file.prepare(`SELECT count(*) FROM ${table}`).pluck(),
  );
  assert.deepEqual(
    rows.map((statement) => statement.get()),
    [0, 0],
  );
});

test("a lease takes as many keys as may end in one commit, and no more", async (t) => {
  const { clock, temp } = await openScene(t);
  const leaseId = 1n as LeaseId;
  const expiry = { kind: "lease", leaseId } as const;
  okOf(await temp.commit([{ kind: "lease-grant", leaseId, ttlMs }]));
  for (let from = 0; from < leaseKeysMax; from += batchOperationsMax) {
    const puts = Array.from({ length: batchOperationsMax }, (_none, at) =>
      putOf(`k${String(from + at)}`, "1", expiry),
    );
    okOf(await temp.commit(puts));
  }
  const oneMore = putOf("more", "1", expiry);
  assert.equal(await refusalOf(() => temp.commit([oneMore])), "limit-exceeded");
  // What is bound already may be written again, and what goes makes room, in one request too.
  okOf(await temp.commit([putOf("k0", "2", expiry)]));
  okOf(await temp.commit([putOf("k1", "2"), oneMore]));
  assert.equal(await refusalOf(() => temp.commit([putOf("k1", "1", expiry)])), "limit-exceeded");
  okOf(await temp.delete("k2"));
  okOf(await temp.commit([putOf("k1", "1", expiry)]));
  await temp.reopen();
  assert.equal(await refusalOf(() => temp.commit([putOf("k2", "1", expiry)])), "limit-exceeded");
  const before = (await temp.head()).revision;
  clock.advance(ttlMs);
  await untilKeys({ clock, temp }, "test", 0);
  assert.equal((await temp.head()).revision, before + 1n);
});

test("what lies behind many keys that have run out is found, whatever stands in the way", async (t) => {
  const { clock, temp } = await openScene(t);
  for (let from = 0; from <= endedRowsPerRead; from += batchOperationsMax) {
    const puts = Array.from({ length: batchOperationsMax }, (_none, at) =>
      putOf(`m${String(from + at)}`, "1", mortal),
    );
    okOf(await temp.commit(puts));
  }
  okOf(await temp.commit([putOf("a", "1"), putOf("z", "1")]));
  // The wall alone: no timer notices, so nothing is swept and all of them stay in the way.
  clock.stepWall(ttlMs);
  const keysOf = (entries: readonly Entry[]): string[] => entries.map(({ key }) => textOf(key));
  for (const reverse of [false, true]) {
    const [near, far] = reverse ? ["z", "a"] : ["a", "z"];
    const first = await temp.list({ reverse, count: true });
    assert.deepEqual([keysOf(first.entries), first.more, first.count], [[near], true, 2]);
    const second = await temp.list({ reverse, after: first.entries[0]?.key });
    assert.deepEqual([keysOf(second.entries), second.more], [[far], false]);
    assert.deepEqual(keysOf((await temp.scan({ reverse })).entries), [near, far]);
  }
  assert.deepEqual(temp.engine.maintenance.wal().snapshots, []);
});
