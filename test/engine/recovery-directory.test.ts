/** Who may own a data directory and its files, and what is made of it. */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  readCleanMarker,
  removeCleanMarker,
  writeCleanMarker,
} from "../../src/engine/recovery/clean-marker.js";
import {
  dataFiles,
  networkFileSystemOf,
  prepareDataDirectory,
} from "../../src/engine/recovery/data-directory.js";
import { rewriteWalInPlace } from "../../src/engine/recovery/wal-rewrite.js";
import { OpenError, type OpenErrorKind } from "../../src/storage/errors.js";
import type { Epoch, StoreId } from "../../src/storage/model.js";
import { crashedDatabase, rowsOf } from "../support/real-database.js";
import { tempDirectory } from "../support/temp-directory.js";

const allowNetworkFileSystem = false;

function prepare(file: string): ReturnType<typeof prepareDataDirectory> {
  return prepareDataDirectory({ file, allowNetworkFileSystem });
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

async function refusal(file: string): Promise<OpenError> {
  try {
    await prepare(file);
  } catch (error) {
    assert.ok(error instanceof OpenError, String(error));
    return error;
  }
  assert.fail("the directory was accepted");
}

test("a missing directory is made, with all its parents, for us alone", async (t) => {
  const place = join(tempDirectory(t), "a", "b");
  const { created, files, remarks } = await prepare(join(place, "kv.db"));
  assert.equal(created, true);
  assert.deepEqual(remarks, []);
  assert.equal(files.directory, place);
  assert.deepEqual([modeOf(place), modeOf(join(place, ".."))], [0o700, 0o700]);
  assert.equal((await prepare(join(place, "kv.db"))).created, false);
});

test("a directory that others may list keeps its mode, and the report says so", async (t) => {
  const place = tempDirectory(t);
  chmodSync(place, 0o755);
  const { remarks } = await prepare(join(place, "kv.db"));
  assert.equal(modeOf(place), 0o755);
  assert.match(remarks.join(), /can be listed by others/);
});

for (const { mode, hint } of [
  { mode: 0o770, hint: /chmod go-w/ },
  { mode: 0o702, hint: /chmod go-w/ },
  { mode: 0o1777, hint: /directory of its own/ },
]) {
  test(`a directory of mode ${mode.toString(8)} is refused, and stays as it is`, async (t) => {
    const place = join(tempDirectory(t), "shared");
    mkdirSync(place);
    chmodSync(place, mode);
    const error = await refusal(join(place, "kv.db"));
    assert.equal(error.kind, "permission");
    assert.match(error.hint, hint);
    assert.equal(statSync(place).mode & 0o7777, mode);
  });
}

for (const name of ["kv.db", "kv.db-wal", "kv.db-shm"]) {
  test(`${name} that others may read is closed to them before it is opened`, async (t) => {
    const place = tempDirectory(t);
    writeFileSync(join(place, name), "");
    chmodSync(join(place, name), 0o644);
    const { remarks } = await prepare(join(place, "kv.db"));
    assert.equal(modeOf(join(place, name)), 0o600);
    assert.deepEqual(remarks, [`${name} had mode 0644 and has 0600 now`]);
  });
}

test("a link in the place of the database is refused: its WAL would lie elsewhere", async (t) => {
  const place = tempDirectory(t);
  writeFileSync(join(place, "real.db"), "");
  symlinkSync(join(place, "real.db"), join(place, "kv.db"));
  assert.equal((await refusal(join(place, "kv.db"))).kind, "permission");
});

test("a directory in the place of the database is refused", async (t) => {
  const place = tempDirectory(t);
  mkdirSync(join(place, "kv.db"));
  assert.equal((await refusal(join(place, "kv.db"))).kind, "permission");
});

test("a file in the place of the directory is refused", async (t) => {
  const place = tempDirectory(t);
  writeFileSync(join(place, "file"), "");
  assert.equal((await refusal(join(place, "file", "kv.db"))).kind, "permission");
});

test("what belongs to another user is refused", async (t) => {
  const place = join(tempDirectory(t), "theirs");
  mkdirSync(place, { mode: 0o700 });
  const isRoot = process.geteuid?.() === 0;
  // Only root can give a directory away; anybody else finds one that belongs to root.
  if (isRoot) chownSync(place, 12_345, 12_345);
  const error = await refusal(isRoot ? join(place, "kv.db") : "/kv.db");
  assert.equal(error.kind satisfies OpenErrorKind, "permission");
  assert.match(error.message, /belongs to user/);
});

test("a directory that cannot be made is refused with the system's reason", async () => {
  const error = await refusal("/proc/kvdb-test/kv.db");
  assert.match(error.message, /cannot be used \(E[A-Z]+\)/);
});

for (const [type, name] of [
  [0xef53, undefined],
  [0x58465342, undefined],
  [0x01021994, undefined],
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  // The same number as a signed 32-bit word, as some systems report it.
  [0xff534d42 | 0, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE or virtiofs"],
] as const) {
  test(`a file system of type 0x${(type >>> 0).toString(16)} is ${name ?? "local"}`, () => {
    assert.equal(networkFileSystemOf(type), name);
  });
}

const marker = {
  storeId: "store" as StoreId,
  epoch: 3n as Epoch,
  commitSequence: 9_007_199_254_740_993n,
  atMs: 1_700_000_000_000,
};

test("the marker of a clean stop is read back as it was written, and removed for good", async (t) => {
  const files = dataFiles(join(tempDirectory(t), "kv.db"));
  assert.deepEqual(await readCleanMarker(files), { kind: "absent" });
  await writeCleanMarker(files, marker);
  assert.equal(modeOf(files.cleanMarker), 0o600);
  assert.deepEqual(await readCleanMarker(files), { kind: "present", marker });
  await removeCleanMarker(files);
  await removeCleanMarker(files);
  assert.equal(existsSync(files.cleanMarker), false);
});

test("a marker cut anywhere is no promise", async (t) => {
  const files = dataFiles(join(tempDirectory(t), "kv.db"));
  await writeCleanMarker(files, marker);
  // The last byte is the end of the line; without it the text is still whole.
  for (let length = statSync(files.cleanMarker).size - 2; length >= 0; length--) {
    truncateSync(files.cleanMarker, length);
    assert.deepEqual(await readCleanMarker(files), { kind: "unreadable" });
  }
});

test("rewriting a WAL changes no byte, and SQLite recovers the same rows from it", async (t) => {
  const file = crashedDatabase(tempDirectory(t), { commits: 300, rowsPerCommit: 10 });
  const before = readFileSync(`${file}-wal`);
  assert.equal(await rewriteWalInPlace(`${file}-wal`), before.length);
  assert.deepEqual(readFileSync(`${file}-wal`), before);
  assert.equal(rowsOf(file), 3_000);
});
