/**
 * Rows of which one column is wrong, in every way that SQLite can hold: each read says so and names
 * no other key, and the rows beside it are read as if nothing had happened.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { damagedStoreHint } from "../../src/engine/damage-hints.js";
import { ManualClock } from "../../src/foundation/clock.js";
import { EngineError } from "../../src/storage/errors.js";
import { expiryRestMsMax } from "../../src/storage/limits.js";
import type { Entry, LeaseId, Namespace, Operation } from "../../src/storage/model.js";
import {
  keyOf,
  okOf,
  patient,
  putOf,
  refusalOf,
  TempEngine,
  textOf,
} from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";
import { WatchReader } from "./watch-reader.js";

const [before, damaged, behind] = ["a-before", "b-damaged", "c-behind"] as const;
/** Longer than what comes with its row. */
const long = "v".repeat(5_000);
const until = { kind: "at", atMs: Date.UTC(2100, 0) } as const;

const entryOfIndex =
  "format('%Q, %Q, %Q, %d, ', type, name, tbl_name, rootpage) || coalesce(quote(sql), 'NULL')";

/** Changes the file as no statement of a sound schema could: no types, no NOT NULL, no index. */
function change(file: string, statements: readonly string[]): void {
  const schema = (edits: readonly string[]): void => {
    const database = new Database(file);
    database.unsafeMode(true);
    database.pragma("writable_schema = ON");
    for (const edit of edits) database.exec(edit);
    database.close();
  };
  const textOfTable = (name: string, text: string): string =>
    `UPDATE sqlite_schema SET sql = '${text.replaceAll("'", "''")}' WHERE name = '${name}'`;
  const whole = new Database(file, { readonly: true });
  const one = (what: string): string => whole.prepare(`SELECT ${what}`).pluck().get() as string;
  const tables = ["kv", "lease"].map((name) => {
    return { name, sql: one(`sql FROM sqlite_schema WHERE name = '${name}'`) };
  });
  const indexes = ["sqlite_autoindex_kv_1", "kv_lease"].map((name) => {
    return { name, entry: one(`${entryOfIndex} FROM sqlite_schema WHERE name = '${name}'`) };
  });
  whole.close();
  const loose = tables.map(({ name, sql }) => {
    const untyped = sql.replaceAll(" NOT NULL", "").replace(" STRICT", "");
    const unindexed = untyped.replace(/,\s*UNIQUE \(ns, key\)/, "");
    return textOfTable(name, unindexed.replaceAll(/ INTEGER(?! PRIMARY)/g, ""));
  });
  const without = indexes.map(({ name }) => `DELETE FROM sqlite_schema WHERE name = '${name}'`);
  schema([...without, ...loose]);
  const database = new Database(file);
  for (const statement of statements) database.exec(statement);
  database.close();
  schema([
    ...tables.map(({ name, sql }) => textOfTable(name, sql)),
    ...indexes.map(({ entry }) => {
      return `INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES (${entry})`;
    }),
  ]);
}

interface Read {
  readonly name: string;
  readonly values: boolean;
  run(temp: TempEngine, namespace: string): Promise<readonly (Entry | undefined)[]>;
}

const absent = Array.from({ length: 100 }, (_none, at) => `none-${String(at)}`);
const reads: readonly Read[] = [true, false].flatMap((values) => {
  const keysOnly = !values;
  const points = (keys: readonly string[]): Read["run"] => {
    const read = { keys: keys.map(keyOf), at: undefined, keysOnly };
    return async (temp, namespace) =>
      (await temp.engine.get(namespace as Namespace, read, patient)).entries;
  };
  const list = (reverse: boolean): Read["run"] => {
    return async (temp, namespace) =>
      (await temp.list({ keysOnly, reverse }, { namespace })).entries;
  };
  const scan: Read["run"] = async (temp, namespace) =>
    (await temp.scan({ keysOnly }, { namespace })).entries;
  return [
    { name: "get", values, run: points([damaged]) },
    { name: "batch on the main thread", values, run: points([before, damaged, behind]) },
    { name: "batch in a thread", values, run: points([before, damaged, ...absent]) },
    { name: "list", values, run: list(false) },
    { name: "list in reverse", values, run: list(true) },
    { name: "scan", values, run: scan },
  ];
});

