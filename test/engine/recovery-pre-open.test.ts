/**
 * What may be opened, row by row, on files that SQLite made. Each refusal leaves the files as they
 * were and copies them aside; each row also says what SQLite itself would have done with them.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { writeCleanMarker } from "../../src/engine/recovery/clean-marker.js";
import { dataFiles } from "../../src/engine/recovery/data-directory.js";
import { inspectBeforeOpen, type PreOpenReport } from "../../src/engine/recovery/recover.js";
import { ManualClock } from "../../src/foundation/clock.js";
import { OpenError, type OpenErrorKind } from "../../src/storage/errors.js";
import type { Epoch, StoreId } from "../../src/storage/model.js";
import { crashedDatabase, rowsOf, testApplicationId } from "../support/real-database.js";
import { type RecordingLog, recordingLog } from "../support/recording-log.js";
import { tempDirectory } from "../support/temp-directory.js";

const format = { applicationId: testApplicationId, formatVersionMax: 1 };

interface Start {
  readonly log: RecordingLog;
  readonly report: PreOpenReport | undefined;
  readonly error: OpenError | undefined;
}

async function start(file: string, synchronous: "EXTRA" | "NORMAL" = "EXTRA"): Promise<Start> {
  const log = recordingLog();
  const allowed = { allowNetworkFileSystem: false, acceptLostWrites: false };
  const options = { file, synchronous, ...allowed };
  try {
    const report = await inspectBeforeOpen(options, format, { clock: new ManualClock(), log });
    report.lock.release();
    return { log, report, error: undefined };
  } catch (error) {
    assert.ok(error instanceof OpenError, String(error));
    return { log, report: undefined, error };
  }
}

/** Name and content of the three files that matter; refusing must not change one byte. */
function fingerprint(file: string): string[] {
  return ["", "-wal", "-journal"].map((suffix) => {
    const path = `${file}${suffix}`;
    if (!existsSync(path)) return "absent";
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  });
}

function quarantined(file: string): string[] {
  const { quarantine } = dataFiles(file);
  if (!existsSync(quarantine)) return [];
  return readdirSync(quarantine).flatMap((copy) => readdirSync(join(quarantine, copy)).sort());
}

const marker = { storeId: "s" as StoreId, epoch: 1n as Epoch, commitSequence: 7n, atMs: 1 };

interface Case {
  readonly when: string;
  /** Arranges `<directory>/crashed/kv.db` and returns its path. */
  readonly arrange: (directory: string) => string | Promise<string>;
  readonly refused?: { readonly kind: OpenErrorKind; readonly reason: RegExp };
  readonly quarantined?: readonly string[];
  readonly opened?: Partial<PreOpenReport>;
}

function crashed(directory: string): string {
  return crashedDatabase(directory, { commits: 10, rowsPerCommit: 10 });
}

/** Everything in the database file, nothing in the WAL. */
function settled(directory: string): string {
  const file = crashed(directory);
  rowsOf(file);
  assert.equal(existsSync(`${file}-wal`), false);
  return file;
}

function emptyPlace(directory: string): string {
  const file = join(directory, "crashed", "kv.db");
  mkdirSync(dirname(file), { mode: 0o700 });
  return file;
}

function changeByte(file: string, at: number, to: (byte: number) => number): void {
  const bytes = readFileSync(file);
  bytes[at] = to(bytes[at] ?? 0);
  writeFileSync(file, bytes);
}

