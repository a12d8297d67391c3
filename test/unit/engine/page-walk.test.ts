/**
 * Which pages a row is on, compared with what SQLite's own table about pages says; and that no
 * damage of the file makes the search throw or go on for ever.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import { rangesText } from "../../../src/engine/integrity/page-places.js";
import { brokenPage, type PageSource, pagesOfRow } from "../../../src/engine/sqlite/page-walk.js";
import { damagePagesShownMax } from "../../../src/storage/limits.js";
import { tempDirectory } from "../../support/temp-directory.js";

const pageBytes = 4096;
const overflowMax = 1_000;
const sizes = [0, 1, 500, 4_000, 4_061, 4_062, 9_000, 40_000];
const rows = 200;

interface TreePage {
  readonly pageno: number;
  readonly pagetype: "internal" | "leaf" | "overflow";
  readonly ncell: number;
}

interface Store {
  readonly bytes: Buffer;
  readonly source: PageSource;
  readonly root: number;
  readonly pages: readonly TreePage[];
}

function storeIn(directory: string): Store {
  const file = join(directory, "pages.db");
  const database = new Database(file);
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, value BLOB)");
  const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
  for (let row = 0; row < rows; row++) {
    insert.run((row * 7_919) % 100_003, Buffer.alloc(sizes[row % sizes.length] ?? 0, row));
  }
  insert.run(-5, Buffer.alloc(3));
  insert.run(2n ** 62n, Buffer.alloc(3));
  const root = database
    .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 't'")
    .pluck()
    .get() as number;
  const pages = database
    .prepare("SELECT pageno, pagetype, ncell FROM dbstat WHERE name = 't'")
    .all() as TreePage[];
  database.close();
  const bytes = readFileSync(file);
  return { bytes, source: sourceOf(bytes), root, pages };
}

function sourceOf(bytes: Buffer): PageSource {
  return {
    pages: bytes.length / pageBytes,
    usableBytes: pageBytes,
    read: (page) => bytes.subarray((page - 1) * pageBytes, page * pageBytes),
  };
}

const ids = [
  -5n,
  2n ** 62n,
  ...Array.from({ length: rows }, (_none, row) => BigInt((row * 7_919) % 100_003)),
];

test("every row is found on a leaf of its table, and all pages of long values are named", (t) => {
  const { source, root, pages } = storeIn(tempDirectory(t));
  const found = ids.map((rowId) => pagesOfRow(source, root, { rowId, overflowMax }));
  assert.ok(found.every((place) => place?.whole === true));
  const ofKind = (kind: TreePage["pagetype"]): number[] =>
    pages.filter(({ pagetype }) => pagetype === kind).map(({ pageno }) => pageno);
  const leaves = new Map<number, number>();
  for (const place of found) {
    const leaf = place?.leaf ?? 0;
    leaves.set(leaf, (leaves.get(leaf) ?? 0) + 1);
  }
  for (const { pageno, pagetype, ncell } of pages) {
    if (pagetype === "leaf") assert.equal(leaves.get(pageno), ncell, `rows of ${String(pageno)}`);
  }
  assert.equal(leaves.size, ofKind("leaf").length);
  const overflow = found.flatMap((place) => place?.overflow ?? []);
  const ascending = (left: number, right: number): number => left - right;
  assert.deepEqual(overflow.sort(ascending), ofKind("overflow").sort(ascending));
});

test("a row that is not there has no page, and a chain that is too long is named in part", (t) => {
  const { source, root } = storeIn(tempDirectory(t));
  assert.equal(pagesOfRow(source, root, { rowId: 999_999n, overflowMax }), undefined);
  const long = ids.find((rowId) => {
    return (pagesOfRow(source, root, { rowId, overflowMax })?.overflow.length ?? 0) > 3;
  });
  assert.ok(long !== undefined);
  const part = pagesOfRow(source, root, { rowId: long, overflowMax: 2 });
  assert.equal(part?.overflow.length, 2);
  assert.equal(part.whole, false);
});

test("a blanked page is named, from the beginning and from the rows before it", (t) => {
  const { bytes, source, root, pages } = storeIn(tempDirectory(t));
  const look = { after: undefined, pagesMax: 10_000 };
  assert.equal(brokenPage(source, root, look), undefined);
  for (const { pageno } of pages.filter(({ pagetype }) => pagetype !== "overflow")) {
    const damaged = Buffer.from(bytes);
    damaged.fill(0, (pageno - 1) * pageBytes, pageno * pageBytes);
    assert.equal(brokenPage(sourceOf(damaged), root, look), pageno);
    assert.equal(brokenPage(sourceOf(damaged), root, { ...look, pagesMax: 0 }), undefined);
  }
});

test("whatever is damaged, the search ends and throws nothing", (t) => {
  const { bytes, root } = storeIn(tempDirectory(t));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 40 }),
      fc.constantFrom(...ids),
      (edits, rowId) => {
        const damaged = Buffer.from(bytes);
        for (const [at, byte] of edits) damaged[at] = byte;
        const source = sourceOf(damaged);
        pagesOfRow(source, root, { rowId, overflowMax });
        const page = brokenPage(source, root, { after: undefined, pagesMax: 500 });
        assert.ok(page === undefined || (page >= 1 && page <= source.pages));
      },
    ),
    { numRuns: 50 },
  );
});

const texts = [
  { pages: [17], text: "17" },
  { pages: [17, 20, 21, 22], text: "17, 20-22" },
  { pages: [17, 18, 5], text: "17-18, 5" },
  {
    pages: Array.from({ length: 20 }, (_none, index) => 2 * index),
    text: `${Array.from({ length: damagePagesShownMax }, (_none, index) => 2 * index).join(", ")}, …`,
  },
] as const;

for (const { pages, text } of texts) {
  test(`the pages ${pages.join(" ")} are told as ${text}`, () => {
    assert.equal(rangesText(pages), text);
  });
}
