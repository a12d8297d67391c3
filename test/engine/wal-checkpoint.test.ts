/** Checkpoints on a real file: every state of readers and writers that the outcome must tell apart. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { CheckpointRunner } from "../../src/engine/sqlite/raw-checkpoint.js";
import { ForeignWriteError } from "../../src/engine/sqlite/sole-writer.js";
import { checkpointRecord } from "../../src/engine/wal/checkpoint-outcome.js";
import { systemClock } from "../../src/foundation/clock.js";
import type {
  CheckpointMode,
  CheckpointOutcome,
  CheckpointRecord,
} from "../../src/storage/maintenance.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";

class Fixture {
  readonly file: string;
  readonly writer: Database.Database;
  readonly reader: Database.Database;
  readonly runner: CheckpointRunner;

  constructor(ending: Ending) {
    this.file = join(tempDirectory(ending), "kv.db");
    this.writer = new Database(this.file, { timeout: 7 });
    this.writer.pragma("journal_mode = WAL");
    this.writer.pragma("wal_autocheckpoint = 0");
    this.writer.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)");
    this.writer.pragma("wal_checkpoint(TRUNCATE)");
    this.reader = new Database(this.file, { readonly: true });
    this.runner = new CheckpointRunner({
      connection: this.writer,
      walFile: `${this.file}-wal`,
      clock: systemClock(),
      nativeBusyTimeoutMs: 7,
    });
    ending.after(() => {
      this.reader.close();
      this.writer.close();
    });
  }

  commit(count: number): void {
    const insert = this.writer.prepare("INSERT INTO t (text) VALUES (?)");
    for (let round = 0; round < count; round++) insert.run("x".repeat(100));
  }

  /** From here on the reader sees this state, until unpin. */
  pin(): void {
    this.reader.exec("BEGIN");
    this.reader.prepare("SELECT count(*) FROM t").get();
  }

  unpin(): void {
    this.reader.exec("COMMIT");
  }

  checkpoint(mode: CheckpointMode): CheckpointRecord {
    const raw = this.runner.run(mode, 5);
    return checkpointRecord({ raw, mode, source: "manual", atMs: 0, pinnedBy: undefined });
  }
}

const modes = ["passive", "full", "restart", "truncate"] as const;
type Expected = Readonly<Record<(typeof modes)[number], CheckpointOutcome>>;

const states: readonly {
  readonly when: string;
  arrange: (fixture: Fixture) => void;
  readonly expect: Expected;
}[] = [
  {
    when: "nobody else is there",
    arrange: (fixture) => {
      fixture.commit(5);
    },
    expect: { passive: "COMPLETE", full: "COMPLETE", restart: "COMPLETE", truncate: "TRUNCATED" },
  },
  {
    when: "the WAL is empty",
    arrange: () => undefined,
    expect: {
      passive: "NOTHING_TO_DO",
      full: "NOTHING_TO_DO",
      restart: "NOTHING_TO_DO",
      truncate: "NOTHING_TO_DO",
    },
  },
  {
    when: "every frame has moved before",
    arrange: (fixture) => {
      fixture.commit(5);
      fixture.checkpoint("passive");
    },
    expect: {
      passive: "NOTHING_TO_DO",
      full: "NOTHING_TO_DO",
      restart: "NOTHING_TO_DO",
      truncate: "TRUNCATED",
    },
  },
  {
    when: "a reader is pinned at the tip",
    arrange: (fixture) => {
      fixture.commit(5);
      fixture.pin();
    },
    expect: {
      passive: "COMPLETE",
      full: "COMPLETE",
      restart: "RESET_PENDING",
      truncate: "RESET_PENDING",
    },
  },
  {
    when: "a reader is pinned below the tip",
    arrange: (fixture) => {
      fixture.commit(5);
      fixture.pin();
      fixture.commit(5);
    },
    expect: { passive: "PARTIAL", full: "PARTIAL", restart: "PARTIAL", truncate: "PARTIAL" },
  },
  {
    when: "another connection holds the write lock",
    arrange: (fixture) => {
      fixture.commit(5);
      const other = new Database(fixture.file);
      other.exec("BEGIN IMMEDIATE");
    },
    expect: {
      passive: "COMPLETE",
      full: "COMPLETE",
      restart: "RESET_PENDING",
      truncate: "RESET_PENDING",
    },
  },
  {
    when: "a transaction of its own is open",
    arrange: (fixture) => {
      fixture.commit(5);
      fixture.writer.exec("BEGIN");
      fixture.writer.prepare("SELECT count(*) FROM t").get();
    },
    expect: {
      passive: "SKIPPED_BUSY",
      full: "SKIPPED_BUSY",
      restart: "SKIPPED_BUSY",
      truncate: "SKIPPED_BUSY",
    },
  },
];

