/**
 * What a daemon does not even begin with, and what ends it at once: a SQLite with a known defect,
 * settings that do not hold, files that say something wrong about themselves, and errors of the
 * disk under a write. The daemons with a defect are built from this one by changing a line.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { KvError } from "../../src/client/kv-error.js";
import { compareVersions } from "../../src/engine/sqlite/connection.js";
import { buildMutant, type TextChange } from "../../src/prove/mutants/mutant-build.js";
import { CheckIntegrityRequest, IntegrityMode } from "../../src/wire/kvdb/v1/admin.js";
import { connectTo } from "../support/grpc-client.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";

const refusedBuilds: readonly {
  readonly what: string;
  readonly change: TextChange;
  readonly says: RegExp;
}[] = [
  {
    what: "a SQLite that is older than it must be",
    change: {
      file: "engine/sqlite/connection.js",
      from: 'sqliteVersionMin = "3.51.3"',
      to: 'sqliteVersionMin = "3.999.0"',
    },
    says: /SQLite 3\.\d+\.\d+ can corrupt a database/,
  },
  {
    what: "a synchronous level that does not read back as it was set",
    change: {
      file: "engine/sqlite/connection.js",
      from: "if (pragma.settable)",
      to: 'if (pragma.settable && pragma.name !== "synchronous")',
    },
    says: /pragma synchronous reads back \d, wanted 3/,
  },
];

for (const { what, change, says } of refusedBuilds) {
  test(`78: ${what}`, async (t) => {
    const directory = tempDirectory(t);
    const copy = join(directory, "copy");
    mkdirSync(copy);
    const { daemon: program } = buildMutant(copy, [change]);
    const daemon = startDaemon(t, { file: join(directory, "kv.db"), program });
    assert.equal((await daemon.ended).code, 78, daemon.stderr.join("\n"));
    assert.match(daemon.stderr.join("\n"), says);
    assert.deepEqual(daemon.stdout, []);
  });
}

const brokenStarts = [
  {
    what: "a module that cannot be loaded",
    change: {
      file: "daemon/serve.js",
      from: "export async function serve",
      to: 'throw new Error("half a file");\nexport async function serve',
    },
    says: "Error: half a file",
  },
  {
    what: "a thread that cannot be started",
    change: {
      file: "engine/writer-link.js",
      from: "this.link = ",
      to: 'throw new RangeError("no more threads");\nthis.link = ',
    },
    says: "RangeError: no more threads",
  },
  {
    what: "a log that cannot be opened",
    change: {
      file: "observability/winston-log.js",
      from: "export function openLog",
      to: 'throw new Error("no log");\nexport function openLog',
    },
    says: "Error: no log",
  },
] as const;

for (const { what, change, says } of brokenStarts) {
  test(`1: ${what} before there is a log`, async (t) => {
    const directory = tempDirectory(t);
    const copy = join(directory, "copy");
    mkdirSync(copy);
    const { daemon: program } = buildMutant(copy, [change]);
    const daemon = startDaemon(t, { file: join(directory, "kv.db"), program });
    assert.deepEqual(await daemon.ended, { code: 1, signal: null });
    const [first = "", hint = ""] = daemon.stderr;
    assert.ok(first.startsWith("kvdbd: the start failed") && first.endsWith(says), first);
    assert.match(first, /with exit code 1/);
    assert.match(hint, /^kvdbd: the installation may be incomplete/);
    assert.deepEqual(daemon.stdout, []);
  });
}

test("1: reader threads that cannot be started, found when calls are served already", async (t) => {
  const directory = tempDirectory(t);
  const copy = join(directory, "copy");
  mkdirSync(copy);
  const change = { file: "engine/read/reader-pool.js", from: "reader-thread.js", to: "gone.js" };
  const { daemon: program } = buildMutant(copy, [change]);
  const daemon = startDaemon(t, { file: join(directory, "kv.db"), program });
  assert.deepEqual(await daemon.ended, { code: 1, signal: null }, daemon.stderr.join("\n"));
  const log = daemon.stderr.join("\n");
  assert.match(log, /kvdbd exits: no reader thread can be started: .*gone\.js/);
  assert.doesNotMatch(log, /kvdbd met a bug/);
});

const versions = [
  { a: "3.51.3", b: "3.51.3", order: 0 },
  { a: "3.51.2", b: "3.51.3", order: -1 },
  { a: "3.53.2", b: "3.51.3", order: 1 },
  { a: "3.9.9", b: "3.51.3", order: -1 },
  { a: "4.0", b: "3.51.3", order: 1 },
] as const;

for (const { a, b, order } of versions) {
  test(`version ${a} beside ${b} is ${["older", "the same", "newer"][order + 1] ?? ""}`, () => {
    assert.equal(Math.sign(compareVersions(a, b)), order);
    assert.equal(Math.sign(compareVersions(b, a)) + order, 0);
  });
}

const wrongFiles = [
  { what: "the store's own row with another checksum", sql: "UPDATE store SET epoch = epoch + 1" },
  { what: "the format of a version to come", sql: "PRAGMA user_version = 999" },
  { what: "a table that is not there", sql: "DROP TABLE kv" },
] as const;

for (const { what, sql } of wrongFiles) {
  test(`10: ${what}`, async (t) => {
    const file = join(tempDirectory(t), "kv.db");
    const first = startDaemon(t, { file });
    await first.ready();
    assert.equal((await first.stop()).code, 0);
    const database = new Database(file);
    database.exec(sql);
    database.close();
    const daemon = startDaemon(t, { file });
    assert.equal((await daemon.ended).code, 10, daemon.stderr.join("\n"));
    assert.deepEqual(daemon.stdout, []);
  });
}

/** What is said once the store has latched, by the store and by the gate before it. */
const latched: readonly unknown[] = ["STORAGE_FAULT", "NOT_READY"];
/** Callers at one time: the fault is met by the first group, and others wait behind it. */
const callers = Array.from({ length: 20 }, (_none, at) => `caller-${String(at)}`);

