/**
 * What SQLite packs is what was stored, whatever the bytes are and however large the numbers; and of
 * what was damaged on the way nothing is shown as something else.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { PackedRows } from "../../../../src/engine/read/packed-rows.js";
import { RowStatements } from "../../../../src/engine/read/row-statements.js";
import { TableReader } from "../../../../src/engine/read/table-reader.js";
import { ByteWriter } from "../../../../src/engine/record/byte-writer.js";
import { rowChecksum } from "../../../../src/engine/record/row-checksum.js";
import {
  inlineValueBytesMax,
  pointsPerStatement,
} from "../../../../src/engine/sqlite/packed-row.js";
import { crc32c } from "../../../../src/foundation/crc32c.js";
import { EngineError } from "../../../../src/storage/errors.js";
import { packedRowsMax } from "../../../../src/storage/limits.js";
import type { Entry, Key, Operation } from "../../../../src/storage/model.js";
import { unpackEntries } from "../../../../src/storage/packed-entries.js";
import { anyKey, recordOf } from "../../../support/arbitraries.js";
import { canonical } from "../../../support/canonical.js";
import { StateOnFile, startMs } from "../../../support/state-on-file.js";
import { keyOf, putOf, testNamespace, textOf, wholePage } from "../../../support/temp-engine.js";

const now = { keysOnly: false, at: undefined, nowMs: startMs };

async function commit(store: StateOnFile, ...success: Operation[]): Promise<void> {
  const body = { compares: [], success, failure: [] };
  const request = { namespace: testNamespace, principal: undefined, requestId: undefined, body };
  await store.commit([request]);
}

function openTable(t: TestContext): { readonly store: StateOnFile; readonly table: TableReader } {
  const store = StateOnFile.open(t);
  return { store, table: new TableReader(store.reader(t), { verifyChecksums: true }) };
}

function pageOf(table: TableReader): Entry[] {
  const page = table.page(table.head(testNamespace), wholePage, startMs);
  return unpackEntries(page.packed) as Entry[];
}

/** Bytes that mean something in the packed form, among them. */
const marked = fc
  .array(fc.constantFrom(...Buffer.from(",;!-0123456789"), 0, 0xff, 0xc3, 0x28), { maxLength: 40 })
  .map((bytes) => Uint8Array.from(bytes));
const values = fc.oneof(
  marked,
  fc.uint8Array({ maxLength: 300 }),
  fc
    .integer({ min: inlineValueBytesMax - 2, max: inlineValueBytesMax + 2 })
    .map((bytes) => new Uint8Array(bytes).fill(7)),
);
const keys = fc.oneof(
  marked.filter((bytes) => bytes.length > 0).map((bytes) => bytes as Key),
  anyKey,
);
const rows = fc.uniqueArray(recordOf({ key: keys, value: values }), {
  maxLength: 20,
  selector: ({ key }) => canonical(key),
});

test("keys and values of any bytes come back by page, by batch and one by one", async (t) => {
  const { store, table } = openTable(t);
  const everything = { kind: "range", range: wholePage.range } as const;
  await fc.assert(
    fc.asyncProperty(rows, async (stored) => {
      await commit(store, { kind: "delete", span: everything, returnPrevious: false });
      await commit(store, ...stored.map(({ key, value }) => putOf(key, value)));
      const asked = stored.map(({ key }) => key);
      const wanted = stored.map(({ value }) => canonical(value));
      const valuesOf = (entries: readonly (Entry | undefined)[]): unknown[] =>
        entries.map((entry) => entry && canonical(entry.value));
      const byKey = [...stored].sort((a, b) => Buffer.compare(a.key, b.key));
      assert.deepEqual(
        pageOf(table).map(({ key, value }) => [canonical(key), canonical(value)]),
        byKey.map(({ key, value }) => [canonical(key), canonical(value)]),
      );
      const points = table.points(testNamespace, asked, now);
      assert.deepEqual(valuesOf(points.entries), wanted);
      const { packed } = table.packedPoints(testNamespace, asked, now);
      assert.deepEqual(unpackEntries(packed).map(canonical), points.entries.map(canonical));
      const one = asked.map((key) => table.point(testNamespace, key, now).entries[0]);
      assert.deepEqual(valuesOf(one), wanted);
    }),
    { numRuns: 150 },
  );
});

test("batches and pages of every size around what one statement takes are whole", async (t) => {
  const { store, table } = openTable(t);
  const count = packedRowsMax * 2 + 3;
  const all = Array.from({ length: count }, (_none, at) => `k${String(at).padStart(5, "0")}`);
  await commit(store, ...all.map((key) => putOf(key, key)));
  const [few, many] = pointsPerStatement;
  for (const size of [1, few - 1, few, few + 1, many - 1, many, many + 1, many + few, 3 * many]) {
    const asked = all.slice(0, size).map(keyOf);
    // Every other one is not there.
    const mixed = asked.flatMap((key) => [key, keyOf(`${textOf(key)}-absent`)]);
    const { entries } = table.points(testNamespace, mixed, now);
    assert.deepEqual(
      entries.map((entry) => entry && textOf(entry.value)),
      asked.flatMap((key) => [textOf(key), undefined]),
    );
  }
  for (const rowsMax of [
    1,
    packedRowsMax - 1,
    packedRowsMax,
    packedRowsMax + 1,
    count,
    count + 1,
  ]) {
    const page = table.page(table.head(testNamespace), { ...wholePage, rowsMax }, startMs);
    const found = unpackEntries(page.packed).map((entry) => textOf(entry?.key ?? new Uint8Array()));
    assert.deepEqual(found, all.slice(0, rowsMax));
    assert.equal(page.more, rowsMax < count);
  }
});

