/** What many callers at once may rely on: each request wholly, once, in one order, on disk. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { batchOperationsMax, changesPerRequestMax } from "../../src/storage/limits.js";
import type { Compare, Header, TxnResult } from "../../src/storage/model.js";
import type { Outcome } from "../../src/storage/storage-engine.js";
import {
  keyOf,
  okOf,
  patient,
  putOf,
  refusalOf,
  TempEngine,
  textOf,
} from "../support/temp-engine.js";

const clients = 10;
const roundsEach = 100;
const total = BigInt(clients * roundsEach);

type Counting = (temp: TempEngine) => Promise<void>;

function modRevisionIs(key: string, value: bigint): Compare {
  const span = { kind: "key", key: keyOf(key) } as const;
  return { span, relation: "equal", operand: { of: "mod-revision", value } };
}

/** Reads, and writes one more if nobody else was faster; else again. */
async function countByCompare(temp: TempEngine): Promise<void> {
  for (;;) {
    const entry = await temp.get("counter");
    const next = BigInt(entry === undefined ? "0" : textOf(entry.value)) + 1n;
    const compares = [modRevisionIs("counter", entry?.modRevision ?? 0n)];
    if (okOf(await temp.commit([putOf("counter", `${next}`)], { compares })).value.succeeded)
      return;
  }
}

const ways: readonly { readonly by: string; readonly count: Counting }[] = [
  { by: "comparing and setting", count: countByCompare },
  {
    by: "incrementing",
    count: async (temp) => {
      okOf(await temp.increment("counter", 1n));
    },
  },
  {
    by: "incrementing in a nested transaction",
    count: async (temp) => {
      const increment = {
        kind: "increment",
        key: keyOf("counter"),
        delta: 1n,
        initial: 0n,
      } as const;
      const body = { compares: [], success: [increment], failure: [] };
      okOf(await temp.commit([{ kind: "txn", body }]));
    },
  },
];

for (const { by, count } of ways) {
  test(`${String(clients)} clients that count by ${by} reach exactly the total`, async (t) => {
    const temp = await TempEngine.open(t);
    await Promise.all(
      Array.from({ length: clients }, async () => {
        for (let round = 0; round < roundsEach; round++) await count(temp);
      }),
    );
    assert.equal(await temp.text("counter"), `${total}`);
    assert.equal((await temp.get("counter"))?.version, total);
    assert.equal((await temp.head()).revision, total);
  });
}

test("a request that fails changes nothing, and nothing of the others in its group", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.put("text", "no number"));
  const bad = [
    { kind: "increment", key: keyOf("text"), delta: 1n, initial: 0n },
    { kind: "rename", from: keyOf("none"), to: keyOf("other"), overwrite: false },
  ] as const;
  const asked = Array.from({ length: 20 }, (_none, index) => {
    const failing = bad[index % 3];
    const own = putOf(`key-${String(index)}`, "1");
    return temp.commit(failing === undefined ? [own] : [own, failing]);
  });
  const outcomes = await Promise.all(asked);
  const kept = outcomes.flatMap((outcome, index) => (outcome.kind === "ok" ? [index] : []));
  assert.deepEqual(
    kept,
    outcomes.map((_outcome, index) => index).filter((index) => index % 3 === 2),
  );
  const { entries } = await temp.list();
  assert.equal(entries.length, kept.length + 1);
  assert.equal((await temp.head()).revision, BigInt(kept.length + 1));
});

test("revisions are dense in the order of the answers, whatever was refused between", async (t) => {
  const temp = await TempEngine.open(t);
  const outcomes = await Promise.all(
    Array.from({ length: 300 }, (_none, index) => {
      return index % 4 === 0 ? temp.delete("none") : temp.put(`key-${String(index % 7)}`, "1");
    }),
  );
  const changed = outcomes.filter((_outcome, index) => index % 4 !== 0).map(revisionOf);
  assert.deepEqual(
    changed,
    changed.map((_revision, index) => BigInt(index + 1)),
  );
  const unchanged = outcomes.filter((_outcome, index) => index % 4 === 0).map(revisionOf);
  assert.deepEqual(
    unchanged,
    [...unchanged].sort((a, b) => Number(a - b)),
  );
});

function revisionOf(outcome: Outcome<TxnResult>): Header["revision"] {
  return okOf(outcome).header.revision;
}

