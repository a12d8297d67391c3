/** The scan of a WAL before SQLite opens it, on WALs that SQLite wrote. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { scanWal, type WalScan } from "../../../src/engine/recovery/wal-tail.js";
import {
  crashedDatabase,
  type Recipe,
  rowsOf,
  testApplicationId,
} from "../../support/real-database.js";
import { type Ending, tempDirectory } from "../../support/temp-directory.js";

const frameBytes = 24 + 4096;

interface RealWal {
  readonly file: string;
  readonly bytes: Uint8Array;
  scan(bytes: Uint8Array): Promise<WalScan>;
}

function realWal(ending: Ending, recipe: Recipe): RealWal {
  const directory = tempDirectory(ending);
  const file = crashedDatabase(directory, recipe);
  const bytes = readFileSync(`${file}-wal`);
  const probe = join(directory, "probe-wal");
  return {
    file,
    bytes,
    async scan(changed) {
      writeFileSync(probe, changed);
      return scanWal(probe);
    },
  };
}

test("an absent and an empty WAL are both no WAL", async (t) => {
  const directory = tempDirectory(t);
  assert.equal((await scanWal(join(directory, "nothing-wal"))).tail, "absent");
  writeFileSync(join(directory, "empty-wal"), "");
  assert.equal((await scanWal(join(directory, "empty-wal"))).tail, "absent");
});

test("a WAL as a killed process leaves it is clean, and its frames and commits are counted", async (t) => {
  const wal = realWal(t, { commits: 20, rowsPerCommit: 30 });
  const scan = await wal.scan(wal.bytes);
  assert.equal(scan.tail, "clean");
  assert.equal(scan.commits, 20);
  assert.equal(scan.frames, (wal.bytes.length - 32) / frameBytes);
  assert.equal(scan.bytes, wal.bytes.length);
  assert.equal(rowsOf(wal.file), 20 * 30);
});

for (const pageBytes of [512, 1024, 65_536]) {
  test(`a WAL with pages of ${String(pageBytes)} bytes is read the same way`, async (t) => {
    const wal = realWal(t, { commits: 5, rowsPerCommit: 40, pageBytes });
    const scan = await wal.scan(wal.bytes);
    assert.deepEqual([scan.tail, scan.commits, scan.header?.pageBytes], ["clean", 5, pageBytes]);
  });
}

test("frames of an earlier generation behind the last commit are not a damage", async (t) => {
  const wal = realWal(t, { commitsBefore: 30, commits: 10, rowsPerCommit: 5 });
  const scan = await wal.scan(wal.bytes);
  assert.deepEqual([scan.tail, scan.commits], ["clean", 10]);
  assert.ok(scan.frames < (wal.bytes.length - 32) / frameBytes, "old frames lie behind");
});

test("the newest committed page 1 is reported, because the database file may not have it yet", async (t) => {
  const growing = realWal(t, { commits: 40, rowsPerCommit: 40, userVersion: 7 });
  const scan = await growing.scan(growing.bytes);
  assert.equal(scan.databaseHeader?.userVersion, 7);
  assert.equal(scan.databaseHeader.applicationId, testApplicationId);
  assert.equal(scan.databaseHeader.schemaEmpty, false);
});

test("cut at every 512 bytes a WAL is clean or torn, never doubtful and never damaged", async (t) => {
  const wal = realWal(t, { commitsBefore: 12, commits: 12, rowsPerCommit: 6 });
  const seen = new Set<string>();
  for (let length = 0; length <= wal.bytes.length; length += 512) {
    const scan = await wal.scan(wal.bytes.subarray(0, length));
    seen.add(scan.tail);
    assert.ok(
      ["absent", "clean", "torn-tail"].includes(scan.tail),
      `${scan.tail} at ${String(length)}`,
    );
  }
  assert.deepEqual([...seen].sort(), ["absent", "clean", "torn-tail"]);
});

test("a bit flipped with two commits behind it is always proven damage", async (t) => {
  const wal = realWal(t, { commits: 15, rowsPerCommit: 8 });
  const whole = await wal.scan(wal.bytes);
  const lastCommits = 3 * Math.ceil(whole.frames / whole.commits) + 3;
  const end = 32 + (whole.frames - lastCommits) * frameBytes;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 32, max: end - 1 }), fc.nat(7), async (at, bit) => {
      const changed = Uint8Array.from(wal.bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      const scan = await wal.scan(changed);
      assert.equal(scan.tail, "damaged", `bit ${String(bit)} of byte ${String(at)}`);
      assert.ok(scan.commits < whole.commits);
    }),
    { numRuns: 150 },
  );
});

test("a bit flipped anywhere before the last transaction is never clean", async (t) => {
  const wal = realWal(t, { commits: 6, rowsPerCommit: 4 });
  const whole = await wal.scan(wal.bytes);
  const end = 32 + (whole.frames - Math.ceil(whole.frames / whole.commits)) * frameBytes;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 32, max: end - 1 }), fc.nat(7), async (at, bit) => {
      const changed = Uint8Array.from(wal.bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      const { tail } = await wal.scan(changed);
      assert.ok(tail === "ambiguous" || tail === "damaged", tail);
    }),
    { numRuns: 150 },
  );
});

test("sectors lost from the last transaction are torn or doubtful, and never proven damage", async (t) => {
  const wal = realWal(t, { commits: 8, rowsPerCommit: 60 });
  const whole = await wal.scan(wal.bytes);
  const lastFrames = Math.floor(whole.frames / whole.commits);
  const from = Math.ceil((32 + (whole.frames - lastFrames) * frameBytes) / 512);
  const sectors = Math.floor(wal.bytes.length / 512);
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: from, max: sectors - 1 }), { minLength: 1 }),
      async (lost) => {
        const changed = Uint8Array.from(wal.bytes);
        for (const sector of lost) changed.fill(0, sector * 512, (sector + 1) * 512);
        const { tail } = await wal.scan(changed);
        assert.ok(["torn-tail", "ambiguous", "clean"].includes(tail), tail);
      },
    ),
    { numRuns: 150 },
  );
});

test("every bit of the header is covered: one flip and the WAL counts as damaged", async (t) => {
  const wal = realWal(t, { commits: 2 });
  for (let bit = 0; bit < 32 * 8; bit++) {
    const changed = Uint8Array.from(wal.bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const scan = await wal.scan(changed);
    assert.equal(scan.tail, "damaged", `bit ${String(bit)}`);
    assert.equal(scan.header, undefined);
  }
});

test("a torn header without a frame behind it is what a crash leaves", async (t) => {
  const wal = realWal(t, { commits: 1 });
  for (const length of [1, 16, 31]) {
    assert.equal((await wal.scan(wal.bytes.subarray(0, length))).tail, "torn-tail");
  }
  assert.equal((await wal.scan(wal.bytes.subarray(0, 32))).tail, "clean");
});

test("SQLite drops silently what the scan calls damaged", async (t) => {
  const wal = realWal(t, { commits: 40, rowsPerCommit: 1 });
  const changed = Uint8Array.from(wal.bytes);
  const middle = 32 + Math.floor((wal.bytes.length - 32) / 2 / frameBytes) * frameBytes + 200;
  changed[middle] = (changed[middle] ?? 0) ^ 1;
  assert.equal((await wal.scan(changed)).tail, "damaged");
  writeFileSync(`${wal.file}-wal`, changed);
  assert.ok(rowsOf(wal.file) < 40, "SQLite opened it without an error and with fewer rows");
});
