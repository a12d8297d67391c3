/** The parts of a load: keys from templates, chunks with stable numbers, progress that survives. */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { CliError } from "../../../src/cli/cli-error.js";
import { chunksOf } from "../../../src/cli/load/chunks.js";
import { KeyTemplate } from "../../../src/cli/load/key-template.js";
import { ProgressFile } from "../../../src/cli/load/progress-file.js";
import { progressText } from "../../../src/cli/load/progress-text.js";
import { openRowSource, type RowSource } from "../../../src/cli/load/row-source.js";
import { tempDirectory } from "../../support/temp-directory.js";

async function keysOf(source: RowSource): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of source.entries()) keys.push(String(key));
  return keys;
}

test("a template takes fields, nested ones too, and text around them", () => {
  const template = KeyTemplate.parse("city/{country}/{at.lat},{at.lng}!");
  const row = { country: "FR", at: { lat: 45.7, lng: "4.8" } };
  assert.equal(template.keyOf(row, "row 1"), "city/FR/45.7,4.8!");
});

for (const text of ["", "plain", "a{b", "a}b", "{a}}", "{}"]) {
  test(`the template ${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => KeyTemplate.parse(text), CliError);
  });
}

for (const row of [{}, { id: null }, { id: {} }, "text", null, [1]]) {
  test(`the row ${JSON.stringify(row)} has no field to make a key of, and is named`, () => {
    assert.throws(() => KeyTemplate.parse("k/{id}").keyOf(row, "row 7"), /row 7 has no field id/);
  });
}

test("a field is the row's own, not one that every object has", () => {
  assert.throws(() => KeyTemplate.parse("{constructor.name}").keyOf({}, "row 1"), CliError);
});

test("an array and lines give the same rows", async (t) => {
  const directory = tempDirectory(t);
  const rows = [{ id: 1 }, { id: 2, name: "é" }];
  const array = join(directory, "a.json");
  const lines = join(directory, "b.jsonl");
  writeFileSync(array, ` \n${JSON.stringify(rows, undefined, 1)}`);
  writeFileSync(lines, `${rows.map((row) => JSON.stringify(row)).join("\n\n")}\n`);
  const template = KeyTemplate.parse("k/{id}");
  const sources = [array, lines].map((path) => openRowSource(path, template));
  assert.deepEqual(
    sources.map(({ rows: count }) => count),
    [2, undefined],
  );
  for (const source of sources) assert.deepEqual(await keysOf(source), ["k/1", "k/2"]);
});

test("an export is taken back with its expiry, and what is none is refused by its line", async (t) => {
  const path = join(tempDirectory(t), "export.jsonl");
  writeFileSync(
    path,
    '{"key":"/w==","value":"","expireTime":"2030-01-01T00:00:00.000Z"}\n{"id":1}\n',
  );
  const seen: unknown[] = [];
  await assert.rejects(async () => {
    for await (const entry of openRowSource(path, undefined).entries()) seen.push(entry);
  }, /row 2 of .* is no line of an export/);
  const expireTime = { seconds: 1_893_456_000n, nanos: 0 };
  assert.deepEqual(seen, [{ key: Buffer.of(0xff), value: Buffer.alloc(0), expireTime }]);
});

test("broken JSON is refused with its line", async (t) => {
  const path = join(tempDirectory(t), "broken.jsonl");
  writeFileSync(path, '{"id":1}\n{"id":\n');
  const source = openRowSource(path, KeyTemplate.parse("{id}"));
  await assert.rejects(keysOf(source), /line 2 of .*broken\.jsonl is no JSON/);
});

test("chunks keep the order, their bounds and their numbers, wherever a load begins", async () => {
  const entry = fc.record({
    key: fc.uint8Array({ minLength: 1, maxLength: 9 }),
    value: fc.uint8Array(),
  });
  const bounds = fc.record({
    rowsMax: fc.integer({ min: 1, max: 7 }),
    bytesMax: fc.integer({ min: 1, max: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry),
      bounds,
      fc.bigInt({ min: 0n, max: 5n }),
      async (entries, limits, after) => {
        const all = await collect(chunksOf(entries, limits, 0n));
        assert.deepEqual(
          all.flatMap((chunk) => chunk.entries),
          entries,
        );
        for (const [index, { id, entries: rows }] of all.entries()) {
          assert.equal(id, BigInt(index + 1));
          const bytes = rows.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
          assert.ok(rows.length >= 1 && rows.length <= limits.rowsMax);
          assert.ok(rows.length === 1 || bytes <= limits.bytesMax);
        }
        const rest = await collect(chunksOf(entries, limits, after));
        assert.deepEqual(rest, all.slice(Number(after)));
      },
    ),
  );
});

const identity = {
  fingerprint: "10 bytes, changed 5",
  template: "k/{id}",
  chunkRows: 1_000,
  namespace: "geo",
  storeId: "s1",
};
const progress = { loadId: "load-1", acknowledgedChunk: 7n, acknowledgedRows: 6_500 };

test("progress is read back by the same load, and by no other", (t) => {
  const source = join(tempDirectory(t), "cities.json");
  const file = new ProgressFile(source, identity);
  assert.equal(file.read(), undefined);
  file.write(progress);
  assert.deepEqual(new ProgressFile(source, identity).read(), progress);
  for (const other of [
    { fingerprint: "11 bytes, changed 5" },
    { template: "j/{id}" },
    { chunkRows: 999 },
    { namespace: "other" },
    { storeId: "s2" },
  ]) {
    assert.equal(new ProgressFile(source, { ...identity, ...other }).read(), undefined);
  }
  file.remove();
  file.remove();
  assert.equal(file.read(), undefined);
});

test("a progress file that was cut is as good as none, and writing leaves nothing else behind", (t) => {
  const directory = tempDirectory(t);
  const file = new ProgressFile(join(directory, "rows.json"), identity);
  file.write(progress);
  assert.equal(readdirSync(directory).length, 1);
  writeFileSync(file.path, "abc\nload-1\n");
  assert.equal(file.read(), undefined);
});

test("how far a load is: with a bar on a terminal, without one elsewhere", () => {
  const counts = { rows: 50_000, rowsTotal: 200_000, runRows: 50_000, runMs: 2_000 };
  const text = " 25%  50 000 of 200 000 rows  25 000 rows/s  6s left";
  assert.equal(progressText(counts, undefined), text);
  assert.equal(progressText(counts, 72), `[####............] ${text}`);
  assert.equal(progressText(counts, 40), text);
  assert.equal(progressText({ ...counts, rowsTotal: undefined }, 80), "50 000 rows  25 000 rows/s");
  assert.equal(
    progressText({ rows: 0, rowsTotal: 0, runRows: 0, runMs: 0 }, undefined),
    "100%  0 of 0 rows  0 rows/s",
  );
});

async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
