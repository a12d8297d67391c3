/**
 * Everything that can be asked of an engine, in each state in which it can be asked: an answer or a
 * refusal with its reason, never an error that nobody meant.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { type EngineVerb, endsOfVerbs, engineVerbs } from "../support/engine-verbs.js";
import { meetFault, type Sighting } from "../support/latched-engine.js";
import { tempDirectory } from "../support/temp-directory.js";
import { okOf, TempEngine } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

type End = "answers" | "draining" | "read-only" | "storage-fault";
type Row = Readonly<Record<"draining" | "closed" | "readOnly" | "failed", End>>;

const reading: Row = {
  draining: "draining",
  closed: "draining",
  readOnly: "answers",
  failed: "storage-fault",
};
const writing: Row = { ...reading, readOnly: "read-only" };
/** Operators look when something is wrong: as long as there is a connection to look with. */
const looking: Row = {
  draining: "answers",
  closed: "draining",
  readOnly: "answers",
  failed: "answers",
};
/** From what this process remembers. */
const remembering: Row = { ...looking, closed: "answers" };

const table: Readonly<Record<EngineVerb, Row>> = {
  commit: writing,
  get: reading,
  "get of many": reading,
  list: reading,
  scan: reading,
  head: reading,
  "leases.get": reading,
  "leases.list": reading,
  "namespaces.get": looking,
  "namespaces.list": looking,
  "namespaces.create": writing,
  "namespaces.update": writing,
  "namespaces.delete": writing,
  "maintenance.status": looking,
  "maintenance.probe": reading,
  "maintenance.pragmas": looking,
  "maintenance.wal": remembering,
  "maintenance.compact": writing,
  "maintenance.vacuum": writing,
  "maintenance.checkpoint": { ...looking, failed: "storage-fault" },
  "maintenance.checkIntegrity": remembering,
  "maintenance.lastIntegrityReport": remembering,
  "maintenance.events": remembering,
};

function expected(state: keyof Row): Record<string, End> {
  return Object.fromEntries(Object.entries(table).map(([verb, row]) => [verb, row[state]]));
}

test("an engine that serves answers everything", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.put("key", "1"));
  const all = Object.keys(engineVerbs).map((verb) => [verb, "answers"]);
  assert.deepEqual(await endsOfVerbs(temp.engine), Object.fromEntries(all));
});

test("an engine that drains answers operators, one that is closed says so", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.put("key", "1"));
  const { engine } = temp;
  engine.maintenance.drain("an operator asked");
  assert.deepEqual(await endsOfVerbs(engine), expected("draining"));
  await temp.close();
  assert.deepEqual(await endsOfVerbs(engine), expected("closed"));
});

/** Changes one bit of a key in the index, so that the full check of a start finds it. */
function damageIndex(file: string, key: string): void {
  const database = new Database(file, { readonly: true });
  const pages = database
    .prepare("SELECT pageno FROM dbstat WHERE name = 'sqlite_autoindex_kv_1'")
    .pluck()
    .all() as number[];
  const pageBytes = database.pragma("page_size", { simple: true }) as number;
  database.close();
  const bytes = readFileSync(file);
  const places = pages.map((page) => bytes.indexOf(key, (page - 1) * pageBytes));
  const at = places.find((place, index) => place >= 0 && place < (pages[index] ?? 0) * pageBytes);
  assert.ok(at !== undefined, "the key is in the index");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

test("an engine that found damage at its start reads, and refuses to write", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.put("key", "1"));
  okOf(await temp.put("zz-damaged", "1", { namespace: "other" }));
  await temp.close();
  damageIndex(temp.file, "zz-damaged");
  await temp.start({ integrityOnStart: "full", integrityFailurePolicy: "readonly" });
  const { state, alarms } = temp.engine.maintenance.status();
  assert.deepEqual([state, alarms.map(({ name }) => name)], ["read_only", ["INTEGRITY_FAILED"]]);
  assert.deepEqual(await endsOfVerbs(temp.engine), expected("readOnly"));
  await assert.rejects(temp.list({}, { namespace: "other" }), { kind: "corrupt" });
});