const cases: readonly Case[] = [
  {
    when: "there is nothing",
    arrange: emptyPlace,
    opened: { createdNew: true, unclean: false, walBytesFound: 0, walTail: "absent" },
  },
  {
    when: "the database is there and has no WAL",
    arrange: settled,
    opened: { createdNew: false, unclean: true, walBytesFound: 0 },
  },
  {
    when: "the database is there with an empty WAL",
    arrange(directory) {
      const file = settled(directory);
      writeFileSync(`${file}-wal`, "");
      return file;
    },
    opened: { createdNew: false, walBytesFound: 0, walTail: "absent" },
  },
  {
    when: "the database is there with its marker of a clean stop",
    async arrange(directory) {
      const file = settled(directory);
      await writeCleanMarker(dataFiles(file), marker);
      return file;
    },
    opened: { unclean: false, cleanMarker: { kind: "present", marker } },
  },
  {
    when: "the database has a WAL of committed frames",
    arrange: crashed,
    opened: { unclean: true, walTail: "clean" },
  },
  {
    when: "the last transaction of the WAL is torn",
    arrange(directory) {
      const file = crashed(directory);
      truncateSync(`${file}-wal`, statSync(`${file}-wal`).size - 700);
      return file;
    },
    opened: { unclean: true, walTail: "torn-tail" },
  },
  {
    when: "one commit lies at the first bad frame",
    arrange(directory) {
      const file = crashed(directory);
      changeByte(`${file}-wal`, statSync(`${file}-wal`).size - 700, (byte) => byte ^ 1);
      return file;
    },
    opened: { walTail: "ambiguous" },
    quarantined: ["kv.db-wal"],
  },
  {
    when: "a bit in the middle of the WAL is wrong",
    arrange(directory) {
      const file = crashed(directory);
      changeByte(`${file}-wal`, 32 + 24 + 4120 + 100, (byte) => byte ^ 1);
      return file;
    },
    refused: { kind: "damaged", reason: /commits behind the first bad frame/ },
    quarantined: ["kv.db", "kv.db-wal"],
  },
  {
    when: "a bit in the header of the WAL is wrong",
    arrange(directory) {
      const file = crashed(directory);
      changeByte(`${file}-wal`, 17, (byte) => byte ^ 1);
      return file;
    },
    refused: { kind: "damaged", reason: /bad header/ },
    quarantined: ["kv.db", "kv.db-wal"],
  },
  {
    when: "the WAL has another page size than the database",
    arrange(directory) {
      const file = crashed(directory);
      const other = crashedDatabase(join(directory, "other"), { commits: 3, pageBytes: 1024 });
      writeFileSync(`${file}-wal`, readFileSync(`${other}-wal`));
      return file;
    },
    refused: { kind: "damaged", reason: /do not belong together/ },
    quarantined: ["kv.db", "kv.db-wal"],
  },
  {
    when: "the database is missing beside a WAL",
    arrange(directory) {
      const file = crashed(directory);
      rmSync(file);
      return file;
    },
    refused: { kind: "damaged", reason: /missing beside a WAL/ },
    quarantined: ["kv.db-wal"],
  },
  {
    when: "the database is empty beside a WAL",
    arrange(directory) {
      const file = crashed(directory);
      truncateSync(file, 0);
      return file;
    },
    refused: { kind: "damaged", reason: /empty beside a WAL/ },
    quarantined: ["kv.db-wal"],
  },
  {
    when: "the database is missing although the last stop left its marker",
    async arrange(directory) {
      const file = emptyPlace(directory);
      await writeCleanMarker(dataFiles(file), marker);
      return file;
    },
    refused: { kind: "damaged", reason: /a store has been here/ },
    quarantined: ["kv.db.clean"],
  },
  {
    when: "the file is something else",
    arrange(directory) {
      const file = emptyPlace(directory);
      writeFileSync(file, "not a database\n".repeat(1000));
      return file;
    },
    refused: { kind: "foreign", reason: /not a SQLite database/ },
  },
  {
    when: "the file is blank",
    arrange(directory) {
      const file = emptyPlace(directory);
      writeFileSync(file, new Uint8Array(8192));
      return file;
    },
    refused: { kind: "damaged", reason: /blank/ },
    quarantined: ["kv.db"],
  },
  {
    when: "the file is shorter than a header",
    arrange(directory) {
      const file = settled(directory);
      truncateSync(file, 60);
      return file;
    },
    refused: { kind: "damaged", reason: /header is cut/ },
    quarantined: ["kv.db"],
  },
  {
    when: "the file is shorter than a page",
    arrange(directory) {
      const file = settled(directory);
      truncateSync(file, 2048);
      return file;
    },
    refused: { kind: "damaged", reason: /shorter than a page/ },
    quarantined: ["kv.db"],
  },
  {
    when: "the file is shorter than a page, as a creation under way leaves it beside its journal",
    arrange(directory) {
      const file = settled(directory);
      truncateSync(file, 2048);
      writeFileSync(`${file}-journal`, "a journal");
      return file;
    },
    opened: { walTail: "absent" },
  },
  {
    when: "the file ends in the middle of a page and there is no WAL",
    arrange(directory) {
      const file = settled(directory);
      appendFileSync(file, "x".repeat(100));
      return file;
    },
    refused: { kind: "damaged", reason: /middle of a page/ },
    quarantined: ["kv.db"],
  },
  {
    when: "the file ends in the middle of a page, as a checkpoint under way leaves it",
    arrange(directory) {
      const file = crashed(directory);
      appendFileSync(file, "x".repeat(100));
      return file;
    },
    opened: { walTail: "clean" },
  },
  {
    when: "whole pages are missing at the end and there is no WAL",
    arrange(directory) {
      const file = settled(directory);
      truncateSync(file, statSync(file).size - 4096);
      return file;
    },
    refused: { kind: "damaged", reason: /its header says/ },
    quarantined: ["kv.db"],
  },
  {
    when: "a rollback journal is there",
    arrange(directory) {
      const file = settled(directory);
      writeFileSync(`${file}-journal`, "a journal");
      return file;
    },
    opened: { createdNew: false },
  },
  {
    when: "the database belongs to another application",
    arrange: (directory) => crashedDatabase(directory, { commits: 2, applicationId: 0x1234 }),
    refused: { kind: "foreign", reason: /another application/ },
  },
  {
    when: "the database has tables and belongs to no application",
    arrange: (directory) => crashedDatabase(directory, { commits: 2, applicationId: 0 }),
    refused: { kind: "foreign", reason: /not one of kvdb/ },
  },
  {
    when: "the database was written by a newer format",
    arrange: (directory) => crashedDatabase(directory, { commits: 2, userVersion: 2 }),
    refused: { kind: "newer-format", reason: /format 2/ },
  },
  {
    when: "the database was made and killed before its first table",
    arrange(directory) {
      const file = emptyPlace(directory);
      const database = new Database(file);
      database.pragma("journal_mode = WAL");
      database.close();
      return file;
    },
    opened: { createdNew: true },
  },
];

