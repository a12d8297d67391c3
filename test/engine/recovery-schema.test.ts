/** A stopped store to which somebody else has given another format, or other tables. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { OpenErrorKind } from "../../src/storage/errors.js";
import { okOf, TempEngine } from "../support/temp-engine.js";

const changes: readonly { readonly sql: string; readonly kind: OpenErrorKind; says: RegExp }[] = [
  { sql: "PRAGMA user_version = 0", kind: "damaged", says: /says that it has format 0/ },
  { sql: "PRAGMA user_version = -1", kind: "damaged", says: /says that it has format -1/ },
  // One that was, of which the tables say that it is not this file's.
  { sql: "PRAGMA user_version = 1", kind: "damaged", says: /table lease already exists/ },
  { sql: "PRAGMA user_version = 999", kind: "newer-format", says: /has format 999/ },
  { sql: "PRAGMA application_id = 0", kind: "foreign", says: /not one of kvdb/ },
  { sql: "PRAGMA application_id = 7", kind: "foreign", says: /another application/ },
  { sql: "DROP TABLE store", kind: "damaged", says: /no such table: store/ },
  { sql: "DELETE FROM store", kind: "damaged", says: /LOST_WRITES/ },
  { sql: "DROP TABLE kv", kind: "damaged", says: /no such table/ },
  { sql: "DROP TABLE past_span", kind: "damaged", says: /no such table: past_span/ },
  { sql: "ALTER TABLE log DROP COLUMN nonce", kind: "damaged", says: /nonce/ },
];

for (const { sql, kind, says } of changes) {
  test(`after ${sql} a start is refused as ${kind}, again and again`, async (t) => {
    const temp = await TempEngine.open(t);
    okOf(await temp.put("key", "value"));
    await temp.close();
    const database = new Database(temp.file);
    database.exec(sql);
    database.close();
    for (let start = 0; start < 2; start++) {
      await assert.rejects(temp.start({}), { name: "OpenError", kind, message: says });
    }
  });
}
