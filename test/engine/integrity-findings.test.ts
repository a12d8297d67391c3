/**
 * What each kind of check finds. The store is written by the engine, closed, and damaged by hand;
 * the negative halves matter as much: they say what SQLite's own checks do not see.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { IntegrityChecker } from "../../src/engine/integrity/integrity-check.js";
import { systemClock } from "../../src/foundation/clock.js";
import { EngineEvents } from "../../src/observability/events.js";
import { Metrics } from "../../src/observability/metrics.js";
import { integrityMessagesMax } from "../../src/storage/limits.js";
import type { IntegrityMode, IntegrityReport } from "../../src/storage/maintenance.js";
import type { LeaseId } from "../../src/storage/model.js";
import { copyDatabase } from "../support/real-database.js";
import { recordingLog } from "../support/recording-log.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { bytesOf, okOf, putOf, TempEngine } from "../support/temp-engine.js";

const modes = ["quick", "full", "checksum", "all"] as const;
const pageBytes = 4096;

const rows = 300;
let template = "";
const endings: (() => void | Promise<void>)[] = [];
before(async () => {
  template = await closedStore({ after: (run) => endings.push(run) });
});
after(async () => {
  for (const end of endings) await end();
});

/** A copy of the store, for one test to damage. */
function storeOf(ending: Ending): string {
  const file = join(tempDirectory(ending), "kv.db");
  copyDatabase(template, file);
  return file;
}

/** A closed store with rows of every kind. Values say which row they belong to. */
async function closedStore(ending: Ending): Promise<string> {
  const temp = await TempEngine.open(ending);
  const lease = { kind: "lease", leaseId: 7n as LeaseId } as const;
  okOf(await temp.commit([{ kind: "lease-grant", leaseId: lease.leaseId, ttlMs: 3_600_000 }]));
  for (let row = 0; row < rows; row += 50) {
    const names = Array.from({ length: 50 }, (_, index) => String(row + index).padStart(6, "0"));
    const puts = names.map((name) => putOf(`key-${name}`, `value-${name}-`.padEnd(120, "v")));
    okOf(await temp.commit(puts, { requestId: `request-${String(row)}` }));
  }
  okOf(await temp.commit([putOf("leased", "x", lease), putOf("gone", "x")]));
  okOf(await temp.delete("gone"));
  await temp.close();
  return temp.file;
}

async function check(file: string, mode: IntegrityMode): Promise<IntegrityReport> {
  const clock = systemClock();
  const checker = new IntegrityChecker({
    file,
    clock,
    log: recordingLog(),
    metrics: new Metrics(),
    events: new EngineEvents(clock, 10),
    failuresBefore: 0,
    countFailure: () => Promise.resolve(),
  });
  for await (const item of checker.check(mode, new AbortController().signal)) {
    if (item.kind === "report") return item;
  }
  assert.fail("a check ends with a report");
}

/** Which modes call the file sound. */
async function verdicts(file: string): Promise<Record<IntegrityMode, string>> {
  const found: Partial<Record<IntegrityMode, string>> = {};
  for (const mode of modes) found[mode] = (await check(file, mode)).verdict;
  return found as Record<IntegrityMode, string>;
}

const sound = { quick: "passed", full: "passed", checksum: "passed", all: "passed" };

function execute(file: string, sql: string): void {
  const database = new Database(file);
  database.exec(sql);
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
}

/** Pages of a table or an index, leaves before the others. */
function pagesOf(file: string, name: string): number[] {
  const database = new Database(file, { readonly: true });
  const pages = database
    .prepare("SELECT pageno FROM dbstat WHERE name = ? ORDER BY pagetype = 'leaf' DESC, pageno")
    .pluck()
    .all(name) as number[];
  database.close();
  return pages;
}

/** Changes one bit of a text wherever it stands in this table or index, leftovers included. */
function damageText(file: string, where: { readonly name: string; readonly text: string }): void {
  const bytes = readFileSync(file);
  const wanted = Buffer.from(where.text);
  let damaged = 0;
  for (const page of pagesOf(file, where.name)) {
    const content = bytes.subarray((page - 1) * pageBytes, page * pageBytes);
    for (let at = content.indexOf(wanted); at >= 0; at = content.indexOf(wanted, at + 1)) {
      const last = at + wanted.length - 1;
      content[last] = (content[last] ?? 0) ^ 1;
      damaged++;
    }
  }
  assert.ok(damaged > 0, `${where.text} is in a page of ${where.name}`);
  writeFileSync(file, bytes);
}

test("a store with rows of every kind passes every check", async (t) => {
  const file = storeOf(t);
  assert.deepEqual(await verdicts(file), sound);
  const report = await check(file, "checksum");
  assert.deepEqual(report.messages, []);
  // Keys, log entries, remembered requests, and one each of store, namespace, span and lease.
  assert.ok(report.rowsChecked >= rows + 1 + 8 + 6 + 4, String(report.rowsChecked));
});

test("a flipped bit in a value is found by the checksums, and by nothing else", async (t) => {
  const file = storeOf(t);
  damageText(file, { name: "kv", text: "value-000123" });
  const passed = { ...sound, checksum: "failed", all: "failed" };
  assert.deepEqual(await verdicts(file), passed);
  const { messages } = await check(file, "checksum");
  assert.equal(messages.length, 1);
  const place = /^kv row \d+: the value's checksum differs \(page (\d+)\)$/.exec(messages[0] ?? "");
  assert.ok(place !== null, messages[0]);
  assert.ok(pagesOf(file, "kv").includes(Number(place[1])), "it is a page of the table");
  const bytes = readFileSync(file);
  const page = Number(place[1]);
  assert.ok(bytes.subarray((page - 1) * pageBytes, page * pageBytes).includes("value-00012"));
});

