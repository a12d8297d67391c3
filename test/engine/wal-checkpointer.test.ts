/** The ladder at work on a real file, with time moved by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { RawCheckpoint } from "../../src/engine/sqlite/raw-checkpoint.js";
import { EngineError } from "../../src/storage/errors.js";
import { checkpointHistoryMax, passiveCheckpointFrames } from "../../src/storage/limits.js";
import { CheckpointedStore, frameBytes, intervalMs } from "../support/checkpointed-store.js";

test("frames that reach the threshold are moved without waiting for the interval", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(passiveCheckpointFrames / 2);
  await store.settle();
  assert.deepEqual(store.runs, []);
  store.commit(passiveCheckpointFrames / 2);
  await store.settle();
  assert.deepEqual(store.runs, ["passive"]);
  assert.equal(store.checkpointer.status().checkpoints[0]?.outcome, "COMPLETE");
  assert.equal(store.log.lines.length, 0, "a run that the load asked for is not worth a line");
});

test("every interval is one line at least, also when there is nothing to do", async (t) => {
  const store = new CheckpointedStore(t);
  for (let round = 0; round < 3; round++) await store.pass(intervalMs);
  const lines = store.log.of("checkpoint.completed");
  assert.equal(lines.length, 3);
  for (const line of lines) {
    assert.equal(line.msg, "periodic-checkpoint completed");
    assert.equal(line.fields["outcome"], "NOTHING_TO_DO");
    assert.equal(line.fields["source"], "periodic");
    assert.equal(line.fields["busy"], 0);
  }
});

test("an interval moves what is pending, and an idle one gives the file's space back", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(10);
  await store.pass(intervalMs);
  assert.equal(store.checkpointer.status().checkpoints[0]?.outcome, "COMPLETE");
  assert.ok(store.walBytes > 0, "below the size to keep the file is used again");
  await store.pass(intervalMs);
  assert.equal(store.walBytes, 0);
  assert.deepEqual(
    store.checkpointer.status().checkpoints.map(({ outcome }) => outcome),
    ["TRUNCATED", "COMPLETE"],
  );
});

test("a pinned WAL is reported as incomplete with its owner, and the attempts space out", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(5);
  store.openSnapshot();
  store.commit(5);
  await store.pass(intervalMs);
  const [first] = store.log.of("checkpoint.incomplete");
  assert.equal(first?.fields["outcome"], "PARTIAL");
  assert.equal(first.fields["pinned_by"], "Scan");
  assert.match(first.msg, /^periodic-checkpoint incomplete: checkpoint returned busy=0$/);
  const before = store.runs.length;
  // 1, 2, 4, 8 s, each with up to half of it added: within 24 s four or five attempts.
  for (let second = 0; second < 24; second++) await store.pass(1_000);
  const attempts = store.runs.length - before;
  assert.ok(attempts >= 3 && attempts <= 5, `${String(attempts)} attempts`);
});

test("the attempt is made at once when the last snapshot ends", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(5);
  store.openSnapshot();
  store.commit(5);
  await store.pass(intervalMs);
  store.endSnapshots();
  store.checkpointer.noteSnapshotsEnded();
  await store.settle();
  assert.equal(store.checkpointer.status().checkpoints[0]?.outcome, "COMPLETE");
});

test("above the soft limit an alarm names who pins, and it ends with the reason", async (t) => {
  const store = new CheckpointedStore(t, { walSoftLimitBytes: 50 * frameBytes });
  store.openSnapshot();
  store.commit(60);
  const alarm = store.checkpointer.alarm();
  assert.equal(alarm?.name, "WAL_GROWTH");
  assert.match(alarm.message, /pinned by Scan/);
  assert.equal(store.checkpointer.status().limitState, "soft");
  assert.equal(store.log.of("wal.soft-limit").length, 1);
  store.commit(1);
  assert.equal(store.log.of("wal.soft-limit").length, 1, "once, not with every commit");
  assert.equal(store.checkpointer.writesMustWait(), false);
  store.endSnapshots();
  await store.checkpointer.request("truncate");
  assert.equal(store.checkpointer.alarm(), undefined);
  assert.equal(store.log.of("wal.within-limits").length, 1);
  const names = store.events.recent().filter(({ kind }) => kind === "alarm");
  assert.deepEqual(
    names.map(({ name }) => name),
    ["wal.soft-limit", "wal.within-limits"],
  );
});

test("at the hard limit our own snapshots are ended and the file is emptied", async (t) => {
  const hard = 200 * frameBytes;
  const store = new CheckpointedStore(t, {
    walSoftLimitBytes: 50 * frameBytes,
    walHardLimitBytes: hard,
  });
  store.openSnapshot();
  store.commit(210);
  await store.settle();
  assert.equal(store.walBytes, 0);
  assert.equal(store.checkpointer.writesMustWait(), false);
  assert.equal(store.checkpointer.status().checkpoints[0]?.outcome, "TRUNCATED");
  assert.equal(store.log.of("wal.hard-limit").length, 1);
});

test("writes must wait while a reader that is not ours pins a WAL at its hard limit, and no longer", async (t) => {
  const store = new CheckpointedStore(t, {
    walSoftLimitBytes: 50 * frameBytes,
    walHardLimitBytes: (passiveCheckpointFrames + 200) * frameBytes,
  });
  const foreign = new Database(store.file, { readonly: true });
  foreign.exec("BEGIN");
  foreign.prepare("SELECT count(*) FROM t").get();
  // In vain, so that PASSIVE pauses for longer than TRUNCATE will.
  store.commit(passiveCheckpointFrames);
  await store.settle();
  store.commit(210);
  await store.settle();
  assert.equal(store.checkpointer.writesMustWait(), true);
  assert.equal(store.checkpointer.status().limitState, "hard");
  for (let tenth = 0; tenth < 20; tenth++) await store.pass(100);
  assert.equal(store.checkpointer.writesMustWait(), true);
  foreign.exec("COMMIT");
  for (let tenth = 0; tenth < 20; tenth++) await store.pass(100);
  assert.equal(store.checkpointer.writesMustWait(), false);
  assert.equal(store.walBytes, 0);
  foreign.close();
});

test("those who ask for the same mode at the same time share one run", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(5);
  const asked = [
    store.checkpointer.request("passive"),
    store.checkpointer.request("truncate"),
    store.checkpointer.request("passive"),
    store.checkpointer.request("truncate"),
  ];
  const records = await Promise.all(asked);
  assert.deepEqual(store.runs, ["passive", "truncate"]);
  assert.equal(records[0], records[2]);
  assert.equal(records[1], records[3]);
  assert.deepEqual(
    records.slice(0, 2).map(({ outcome, source }) => [outcome, source]),
    [
      ["COMPLETE", "manual"],
      ["TRUNCATED", "manual"],
    ],
  );
  assert.equal(store.log.of("checkpoint.manual-completed").length, 2);
});

test("a later request gets a run of its own", async (t) => {
  const store = new CheckpointedStore(t);
  const first = await store.checkpointer.request("full");
  const second = await store.checkpointer.request("full");
  assert.notEqual(first, second);
  assert.deepEqual(store.runs, ["full", "full"]);
});

test("RESTART is run when it is asked for, and never otherwise", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(2 * passiveCheckpointFrames);
  for (let round = 0; round < 3; round++) await store.pass(intervalMs);
  assert.equal(store.runs.includes("restart"), false);
  assert.equal((await store.checkpointer.request("restart")).modeRequested, "restart");
});

test("the history keeps the newest records, newest first", async (t) => {
  const store = new CheckpointedStore(t);
  for (let round = 0; round < checkpointHistoryMax + 3; round++) {
    await store.checkpointer.request(round % 2 === 0 ? "passive" : "full");
  }
  const { checkpoints } = store.checkpointer.status();
  assert.equal(checkpoints.length, checkpointHistoryMax);
  assert.equal(checkpoints[0]?.modeRequested, "passive");
  assert.equal(checkpoints[1]?.modeRequested, "full");
});

test("after a disk error nothing more is begun: a further checkpoint is what destroys data", async (t) => {
  const store = new CheckpointedStore(t);
  const gauge = { frames: 5, backfilled: 0, walBytes: 20_600 };
  store.answer = () =>
    Promise.resolve({
      kind: "threw",
      code: "SQLITE_IOERR_FSYNC",
      message: "disk I/O error",
      before: gauge,
      after: gauge,
      durationMs: 3,
    });
  const record = await store.checkpointer.request("passive");
  assert.deepEqual([record.outcome, record.code], ["FAILED", "SQLITE_IOERR_FSYNC"]);
  assert.equal(store.log.of("checkpoint.manual-failed").length, 1);
  store.commit(passiveCheckpointFrames);
  await store.pass(3 * intervalMs);
  assert.equal(store.runs.length, 1);
  const text = await store.metrics.expose();
  assert.match(text, /kvdb_checkpoint_failures_total\{.*code="SQLITE_IOERR_FSYNC".*\} 1/);
});

test("a writer that is gone is an answer to those who wait, not a rejection", async (t) => {
  const store = new CheckpointedStore(t);
  store.answer = () => Promise.reject(new Error("the thread has ended"));
  const record = await store.checkpointer.request("full");
  assert.deepEqual([record.outcome, record.code], ["FAILED", "WRITER_GONE"]);
});

test("a full disk fails the run and is tried again after the pause", async (t) => {
  const store = new CheckpointedStore(t);
  const gauge = { frames: passiveCheckpointFrames, backfilled: 0, walBytes: 4_120_032 };
  store.answer = () =>
    Promise.resolve({
      kind: "threw",
      code: "SQLITE_FULL",
      message: "database or disk is full",
      before: gauge,
      after: gauge,
      durationMs: 3,
    });
  store.commit(passiveCheckpointFrames);
  await store.settle();
  assert.deepEqual(store.runs, ["passive"]);
  store.answer = undefined;
  await store.pass(1_500);
  assert.equal(store.checkpointer.status().checkpoints[0]?.outcome, "COMPLETE");
});

test("the last checkpoint empties the WAL and says so, and nothing runs after it", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(10);
  const record = await store.checkpointer.finish(1_000);
  assert.equal(record.outcome, "TRUNCATED");
  assert.equal(store.walBytes, 0);
  const [line] = store.log.of("checkpoint.closing-completed");
  assert.equal(line?.msg, "closeDatabase checkpoint completed");
  await assert.rejects(
    store.checkpointer.request("passive"),
    (error: unknown) => error instanceof EngineError && error.kind === "draining",
  );
  assert.equal(store.clock.timers, 0);
});

test("the last checkpoint gives up when its budget is used up, and says who was in the way", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(10);
  store.openSnapshot();
  const finishing = store.checkpointer.finish(300);
  for (let tenth = 0; tenth < 5; tenth++) await store.pass(100);
  const record = await finishing;
  assert.equal(record.outcome, "RESET_PENDING");
  assert.equal(record.pinnedBy?.owner, "Scan");
  assert.match(store.log.lines.at(-1)?.msg ?? "", /^closeDatabase checkpoint incomplete/);
});

test("a start with residue says that it recovered, and one without says nothing", (t) => {
  const store = new CheckpointedStore(t);
  const gauge = { frames: 5, backfilled: 0, walBytes: 20_632 };
  const raw: RawCheckpoint = {
    kind: "ran",
    row: { busy: 0, log: 0, checkpointed: 0 },
    before: gauge,
    after: { frames: 0, backfilled: 0, walBytes: 0 },
    durationMs: 2,
  };
  assert.equal(store.checkpointer.noteStartup(raw, false).outcome, "TRUNCATED");
  assert.equal(store.log.lines.length, 0);
  const record = store.checkpointer.noteStartup(raw, true);
  assert.deepEqual([record.source, record.framesMoved], ["startup-recovery", 5]);
  assert.equal(store.log.lines[0]?.msg, "startup-recovery checkpoint completed");
});

test("outcomes are counted, durations observed, and the time in which frames wait is shown", async (t) => {
  const store = new CheckpointedStore(t);
  store.commit(5);
  await store.checkpointer.request("passive");
  store.commit(5);
  store.clock.advance(2_500);
  const text = await store.metrics.expose();
  assert.match(text, /sqlite_wal_checkpoint_count\{outcome="COMPLETE"\} 1/);
  assert.match(text, /sqlite_wal_checkpoint_duration_ms_count 1/);
  assert.match(text, /kvdb_checkpoint_blocked_seconds 2\.5/);
});