function assertLatched(seen: Sighting): void {
  assert.deepEqual(
    [seen.before, seen.inHand, seen.queued, seen.later],
    ["ok", "unknown", "storage-fault", "storage-fault"],
  );
  assert.deepEqual(
    seen.faults.map(({ kind, reason }) => [kind, reason.split(":")[0]]),
    [["io", "SQLITE_IOERR_FSYNC"]],
  );
  assert.deepEqual(seen.verbs, expected("failed"));
  assert.ok(seen.walBytes > 0, "nothing was checkpointed or closed after the fault");
}

// The first commit of the point is the new epoch, the second the write that is acknowledged.
for (const { when, failpoints, committed } of [
  {
    when: "before it is on disk",
    failpoints: "before-commit=error:SQLITE_IOERR_FSYNC@3",
    committed: false,
  },
  {
    when: "after it is on disk",
    failpoints: "after-commit=error:SQLITE_IOERR_FSYNC@3",
    committed: true,
  },
]) {
  test(`a commit that fails ${when} is unknown, nothing follows it, and a restart settles it`, async (t) => {
    const directory = tempDirectory(t);
    assertLatched(await meetFault(directory, failpoints));
    assert.ok(existsSync(join(directory, "data", "kv.db-wal")), "the WAL outlives the process");
    const temp = await TempEngine.open(t, { directory });
    assert.equal(temp.engine.maintenance.status().recovery.unclean, true);
    assert.equal(await temp.text("acknowledged"), "1");
    assert.equal(await temp.text("in-hand"), committed ? "1" : undefined);
    assert.equal(await temp.get("queued"), undefined);
    const retry = okOf(await temp.put("in-hand", "1", { requestId: "second" }));
    assert.equal(retry.value.replayed, committed);
    assert.equal((await temp.get("in-hand"))?.version, 1n);
  });
}

test("a disk that is full refuses the group, and what follows is written when it has room", async (t) => {
  const temp = await TempEngine.open(t, { failpoints: "before-commit=error:SQLITE_FULL@3" });
  okOf(await temp.put("a", "1", { requestId: "one" }));
  const refused = temp.put("a", "2", { requestId: "two" });
  await assert.rejects(refused, { name: "EngineError", kind: "disk-full" });
  assert.equal(await temp.text("a"), "1");
  await waitFor("room", () => temp.log.of("engine.disk-has-room")[0]);
  const next = okOf(await temp.put("a", "3", { requestId: "three" }));
  assert.equal(next.header.revision, 2n);
  assert.equal(await temp.text("a"), "3");
  assert.equal(okOf(await temp.put("a", "2", { requestId: "two" })).value.replayed, false);
  assert.equal(temp.log.of("engine.disk-full").length, 1);
  assert.deepEqual(temp.faults, []);
});

test("a lock of another process is waited out, and refused when that takes too long", async (t) => {
  const temp = await TempEngine.open(t, { failpoints: "before-commit=error:SQLITE_BUSY@3" });
  okOf(await temp.put("a", "1"));
  assert.equal(okOf(await temp.put("a", "2")).header.revision, 2n);
  assert.equal(temp.log.of("engine.file-locked").length, 1);
  await temp.reopen({ busyBudgetMs: 0 });
  okOf(await temp.put("a", "3"));
  await assert.rejects(temp.put("a", "4"), { name: "EngineError", kind: "storage-busy" });
  assert.equal(await temp.text("a"), "3");
  assert.equal(okOf(await temp.put("a", "5")).header.revision, 4n);
});

test("a stop waits for a group that waits for a lock", async (t) => {
  const temp = await TempEngine.open(t, { failpoints: "before-commit=error:SQLITE_BUSY@2" });
  const waiting = temp.put("a", "1");
  await waitFor("the lock to be met", () => temp.log.of("engine.file-locked")[0]);
  await temp.close();
  assert.equal(okOf(await waiting).header.revision, 1n);
  assert.deepEqual(temp.faults, []);
});