for (const { when, arrange, expect } of states) {
  for (const mode of modes) {
    test(`${mode} is ${expect[mode]} when ${when}`, (t) => {
      const fixture = new Fixture(t);
      arrange(fixture);
      const record = fixture.checkpoint(mode);
      assert.equal(record.outcome, expect[mode]);
      assert.equal(record.walBytesAfter, statSync(`${fixture.file}-wal`).size);
      assert.ok(record.framesMoved <= record.framesTotal);
      assert.equal(fixture.writer.pragma("busy_timeout", { simple: true }), 7, "put back");
    });
  }
}

test("a pinned reader lets only its own frames move, and the rest follows when it ends", (t) => {
  const fixture = new Fixture(t);
  fixture.commit(5);
  const atPin = fixture.runner.gauge().frames;
  fixture.pin();
  fixture.commit(5);
  const pinned = fixture.checkpoint("passive");
  assert.deepEqual([pinned.outcome, pinned.framesMoved], ["PARTIAL", atPin]);
  fixture.unpin();
  const released = fixture.checkpoint("truncate");
  assert.equal(released.outcome, "TRUNCATED");
  assert.equal(released.framesMoved, pinned.framesTotal - atPin);
  assert.equal(released.walBytesAfter, 0);
});

test("the gauge has no side effect: it moves nothing, shrinks nothing, and waits for nobody", (t) => {
  const fixture = new Fixture(t);
  fixture.commit(5);
  fixture.pin();
  const first = fixture.runner.gauge();
  assert.deepEqual(fixture.runner.gauge(), first);
  assert.equal(first.backfilled, 0);
  assert.equal(first.walBytes, statSync(`${fixture.file}-wal`).size);
});

test("a database without a WAL fails with a code of its own", (t) => {
  const file = join(tempDirectory(t), "plain.db");
  const connection = new Database(file);
  connection.exec("CREATE TABLE t (id)");
  const clock = systemClock();
  const runner = new CheckpointRunner({
    connection,
    walFile: `${file}-wal`,
    clock,
    nativeBusyTimeoutMs: 0,
  });
  const raw = runner.run("passive");
  const record = checkpointRecord({
    raw,
    mode: "passive",
    source: "manual",
    atMs: 0,
    pinnedBy: undefined,
  });
  assert.deepEqual([record.outcome, record.code], ["FAILED", "NOT_IN_WAL_MODE"]);
  connection.close();
});

test("an error of the disk is an answer with its code, not an exception", (t) => {
  const fixture = new Fixture(t);
  fixture.commit(5);
  // A checkpoint on a read-only connection meets an I/O error as soon as a frame is to be moved.
  const runner = new CheckpointRunner({
    connection: fixture.reader,
    walFile: `${fixture.file}-wal`,
    clock: systemClock(),
    nativeBusyTimeoutMs: 0,
  });
  const raw = runner.run("passive");
  assert.equal(raw.kind, "threw");
  assert.match(raw.code, /^SQLITE_IOERR/);
  assert.equal(raw.after.walBytes, statSync(`${fixture.file}-wal`).size);
});

test("what is asked before a pass may fail as the pass may, and nothing moves then", (t) => {
  const fixture = new Fixture(t);
  fixture.commit(5);
  const before = fixture.runner.gauge();
  const raw = fixture.runner.run("passive", 0, () => {
    fixture.writer.exec("COMMIT");
  });
  assert.equal(raw.kind, "threw");
  assert.equal(raw.code, "SQLITE_ERROR");
  assert.deepEqual(fixture.runner.gauge(), before);
  const foreign = fixture.runner.run("passive", 0, () => {
    throw new ForeignWriteError();
  });
  assert.equal(foreign.kind, "threw");
  assert.equal(foreign.code, "FOREIGN_WRITE");
  assert.throws(() => fixture.runner.run("passive", 0, () => assert.fail("a bug")), /a bug/);
});
