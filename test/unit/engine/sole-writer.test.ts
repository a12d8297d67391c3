/** What tells another writer from ourselves. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { ForeignWriteError, SoleWriter } from "../../../src/engine/sqlite/sole-writer.js";
import { type Ending, tempDirectory } from "../../support/temp-directory.js";

interface Scene {
  readonly own: Database.Database;
  readonly other: Database.Database;
  readonly sole: SoleWriter;
}

function sceneOf(ending: Ending): Scene {
  const file = join(tempDirectory(ending), "sole.db");
  const own = new Database(file);
  own.pragma("journal_mode = WAL");
  own.pragma("wal_autocheckpoint = 0");
  own.exec("CREATE TABLE t (a)");
  const other = new Database(file);
  ending.after(() => {
    other.close();
    own.close();
  });
  return { own, other, sole: new SoleWriter(own) };
}

const harmless: readonly { readonly what: string; readonly act: (scene: Scene) => void }[] = [
  { what: "own commits", act: ({ own }) => own.exec("INSERT INTO t VALUES (1)") },
  {
    what: "own rollbacks",
    act: ({ own }) => own.exec("BEGIN; INSERT INTO t VALUES (1); ROLLBACK"),
  },
  { what: "an own VACUUM", act: ({ own }) => own.exec("VACUUM") },
  ...["PASSIVE", "FULL", "RESTART", "TRUNCATE"].map((mode) => ({
    what: `an own checkpoint of mode ${mode}`,
    act: ({ own }: Scene) => {
      own.exec("INSERT INTO t VALUES (1)");
      own.pragma(`wal_checkpoint(${mode})`);
    },
  })),
  { what: "others' reads", act: ({ other }) => other.prepare("SELECT count(*) FROM t").get() },
  {
    what: "another's rollback",
    act: ({ other }) => other.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (1); ROLLBACK"),
  },
];

for (const { what, act } of harmless) {
  test(`no foreign write: ${what}`, (t) => {
    const scene = sceneOf(t);
    for (let round = 0; round < 3; round++) {
      act(scene);
      scene.own.exec("BEGIN IMMEDIATE");
      scene.sole.assertSole();
      scene.own.exec("INSERT INTO t VALUES (2); COMMIT");
    }
  });
}

const foreign: readonly { readonly what: string; readonly sql: string }[] = [
  { what: "row", sql: "INSERT INTO t VALUES (1)" },
  { what: "table", sql: "CREATE TABLE u (a)" },
  { what: "VACUUM", sql: "VACUUM" },
  { what: "checkpoint that empties the WAL", sql: "PRAGMA wal_checkpoint(TRUNCATE)" },
];

for (const { what, sql } of foreign) {
  test(`another's ${what} is a foreign write, and stays one`, (t) => {
    const { own, other, sole } = sceneOf(t);
    own.exec("INSERT INTO t VALUES (0)");
    other.exec(sql);
    own.exec("BEGIN IMMEDIATE");
    assert.throws(() => {
      sole.assertSole();
    }, ForeignWriteError);
    assert.throws(() => {
      sole.assertSole();
    }, ForeignWriteError);
    own.exec("ROLLBACK");
  });
}

test("what is taken for own is forgiven, and what another writes after it is not", (t) => {
  const { own, other, sole } = sceneOf(t);
  for (let round = 0; round < 3; round++) {
    other.exec("INSERT INTO t VALUES (1)");
    sole.takeForOwn();
    own.exec("BEGIN IMMEDIATE");
    sole.assertSole();
    own.exec("INSERT INTO t VALUES (2); COMMIT");
    other.exec("INSERT INTO t VALUES (3)");
    own.exec("BEGIN IMMEDIATE");
    assert.throws(() => {
      sole.assertSole();
    }, ForeignWriteError);
    own.exec("ROLLBACK");
  }
});