/** What no row may have; short and long values take different ways. */
const refused = [
  "create_rev = NULL",
  "create_rev = 1.0",
  "create_rev = '1,2;3'",
  "create_rev = x'2c003b'",
  "mod_rev = NULL",
  "mod_rev = 9007199254740993",
  "version = NULL",
  "version = 4611686018427387904",
  "expires_ms = -1",
  "expires_ms = 1",
  "expires_ms = 'soon'",
  "expires_ms = 1e300",
  "lease_id = 0",
  "lease_id = '!'",
  "codec = NULL",
  "codec = 1",
  "value_crc = NULL",
  "checksum = NULL",
  "checksum = -1",
  "value = NULL",
  "value = 7",
  "value = x''",
  "value = substr(value, 1, length(value) - 1)",
];
const lengths = [
  { length: "short", value: "some value" },
  { length: "long", value: long },
];

/** The same three rows for each change, in a namespace of its own, and the change made in it. */
async function damagedStore(
  t: TestContext,
  changes: readonly string[],
  row: Operation,
): Promise<TempEngine> {
  const temp = await TempEngine.open(t);
  for (let at = 0; at < changes.length; at++) {
    const rows = [putOf(before, before), row, putOf(behind, behind)];
    okOf(await temp.commit(rows, { namespace: `n${String(at)}` }));
  }
  await temp.close();
  const where = (at: number): string =>
    `ns = (SELECT id FROM namespace WHERE name = 'n${String(at)}') AND key = CAST('${damaged}' AS BLOB)`;
  change(
    temp.file,
    changes.map((columns, at) => `UPDATE kv SET ${columns} WHERE ${where(at)}`),
  );
  await temp.start({});
  return temp;
}

/** Fails the test when the read is answered; undefined = the error names no key. */
async function keyNamedBy(read: ReturnType<Read["run"]>, what: string): Promise<unknown> {
  const error: unknown = await read.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof EngineError, `${what} was answered, or threw ${String(error)}`);
  assert.equal(error.kind, "corrupt", what);
  return Buffer.from(error.facts["key"] ?? "", "base64").toString();
}

for (const { length, value } of lengths) {
  test(`a row with a ${length} value and one wrong column is refused under its own name`, async (t) => {
    const temp = await damagedStore(t, refused, putOf(damaged, value, until));
    for (const [at, columns] of refused.entries()) {
      const namespace = `n${String(at)}`;
      for (const read of reads) {
        const what = `${read.name} with ${columns}`;
        assert.equal(await keyNamedBy(read.run(temp, namespace), what), damaged, what);
      }
      for (const key of [before, behind]) assert.equal(await temp.text(key, { namespace }), key);
    }
  });

  test(`a ${length} value of which a flipped bit makes a text is what it was`, async (t) => {
    const row = putOf(damaged, value);
    const temp = await damagedStore(t, ["value = CAST(value AS TEXT)"], row);
    const namespace = "n0";
    // The second time from memory.
    for (const read of [...reads, ...reads].filter(({ values }) => values)) {
      const entries = await read.run(temp, namespace);
      const found = entries.find((entry) => entry && textOf(entry.key) === damaged);
      assert.equal(Buffer.compare(found?.value ?? new Uint8Array(), row.value), 0, read.name);
    }
    const [from, to] = [keyOf(damaged), keyOf("renamed")];
    okOf(await temp.commit([{ kind: "rename", from, to, overwrite: false }], { namespace }));
    assert.equal(await temp.text("renamed", { namespace }), value);
  });
}

test("a time that is the same to the checksum as none hides no row", async (t) => {
  const temp = await damagedStore(t, ["expires_ms = -1"], putOf(damaged, "for ever"));
  for (const read of reads) {
    assert.equal(await keyNamedBy(read.run(temp, "n0"), read.name), damaged, read.name);
  }
});

test("a damaged lease hides no key that is bound to it", async (t) => {
  const damages = ["deadline_ms = 1", "deadline_ms = NULL", "ttl_ms = 1.5", "checksum = 0"];
  const temp = await TempEngine.open(t);
  const leaseId = 77n as LeaseId;
  const grant = { kind: "lease-grant", leaseId, ttlMs: 3_600_000 } as const;
  const bound = putOf(damaged, "bound", { kind: "lease", leaseId });
  const rows = [grant, putOf(before, before), bound, putOf(behind, behind)];
  for (let at = 0; at < damages.length; at++) {
    okOf(await temp.commit(rows, { namespace: `n${String(at)}` }));
  }
  await temp.close();
  const where = (at: number): string =>
    `ns = (SELECT id FROM namespace WHERE name = 'n${String(at)}')`;
  change(
    temp.file,
    damages.map((columns, at) => `UPDATE lease SET ${columns} WHERE ${where(at)}`),
  );
  await temp.start({});
  for (const [at, columns] of damages.entries()) {
    const namespace = `n${String(at)}`;
    for (const read of reads) {
      await keyNamedBy(read.run(temp, namespace), `${read.name} with ${columns}`);
    }
    const get = { kind: "get", key: keyOf(damaged) } as const;
    assert.equal(await refusalOf(() => temp.commit([get], { namespace })), "corrupt");
    for (const key of [before, behind]) assert.equal(await temp.text(key, { namespace }), key);
  }
});

