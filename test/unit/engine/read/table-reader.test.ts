/**
 * Ranges of a real table: both ends exact, both directions, from any key on, in pages of any size,
 * and what has run out in none of them.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import type { Rows } from "../../../../src/engine/read/page-of-rows.js";
import { TableReader } from "../../../../src/engine/read/table-reader.js";
import { batchReadBytesMax, endedRowsPerRead } from "../../../../src/storage/limits.js";
import type { Entry, Expiry, LeaseId, Operation } from "../../../../src/storage/model.js";
import { unpackEntries } from "../../../../src/storage/packed-entries.js";
import type { PageRead } from "../../../../src/storage/storage-engine.js";
import { closeKey, keyRange, narrow, recordOf } from "../../../support/arbitraries.js";
import { canonical } from "../../../support/canonical.js";
import { ModelStore } from "../../../support/model-store.js";
import { StateOnFile, startMs } from "../../../support/state-on-file.js";
import { keyOf, putOf, testNamespace, textOf, wholePage } from "../../../support/temp-engine.js";

interface Scene {
  readonly table: TableReader;
  readonly ns: number;
  readonly model: ModelStore;
  commit(...success: Operation[]): Promise<void>;
}

async function openScene(t: TestContext): Promise<Scene> {
  const store = StateOnFile.open(t);
  const model = new ModelStore();
  const commit = async (...success: Operation[]): Promise<void> => {
    const body = { compares: [], success, failure: [] };
    const requestId = undefined;
    const request = { namespace: testNamespace, principal: undefined, requestId, body };
    model.commit(request, startMs);
    await store.commit([request]);
  };
  await commit(putOf("first", "value"));
  await commit({
    kind: "delete",
    span: { kind: "key", key: keyOf("first") },
    returnPrevious: false,
  });
  const table = new TableReader(store.reader(t), { verifyChecksums: true });
  const ns = table.head(testNamespace)?.ns;
  assert.ok(ns !== undefined);
  return { table, ns, model, commit };
}

function keysOf(entries: readonly (Entry | undefined)[]): string[] {
  return entries.map((entry) => (entry === undefined ? "" : textOf(entry.key)));
}

/** A page with its entries made, as whoever looks at them does. */
function pageOf(scene: Scene, read: PageRead, nowMs: number): Rows & { readonly entries: Entry[] } {
  const page = scene.table.page(scene.table.head(testNamespace), read, nowMs);
  return { ...page, entries: unpackEntries(page.packed) as Entry[] };
}

/** Every page of the walk, each continued after the last key of the one before. */
function walk(scene: Scene, read: PageRead): Entry[][] {
  const pages: Entry[][] = [];
  let { after } = read;
  for (;;) {
    const page = pageOf(scene, { ...read, after }, startMs);
    pages.push([...page.entries]);
    assert.equal(page.rows, page.entries.length);
    assert.deepEqual(canonical(page.lastKey), canonical(page.entries.at(-1)?.key));
    if (!page.more) return pages;
    assert.ok(page.entries.length > 0, "a page that is not the last holds at least one entry");
    after = page.lastKey;
  }
}

const content = fc.uniqueArray(closeKey, {
  maxLength: 16,
  size: "max",
  selector: (key) => canonical(key),
});
const reads = recordOf({
  range: keyRange(narrow),
  reverse: fc.boolean(),
  keysOnly: fc.boolean(),
  after: fc.option(closeKey, { nil: undefined }),
  rowsMax: fc.integer({ min: 1, max: 4 }),
  bytesMax: fc.constantFrom(0, 3, 1_000),
  // Some of the content has run out by the time it is read.
  mortal: fc.boolean(),
});

test("pages of any range, direction and size are the model's, with nothing twice and no gap", async (t) => {
  const scene = await openScene(t);
  const everything = { kind: "range", range: wholePage.range } as const;
  await fc.assert(
    fc.asyncProperty(content, reads, async (keys, { mortal, ...asked }) => {
      const expiry: Expiry = mortal ? { kind: "at", atMs: startMs } : { kind: "never" };
      await scene.commit({ kind: "delete", span: everything, returnPrevious: false });
      await scene.commit(
        ...keys.map((key, index) => putOf(key, key, index % 2 === 0 ? expiry : undefined)),
      );
      const { range, after } = asked;
      // A walk goes on inside its range: a place outside it is never asked for.
      const inside =
        after !== undefined &&
        scene.model
          .page(testNamespace, { range, reverse: false, after: undefined }, 0)
          .entries.some(({ key }) => canonical(key) === canonical(after));
      const read: PageRead = {
        ...asked,
        after: inside ? after : undefined,
        at: undefined,
        count: true,
      };
      const expected = scene.model.page(testNamespace, read, startMs);
      const pages = walk(scene, read);
      assert.deepEqual(keysOf(pages.flat()), keysOf(expected.entries));
      const values = pages.flat().map(({ value }) => canonical(value));
      assert.deepEqual(
        values,
        expected.entries.map(({ value }) => canonical(read.keysOnly ? new Uint8Array() : value)),
      );
      assert.ok(pages.every((page) => page.length <= read.rowsMax));
      assert.equal(pageOf(scene, read, startMs).count, expected.count);
    }),
    { numRuns: 300 },
  );
});