test("what a caller was told is what it reads next, among many callers", async (t) => {
  const temp = await TempEngine.open(t, { options: { readerThreads: 2 } });
  await Promise.all(
    Array.from({ length: 40 }, async (_none, client) => {
      const key = `client-${String(client % 8)}-${String(client)}`;
      for (let round = 0; round < 15; round++) {
        const revision = revisionOf(await temp.put(key, String(round)));
        assert.equal(await temp.text(key), String(round));
        const range = { start: keyOf(key), end: keyOf(`${key}\u0001`) };
        const page = await temp.list({ range });
        assert.equal(textOf(page.entries[0]?.value ?? new Uint8Array()), String(round));
        assert.ok(page.header.revision >= revision);
      }
    }),
  );
});

test("versions and revisions of a key are counted as etcd counts them", async (t) => {
  const temp = await TempEngine.open(t);
  const facts = async (): Promise<unknown> => {
    const entry = await temp.get("a");
    return entry && [entry.version, entry.createRevision, entry.modRevision];
  };
  await temp.put("a", "1");
  assert.deepEqual(await facts(), [1n, 1n, 1n]);
  await temp.put("other", "1");
  await temp.put("a", "2");
  assert.deepEqual(await facts(), [2n, 1n, 3n]);
  await temp.delete("a");
  assert.deepEqual(await facts(), undefined);
  await temp.put("a", "3");
  assert.deepEqual(await facts(), [1n, 5n, 5n]);
  await temp.commit([putOf("a", "4"), putOf("a", "5")]);
  assert.deepEqual(await facts(), [2n, 5n, 6n]);
  const rename = { kind: "rename", from: keyOf("a"), to: keyOf("b"), overwrite: false } as const;
  await temp.commit([rename]);
  const renamed = await temp.get("b");
  assert.deepEqual(
    [renamed?.version, renamed?.createRevision, renamed?.modRevision, await facts()],
    [1n, 7n, 7n, undefined],
  );
});

test("a batch of as many operations as may be asked for is one revision", async (t) => {
  const temp = await TempEngine.open(t);
  const batch = Array.from({ length: batchOperationsMax }, (_none, index) => {
    return putOf(`key-${String(index).padStart(6, "0")}`, "1");
  });
  assert.equal(revisionOf(await temp.commit(batch)), 1n);
  assert.equal((await temp.list({ rowsMax: 0, count: true })).count, batchOperationsMax);
});

test("a range of more keys than one request may change is refused whole", async (t) => {
  const temp = await TempEngine.open(t, { options: { synchronous: "OFF" } });
  const perBatch = 20_000;
  for (let at = 0; at <= changesPerRequestMax; at += perBatch) {
    const count = Math.min(perBatch, changesPerRequestMax + 1 - at);
    const batch = Array.from({ length: count }, (_none, index) => {
      return putOf(Buffer.from((at + index).toString(16).padStart(6, "0")), "");
    });
    okOf(await temp.commit(batch));
  }
  const everything = { start: new Uint8Array(0), end: undefined };
  const span = { kind: "range", range: everything } as const;
  const all = { kind: "delete", span, returnPrevious: false } as const;
  const before = (await temp.head()).revision;
  assert.equal(await refusalOf(() => temp.commit([all])), "limit-exceeded");
  assert.equal((await temp.head()).revision, before);
});

test("a full queue refuses before it lets anybody wait, and serves again when it is empty", async (t) => {
  const temp = await TempEngine.open(t, { options: { writeQueueRequestsMax: 5 } });
  const asked = Array.from({ length: 20 }, () => refusalOf(() => temp.increment("counter", 1n)));
  const ends = await Promise.all(asked);
  assert.deepEqual([...new Set(ends)].sort(), ["ok", "overloaded"]);
  const counted = BigInt(ends.filter((end) => end === "ok").length);
  assert.equal(await temp.text("counter"), `${counted}`);
  okOf(await temp.increment("counter", 1n));
});

test("who goes away before the group is sent is withdrawn, and the write does not happen", async (t) => {
  const temp = await TempEngine.open(t);
  const first = temp.put("first", "1");
  let gone = false;
  const left = refusalOf(() =>
    temp.put("left", "1", { call: { ...patient, cancelled: () => gone } }),
  );
  const late = refusalOf(() =>
    temp.put("late", "1", { call: { ...patient, deadlineMs: temp.clock.wallMs() + 5 } }),
  );
  gone = true;
  const blockedUntil = temp.clock.wallMs() + 20;
  while (temp.clock.wallMs() < blockedUntil);
  okOf(await first);
  assert.deepEqual([await left, await late], ["cancelled", "deadline"]);
  assert.deepEqual([await temp.get("left"), await temp.get("late")], [undefined, undefined]);
  assert.equal((await temp.head()).revision, 1n);
});