/** Why a call was refused, as the daemon says it; undefined = nobody said anything. */
async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await call.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.ok(error !== undefined, "it was answered as done");
  return KvError.from(error).reason;
}

const writeFaults = [
  { code: "SQLITE_IOERR_FSYNC", ends: 74 },
  { code: "SQLITE_IOERR_WRITE", ends: 74 },
  { code: "SQLITE_CORRUPT", ends: 74 },
  { code: "SQLITE_READONLY", ends: 74 },
  { code: "SQLITE_NOTADB", ends: 10 },
] as const;

for (const { code, ends } of writeFaults) {
  test(`${String(ends)}: a COMMIT that ends in ${code}, whose caller is told that nobody knows`, async (t) => {
    const file = join(tempDirectory(t), "kv.db");
    const before = startDaemon(t, { file });
    const client = connectTo(t, (await before.ready()).grpc[0] ?? "");
    await client.put("kept", "1");
    assert.equal((await before.stop()).code, 0);
    // The first commit of a start is that of its epoch.
    const env = { KVDB_FAILPOINTS: `before-commit=error:${code}@2` };
    const daemon = startDaemon(t, { file, env });
    const failing = connectTo(t, (await daemon.ready()).grpc[0] ?? "");
    // Those behind the group wait for it, and are not written.
    const answers = await Promise.all(callers.map((key) => reasonOf(failing.put(key, "value"))));
    const [first, ...others] = answers;
    assert.equal(first, "OUTCOME_UNKNOWN");
    const said = ["OUTCOME_UNKNOWN", ...latched];
    for (const reason of others) assert.ok(said.includes(reason), String(reason));
    assert.equal((await daemon.ended).code, ends, daemon.stderr.join("\n"));
    const again = startDaemon(t, { file });
    const reader = connectTo(t, (await again.ready()).grpc[0] ?? "");
    assert.ok((await reader.get("kept")) !== undefined);
    assert.equal((await again.stop()).code, 0);
  });
}

