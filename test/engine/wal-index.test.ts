/** Reading SQLite's index of the WAL without taking its locks away. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { locksOn, parseProcessLocks } from "../../src/engine/sqlite/process-locks.js";
import { WalIndexReader } from "../../src/engine/wal/wal-index.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

function openStore(ending: Ending): { file: string; writer: Database.Database } {
  const file = join(tempDirectory(ending), "kv.db");
  const writer = new Database(file);
  writer.pragma("journal_mode = WAL");
  writer.pragma("wal_autocheckpoint = 0");
  writer.exec("CREATE TABLE t (id INTEGER PRIMARY KEY)");
  for (let id = 0; id < 20; id++) writer.prepare("INSERT INTO t DEFAULT VALUES").run();
  return { file, writer };
}

/** How many descriptors of this process lead to the file. */
function descriptorsOf(file: string): number {
  return readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(join("/proc/self/fd", descriptor)) === file;
    } catch {
      // The descriptor of this very listing is gone by now.
      return false;
    }
  }).length;
}

test("the index tells what SQLite's own gauge tells", (t) => {
  const { file, writer } = openStore(t);
  const index = WalIndexReader.open(`${file}-shm`);
  const noop = writer.prepare<[], { log: number; checkpointed: number }>(
    "PRAGMA wal_checkpoint(NOOP)",
  );
  for (const act of ["INSERT INTO t DEFAULT VALUES", "PRAGMA wal_checkpoint(PASSIVE)"]) {
    const statement = writer.prepare(act);
    if (statement.reader) statement.get();
    else statement.run();
    const row = noop.get();
    const read = index.read();
    assert.deepEqual([read?.frames, read?.framesBackfilled], [row?.log, row?.checkpointed]);
  }
  writer.close();
  index.close();
});

test("a mark is held while its reader reads, and not after it", (t) => {
  const { file, writer } = openStore(t);
  const index = WalIndexReader.open(`${file}-shm`);
  const reader = new Database(file, { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM t").get();
  const frame = index.read()?.frames;
  const held = index.read()?.readMarks.filter((mark) => mark.held);
  assert.deepEqual(
    held?.map((mark) => mark.frame),
    [frame],
  );
  reader.exec("COMMIT");
  assert.equal(
    index.read()?.readMarks.some((mark) => mark.held),
    false,
  );
  assert.equal(
    index.read()?.readMarks.some((mark) => mark.frame === frame),
    true,
  );
  reader.close();
  writer.close();
  index.close();
});

test("the index is opened once, however often it is asked, and no lock is lost by asking", (t) => {
  const { file, writer } = openStore(t);
  const reader = new Database(file, { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM t").get();
  const shm = `${file}-shm`;
  const locksBefore = locksOn(shm);
  assert.ok(locksBefore.length > 0);
  const before = descriptorsOf(shm);
  const index = WalIndexReader.open(shm);
  for (let round = 0; round < 200; round++) {
    assert.notEqual(index.read(), undefined);
    index.foreignReaders();
  }
  assert.equal(descriptorsOf(shm), before + 1);
  assert.deepEqual(locksOn(shm), locksBefore);
  assert.equal(
    locksOn(file).filter((lock) => lock.pid === process.pid).length > 0,
    true,
    "the shared lock on the database is still there",
  );
  reader.close();
  writer.close();
  index.close();
  index.close();
  assert.equal(index.read(), undefined);
});

test("a reader of another process is named by its process id and the frame it pins", async (t) => {
  const { file, writer } = openStore(t);
  const index = WalIndexReader.open(`${file}-shm`);
  assert.deepEqual(index.foreignReaders(), []);
  const driver = new URL("../../../node_modules/better-sqlite3/lib/index.js", import.meta.url);
  const program = `
    const database = require(${JSON.stringify(fileURLToPath(driver))})(${JSON.stringify(file)});
    database.exec("BEGIN");
    database.prepare("SELECT count(*) FROM t").get();
    console.log("reading");
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ["--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => {
    child.kill("SIGKILL");
  });
  await once(child.stdout, "data");
  const frame = index.read()?.frames;
  writer.prepare("INSERT INTO t DEFAULT VALUES").run();
  assert.deepEqual(index.foreignReaders(), [{ pid: child.pid, frame }]);
  child.kill("SIGKILL");
  await once(child, "exit");
  await waitFor("the kernel to drop the lock", () =>
    index.foreignReaders().length === 0 ? true : undefined,
  );
  assert.ok(statSync(file).isFile());
  writer.close();
  index.close();
});

test("the kernel's table of locks is read line by line, waiters and other kinds left out", () => {
  const text = [
    "1: POSIX  ADVISORY  READ 6273 fe:00:2188466 123 123",
    "2: POSIX  ADVISORY  WRITE 6274 08:11:77 1073741824 EOF",
    "2: -> POSIX  ADVISORY  WRITE 6275 08:11:77 0 EOF",
    "3: FLOCK  ADVISORY  WRITE 9 00:1a:5 0 EOF",
    "4: OFDLCK ADVISORY  READ  -1 00:1a:5 0 10",
    "",
  ].join("\n");
  assert.deepEqual(parseProcessLocks(text), [
    {
      pid: 6273,
      exclusive: false,
      device: "fe:0",
      inode: "2188466",
      firstByte: 123,
      lastByte: 123,
    },
    {
      pid: 6274,
      exclusive: true,
      device: "8:11",
      inode: "77",
      firstByte: 1_073_741_824,
      lastByte: Number.POSITIVE_INFINITY,
    },
    { pid: -1, exclusive: false, device: "0:1a", inode: "5", firstByte: 0, lastByte: 10 },
  ]);
});