test("revisions above what a number can say are read exactly", async (t) => {
  const { store, table } = openTable(t);
  await commit(store, putOf("a", "1"));
  const large = 2n ** 60n + 1n;
  const value = Buffer.from("1");
  const checksum = rowChecksum(table.head(testNamespace)?.ns ?? 0, {
    key: keyOf("a"),
    createRevision: large,
    modRevision: large + 1n,
    version: large + 2n,
    expiresAtMs: undefined,
    leaseId: undefined,
    codec: 0,
    valueBytes: value.length,
    valueCrc: crc32c(value),
  });
  store.store.connection
    .prepare("UPDATE kv SET create_rev = ?, mod_rev = ?, version = ?, checksum = ?")
    .run(large, large + 1n, large + 2n, checksum);
  const [entry] = table.point(testNamespace, keyOf("a"), now).entries;
  const exact = [large, large + 1n, large + 2n];
  assert.deepEqual([entry?.createRevision, entry?.modRevision, entry?.version], exact);
  const [listed] = pageOf(table);
  assert.deepEqual([listed?.createRevision, listed?.modRevision, listed?.version], exact);
});

test("a row's checksum is that of its bytes in order, from numbers and from bigints", () => {
  const facts = recordOf({
    ns: fc.nat(),
    key: fc.oneof(anyKey, fc.uint8Array({ minLength: 5_000, maxLength: 5_001 })),
    revision: fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(-1, 2 ** 32, 2 ** 32 - 1)),
    expiresAtMs: fc.option(fc.maxSafeNat(), { nil: undefined }),
    leaseId: fc.option(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), { nil: undefined }),
    valueBytes: fc.nat(),
    valueCrc: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  });
  fc.assert(
    fc.property(facts, ({ ns, key, revision, expiresAtMs, leaseId, valueBytes, valueCrc }) => {
      const out = new ByteWriter();
      out.u32(ns);
      out.bytes(key);
      for (let time = 0; time < 3; time++) out.i64(BigInt(revision));
      out.f64(expiresAtMs ?? -1);
      out.u8(leaseId === undefined ? 0 : 1);
      out.u64(leaseId ?? 0n);
      out.u8(0);
      out.u32(valueBytes);
      out.u32(valueCrc);
      const row = { key, expiresAtMs, leaseId, codec: 0, valueBytes, valueCrc };
      const expected = crc32c(out.finish());
      const of = (r: number | bigint): number =>
        rowChecksum(ns, { ...row, createRevision: r, modRevision: r, version: r });
      assert.deepEqual([of(revision), of(BigInt(revision))], [expected, expected]);
    }),
  );
});

test("a packed row with any byte changed or cut is refused as corrupt, or says the same", async (t) => {
  const store = StateOnFile.open(t);
  await commit(store, putOf("some-key", "some value", { kind: "at", atMs: startMs + 5_000 }));
  const connection = store.reader(t);
  const head = new TableReader(connection, { verifyChecksums: true }).head(testNamespace);
  assert.ok(head !== undefined);
  const found = new RowStatements(connection).point(true, keyOf("some-key"), testNamespace);
  const packed = found?.[2];
  assert.ok(packed instanceof Uint8Array);
  const read = (bytes: Uint8Array): Entry | undefined => {
    const reading = { ns: head.ns, values: true, verify: true } as const;
    const nothing = (): undefined => undefined;
    const row = new PackedRows(bytes, { ...reading, longValue: nothing, storedKey: nothing });
    return row.next() ? row.entry() : undefined;
  };
  const whole = read(packed);
  assert.equal(textOf(whole?.value ?? new Uint8Array()), "some value");
  const same = (entry: Entry | undefined): void => {
    assert.equal(canonical(entry), canonical(whole));
  };
  const corrupt = (error: unknown): boolean =>
    error instanceof EngineError && error.kind === "corrupt";
  fc.assert(
    fc.property(
      fc.nat({ max: packed.length - 1 }),
      fc.nat({ max: 255 }),
      fc.boolean(),
      (at, byte, cut) => {
        // The first byte alone says that there is no row, and SQLite alone writes it.
        if (at === 0 && byte === "!".charCodeAt(0)) return;
        const bytes = new Uint8Array(packed);
        bytes[at] = byte;
        try {
          same(read(cut ? bytes.subarray(0, at) : bytes));
        } catch (error) {
          if (!corrupt(error)) throw error;
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