const otherPrograms = [
  { what: "deletes a key", sql: "DELETE FROM kv WHERE key = CAST('gone' AS BLOB)", keys: ["kept"] },
  {
    what: "empties the WAL",
    sql: "PRAGMA wal_checkpoint(TRUNCATE)",
    keys: ["gone", "kept"],
  },
] as const;

for (const { what, sql, keys } of otherPrograms) {
  test(`74: another program ${what} while the daemon has the file open`, async (t) => {
    const file = join(tempDirectory(t), "kv.db");
    const daemon = startDaemon(t, { file });
    const client = connectTo(t, (await daemon.ready()).grpc[0] ?? "");
    await client.put("kept", "1");
    await client.put("gone", "1");
    const database = new Database(file);
    database.exec(sql);
    database.close();
    const answers = await Promise.all(callers.map((key) => reasonOf(client.put(key, "value"))));
    assert.equal(answers[0], "STORAGE_FAULT");
    for (const reason of answers) assert.ok(latched.includes(reason), String(reason));
    assert.equal((await daemon.ended).code, 74, daemon.stderr.join("\n"));
    assert.match(daemon.stderr.join("\n"), /FOREIGN_WRITE/);

    const again = startDaemon(t, { file });
    const reader = connectTo(t, (await again.ready()).grpc[0] ?? "");
    for (const key of ["gone", "kept"]) {
      const held = (await reader.get(key)) !== undefined;
      assert.equal(held, (keys as readonly string[]).includes(key), key);
    }
    for (const key of callers)
      assert.equal(await reader.get(key), undefined, "nothing of it happened");
    assert.equal((await again.stop()).code, 0);
  });
}

test("74: a stop meets what another program wrote, though nobody wrote here since", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const daemon = startDaemon(t, { file });
  await connectTo(t, (await daemon.ready()).grpc[0] ?? "").put("key", "value");
  const database = new Database(file);
  database.exec("DELETE FROM kv");
  database.close();
  assert.equal((await daemon.stop()).code, 74, daemon.stderr.join("\n"));
  assert.match(daemon.stderr.join("\n"), /FOREIGN_WRITE/);
  assert.equal(existsSync(`${file}.clean`), false, "nobody calls that a clean stop");
});

test("74: a sync that fails while a found damage is counted, as under any other commit", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const before = startDaemon(t, { file });
  await connectTo(t, (await before.ready()).grpc[0] ?? "").put("key", "value");
  assert.equal((await before.stop()).code, 0);
  const database = new Database(file);
  database.exec("UPDATE kv SET value_crc = value_crc + 1");
  database.close();
  // The first commit of a start is that of its epoch, the second counts the failed check.
  const env = {
    KVDB_FAILPOINTS: "before-commit=error:SQLITE_IOERR_FSYNC@2",
    KVDB_PROFILE: "dev",
    KVDB_INTEGRITY_FAILURE_POLICY: "warn",
    KVDB_SCRUB_BYTES_PER_SECOND: "0",
  };
  const daemon = startDaemon(t, { file, env });
  const client = connectTo(t, (await daemon.ready()).grpc[0] ?? "");
  const request = CheckIntegrityRequest.fromPartial({
    mode: IntegrityMode.INTEGRITY_MODE_CHECKSUM,
  });
  const checking = client.admin.checkIntegrity(request).resume();
  // Whether its last word leaves before the process does is not what this is about.
  checking.on("error", () => undefined);
  // Nobody writes after it: the fault itself ends the daemon.
  assert.equal((await daemon.ended).code, 74, daemon.stderr.join("\n"));
  assert.match(daemon.stderr.join("\n"), /SQLITE_IOERR_FSYNC/);
});