for (const { when, arrange, refused, opened, quarantined: copies = [] } of cases) {
  test(`start-up ${refused === undefined ? "goes on" : `refuses (${refused.kind})`} when ${when}`, async (t) => {
    const file = await arrange(tempDirectory(t));
    const before = fingerprint(file);
    const { report, error, log } = await start(file);
    assert.deepEqual(fingerprint(file), before, "no byte was changed");
    assert.deepEqual(quarantined(file), copies);
    assert.equal(error?.kind, refused?.kind, error?.message);
    if (refused === undefined) {
      for (const [name, value] of Object.entries(opened ?? {})) {
        assert.deepEqual(report?.[name as keyof PreOpenReport], value, name);
      }
    } else {
      assert.match(error?.message ?? "", refused.reason);
      assert.equal(log.of("recovery.refused").length, 1);
      assert.notEqual(error?.hint, "");
    }
  });
}

test("a refused start is copied aside once, however often it is repeated", async (t) => {
  const file = crashed(tempDirectory(t));
  rmSync(file);
  for (let round = 0; round < 3; round++) assert.equal((await start(file)).error?.kind, "damaged");
  assert.deepEqual(quarantined(file), ["kv.db-wal"]);
});

test("damage in a WAL that was written at NORMAL warns, copies the WAL and goes on", async (t) => {
  const file = crashed(tempDirectory(t));
  const wal = readFileSync(`${file}-wal`);
  // A run at NORMAL held the directory when these frames were written.
  rmSync(`${file}-wal`);
  assert.notEqual((await start(file, "NORMAL")).report, undefined);
  wal[32 + 24 + 4120 + 100] = (wal[32 + 24 + 4120 + 100] ?? 0) ^ 1;
  writeFileSync(`${file}-wal`, wal);
  const { report } = await start(file, "EXTRA");
  assert.equal(report?.walTail, "damaged");
  assert.deepEqual(quarantined(file), ["kv.db-wal"]);
  const step = report.steps.find(({ name }) => name === "inspect-files");
  assert.equal(step?.outcome, "warned");
  // The next start still finds frames of the NORMAL run, whoever held the directory meanwhile.
  assert.equal((await start(file, "EXTRA")).report?.walTail, "damaged");
});

test("WAL residue is logged once, with bytes and frames, and not after a clean stop", async (t) => {
  const file = crashed(tempDirectory(t));
  const { log, report } = await start(file);
  const [line, ...more] = log.of("recovery.wal-residue");
  assert.equal(more.length, 0);
  assert.equal(line?.msg, "startup detected WAL residue");
  assert.equal(line.level, "warn");
  assert.equal(line.fields["wal_bytes"], statSync(`${file}-wal`).size);
  assert.equal(line.fields["frames"], report?.walFramesFound);
  rowsOf(file);
  assert.equal((await start(file)).log.of("recovery.wal-residue").length, 0);
});

test("the report names every step in order, and what each found", async (t) => {
  const { report } = await start(crashed(tempDirectory(t)));
  assert.equal(
    report?.steps.map(({ name, outcome }) => `${name} ${outcome}`).join(", "),
    "data-directory ok, directory-lock ok, scan-wal ok, inspect-files ok, free-space ok, rewrite-wal ok",
  );
});