test("a damaged replaced version is named as one, to a watch as to a read", async (t) => {
  const temp = await TempEngine.open(t);
  const namespace = "kept";
  await temp.engine.namespaces.create(namespace as Namespace, { historyReads: true });
  const put = okOf(await temp.put(damaged, "replaced", { namespace }));
  okOf(await temp.put(damaged, "present", { namespace }));
  await temp.close();
  const database = new Database(temp.file);
  const rowId = database.prepare("SELECT CAST(id AS TEXT) FROM past").pluck().get();
  database.exec("UPDATE past SET checksum = checksum + 1");
  database.close();
  await temp.start({});
  const at = put.header.revision;
  const watch = await WatchReader.open(t, temp, { namespace, from: at + 1n, previous: true });
  const readers = {
    read: () => temp.list({ at }, { namespace }),
    watch: () => watch.next(),
  };
  for (const [reader, meet] of Object.entries(readers)) {
    const error: unknown = await meet().then(
      () => undefined,
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof EngineError, `${reader}: ${String(error)}`);
    const { table, row_id: named, key } = error.facts;
    assert.deepEqual(
      [table, named, Buffer.from(key ?? "", "base64").toString()],
      ["past", rowId, damaged],
      reader,
    );
    assert.equal(error.hint, damagedStoreHint, reader);
  }
});

test("a key that is damaged in its row and right in the index can be read, and not be changed", async (t) => {
  const damages = [
    "key = CAST(x'7a' || key AS BLOB)",
    "key = CAST(key AS TEXT)",
    "key = NULL",
    "ns = ns + 1",
    "ns = NULL",
  ];
  const temp = await TempEngine.open(t);
  const leaseId = 77n as LeaseId;
  const grant = { kind: "lease-grant", leaseId, ttlMs: 3_600_000 } as const;
  const bound = putOf(behind, behind, { kind: "lease", leaseId });
  for (let at = 0; at < damages.length; at++) {
    const namespace = `n${String(at)}`;
    await temp.engine.namespaces.create(namespace as Namespace, { historyReads: true });
    const rows = [grant, putOf(before, before), putOf(damaged, damaged), bound];
    okOf(await temp.commit(rows, { namespace }));
  }
  await temp.close();
  const where = (at: number): string =>
    `ns = (SELECT id FROM namespace WHERE name = 'n${String(at)}')
      AND key <> CAST('${before}' AS BLOB)`;
  change(
    temp.file,
    damages.map((columns, at) => `UPDATE kv SET ${columns} WHERE ${where(at)}`).reverse(),
  );
  await temp.start({});
  const remove = (key: string): Operation => {
    return { kind: "delete", span: { kind: "key", key: keyOf(key) }, returnPrevious: false };
  };
  const range = { start: keyOf(before), end: undefined };
  const refusedHere: readonly Operation[] = [
    putOf(damaged, "second"),
    putOf(behind, "free of its lease"),
    remove(damaged),
    remove(behind),
    { kind: "delete", span: { kind: "range", range }, returnPrevious: false },
    { kind: "rename", from: keyOf(damaged), to: keyOf("renamed"), overwrite: false },
    { kind: "lease-revoke", leaseId },
  ];
  for (const [at, columns] of damages.entries()) {
    const namespace = `n${String(at)}`;
    for (const operation of refusedHere) {
      const refusal = await refusalOf(() => temp.commit([operation], { namespace }));
      assert.equal(refusal, "corrupt", `${operation.kind} with ${columns}`);
    }
    for (const key of [before, damaged, behind]) {
      assert.equal(await temp.text(key, { namespace }), key, columns);
    }
    okOf(await temp.commit([putOf(before, "second"), remove(before)], { namespace }));
  }
});

test("a key that is damaged and has run out does not keep the sweeper going round", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const mortal = { kind: "after", ttlMs: expiryRestMsMax } as const;
  okOf(await temp.commit([putOf(before, "1", mortal), putOf(damaged, "1", mortal)]));
  await temp.close();
  change(temp.file, [`UPDATE kv SET key = x'7a' WHERE key = CAST('${damaged}' AS BLOB)`]);
  await temp.reopen();
  await waitFor("the sweep that gives up", () => {
    clock.advance(expiryRestMsMax);
    return temp.log.of("expiry.sweep-refused")[0];
  });
  assert.equal(temp.engine.namespaces.get("test" as Namespace).keys, 1);
});