test("a flipped bit in the index is found by the full check and the walk, not by the quick one", async (t) => {
  const file = storeOf(t);
  damageText(file, { name: "sqlite_autoindex_kv_1", text: "key-000123" });
  const expected = { quick: "passed", full: "failed", checksum: "failed", all: "failed" };
  assert.deepEqual(await verdicts(file), expected);
  const { messages } = await check(file, "checksum");
  assert.match(messages.join(), /its unique index does not lead to it/);
});

test("a flipped bit in a key is found by the checksums, and the message does not show the key", async (t) => {
  const file = storeOf(t);
  damageText(file, { name: "kv", text: "key-000123" });
  const { verdict, messages } = await check(file, "checksum");
  assert.equal(verdict, "failed");
  assert.match(messages.join(), /kv row \d+: the row's checksum differs/);
  assert.doesNotMatch(messages.join(), /key-|value-/);
});

test("a blanked page of the table is found by the quick check", async (t) => {
  const file = storeOf(t);
  const [page = 0] = pagesOf(file, "kv");
  const bytes = readFileSync(file);
  bytes.fill(0, (page - 1) * pageBytes, page * pageBytes);
  writeFileSync(file, bytes);
  const found = await verdicts(file);
  assert.deepEqual(found, { quick: "failed", full: "failed", checksum: "failed", all: "failed" });
  const { messages } = await check(file, "checksum");
  const named = messages.filter((message) => message.endsWith(`(page ${String(page)})`));
  assert.ok(named.length > 0, messages.join(" | "));
});

const rowDamages: readonly {
  readonly what: string;
  readonly sql: string;
  readonly says: RegExp;
}[] = [
  {
    what: "a log entry that is missing in the middle",
    sql: "DELETE FROM log WHERE id = 4",
    says: /log row 5: revisions \d+ to \d+ are missing before it/,
  },
  {
    what: "the oldest log entry when it is missing",
    sql: "DELETE FROM log WHERE id = 1",
    says: /log row 2: revisions 1 to \d+ are missing before it/,
  },
  {
    what: "a log entry with another payload",
    sql: "UPDATE log SET payload = (SELECT payload FROM log WHERE id = 2) WHERE id = 3",
    says: /log row 3: the checksum differs/,
  },
  {
    what: "a head that was set back",
    sql: "UPDATE namespace SET head_rev = head_rev - 1",
    says: /namespace row \d+: the checksum differs/,
  },
  {
    what: "a commit sequence that was set back",
    sql: "UPDATE store SET commit_seq = commit_seq - 1",
    says: /store row 1: the checksum differs/,
  },
  {
    what: "a recorded answer that was changed",
    sql: "UPDATE ledger SET rev = rev + 1 WHERE id = 1",
    says: /ledger row 1: the checksum differs/,
  },
  {
    what: "a log span that was changed",
    sql: "UPDATE log_span SET entries = entries + 1",
    says: /log_span row \d+: the checksum differs/,
  },
  {
    what: "a lease that was prolonged by hand",
    sql: "UPDATE lease SET deadline_ms = deadline_ms + 1",
    says: /lease row \d+: the checksum differs/,
  },
  {
    what: "a key that is gone with its index entry",
    sql: "DELETE FROM kv WHERE id = 20",
    says: /namespace row 1: it counts 301 rows of kv, and 300 are there/,
  },
  {
    what: "the newest log entry when it is missing",
    sql: "DELETE FROM log WHERE id = (SELECT max(id) FROM log)",
    says: /log_span row 1: it counts 8 rows of log, and 7 are there/,
  },
  {
    what: "two rows whose values were swapped",
    sql: "UPDATE kv SET value = (SELECT k.value FROM kv k WHERE k.id = 21 - kv.id) WHERE id IN (10, 11)",
    says: /kv row 1[01]: the value's checksum differs/,
  },
  {
    what: "a row that was moved to another namespace",
    sql: "UPDATE kv SET ns = ns + 1 WHERE id = 20",
    says: /kv row 20: the row's checksum differs/,
  },
];

for (const { what, sql, says } of rowDamages) {
  test(`the walk finds ${what}, which SQLite takes for sound`, async (t) => {
    const file = storeOf(t);
    execute(file, sql);
    assert.equal((await check(file, "full")).verdict, "passed");
    const { verdict, messages } = await check(file, "checksum");
    assert.equal(verdict, "failed");
    assert.match(messages.join("\n"), says);
  });
}

test("the walk finds damage in replaced versions too", async (t) => {
  const file = storeOf(t);
  const database = new Database(file);
  database
    .prepare(
      `INSERT INTO past (ns, key, until_rev, create_rev, mod_rev, version, codec, value_crc,
       checksum, value) VALUES (1, ?, 2, 1, 1, 1, 0, 0, 0, ?)`,
    )
    .run(bytesOf("k"), bytesOf("v"));
  database.close();
  const [page] = pagesOf(file, "past");
  const { messages } = await check(file, "checksum");
  assert.deepEqual(messages, [
    `past row 1: the row's checksum differs (page ${String(page)})`,
    `past row 1: the value's checksum differs (page ${String(page)})`,
  ]);
});

test("no more findings are named than fit a report", async (t) => {
  const file = storeOf(t);
  execute(file, "UPDATE kv SET version = version + 1");
  const { verdict, messages } = await check(file, "checksum");
  assert.equal(verdict, "failed");
  assert.equal(messages.length, integrityMessagesMax);
});