test("a page ends before the entry that would exceed its bytes, and holds one however large", async (t) => {
  const scene = await openScene(t);
  await scene.commit(
    putOf("a", "x".repeat(500)),
    putOf("b", "1"),
    putOf("c", "2"),
    putOf("d", "3"),
  );
  const pages = walk(scene, { ...wholePage, bytesMax: 4 });
  assert.deepEqual(pages.map(keysOf), [["a"], ["b", "c"], ["d"]]);
});

test("a page of no rows only counts", async (t) => {
  const scene = await openScene(t);
  await scene.commit(putOf("a", "1"), putOf("b", "2"));
  const page = pageOf(scene, { ...wholePage, rowsMax: 0, count: true }, startMs);
  assert.deepEqual([page.entries, page.count], [[], 2]);
});

test("what a lease bound is neither read nor counted once the lease has run out", async (t) => {
  const scene = await openScene(t);
  const leaseId = 5n as LeaseId;
  await scene.commit({ kind: "lease-grant", leaseId, ttlMs: 10 });
  await scene.commit(putOf("bound", "1", { kind: "lease", leaseId }), putOf("free", "2"));
  const at = (nowMs: number): unknown => {
    const { entries, count } = pageOf(scene, { ...wholePage, count: true }, nowMs);
    return [keysOf(entries), count];
  };
  assert.deepEqual(at(startMs + 9), [["bound", "free"], 2]);
  assert.deepEqual(at(startMs + 10), [["free"], 1]);
});

test("several keys come from one snapshot, in the order they were asked for", async (t) => {
  const scene = await openScene(t);
  await scene.commit(putOf("a", "1"), putOf("b", "2"));
  const keys = ["b", "none", "a", "b"].map(keyOf);
  const { head, entries } = scene.table.points(testNamespace, keys, {
    keysOnly: false,
    at: undefined,
    nowMs: startMs,
  });
  assert.deepEqual(keysOf(entries), ["b", "", "a", "b"]);
  assert.equal(head?.revision, scene.model.head(testNamespace));
});

test("values that are too many bytes for one answer are refused, one key alone is not", async (t) => {
  const scene = await openScene(t);
  const value = new Uint8Array(batchReadBytesMax / 2 + 1);
  await scene.commit(putOf("a", value), putOf("b", value));
  const read = { keysOnly: false, at: undefined, nowMs: startMs };
  assert.throws(() => scene.table.points(testNamespace, ["a", "b"].map(keyOf), read), {
    kind: "limit-exceeded",
  });
  const { entries } = scene.table.points(testNamespace, [keyOf("a")], read);
  assert.equal(entries[0]?.value.length, value.length);
});

test("a namespace that does not exist has no head and no entries", async (t) => {
  const { table } = await openScene(t);
  const nowhere = "nowhere" as typeof testNamespace;
  const read = { keysOnly: false, at: undefined, nowMs: startMs };
  assert.deepEqual(table.point(nowhere, keyOf("a"), read), {
    head: undefined,
    entries: [undefined],
  });
});

test("inside a snapshot nothing of a later commit is seen", async (t) => {
  const scene = await openScene(t);
  await scene.commit(putOf("a", "before"));
  const read = { keysOnly: false, at: undefined, nowMs: startMs };
  const values: string[] = [];
  const look = (): void => {
    const [entry] = scene.table.point(testNamespace, keyOf("a"), read).entries;
    values.push(textOf(entry?.value ?? new Uint8Array()));
  };
  const done = scene.table.snapshot(() => {
    look();
    const later = scene.commit(putOf("a", "after"));
    look();
    return later;
  });
  look();
  await done;
  assert.deepEqual(values, ["before", "before", "after"]);
});

test("rows that have run out are passed over a part at a time", async (t) => {
  const scene = await openScene(t);
  const mortal = { kind: "at", atMs: startMs + 10 } as const;
  const rows = 2 * endedRowsPerRead + endedRowsPerRead / 2;
  await scene.commit(putOf("a", "1"));
  const puts = Array.from({ length: rows }, (_none, at) =>
    putOf(`m${String(at).padStart(6, "0")}`, "1", mortal),
  );
  await scene.commit(...puts);
  await scene.commit(putOf("z", "1"));
  const turns = [];
  for (let after: Uint8Array | undefined, more = true; more; ) {
    const read = { ...wholePage, after, count: true };
    const page = pageOf(scene, read, startMs + 10);
    turns.push([keysOf(page.entries), page.count]);
    ({ more } = page);
    after = page.walkedTo ?? page.lastKey;
  }
  const nothing = [[], undefined];
  assert.deepEqual(turns, [[["a"], 2], nothing, nothing, [["z"], 2]]);
});
