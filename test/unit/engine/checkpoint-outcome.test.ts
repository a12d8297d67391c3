/** What SQLite's three columns mean, row by row. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckpointRow, RawCheckpoint } from "../../../src/engine/sqlite/raw-checkpoint.js";
import { checkpointRecord } from "../../../src/engine/wal/checkpoint-outcome.js";
import type {
  CheckpointMode,
  CheckpointOutcome,
  CheckpointPin,
} from "../../../src/storage/maintenance.js";

interface Row {
  readonly mode: CheckpointMode;
  /** busy, log, checkpointed; or the code of what was thrown. */
  readonly row: readonly [number, number, number] | string;
  /** Frames and backfilled before, and the size of the file. */
  readonly before: readonly [number, number, number];
  readonly pinned?: boolean;
  readonly expect: CheckpointOutcome;
  readonly moved: number;
  readonly effective?: CheckpointMode;
  readonly code?: string;
}

const rows: readonly Row[] = [
  { mode: "passive", row: [0, 16, 16], before: [16, 0, 66_000], expect: "COMPLETE", moved: 16 },
  { mode: "passive", row: [0, 16, 16], before: [16, 9, 66_000], expect: "COMPLETE", moved: 7 },
  { mode: "full", row: [0, 16, 16], before: [16, 0, 66_000], expect: "COMPLETE", moved: 16 },
  { mode: "restart", row: [0, 16, 16], before: [16, 0, 66_000], expect: "COMPLETE", moved: 16 },
  { mode: "passive", row: [0, 6, 3], before: [6, 0, 25_000], expect: "PARTIAL", moved: 3 },
  { mode: "passive", row: [0, 6, 0], before: [6, 0, 25_000], expect: "PARTIAL", moved: 0 },
  {
    mode: "passive",
    row: [0, 16, 16],
    before: [16, 16, 66_000],
    expect: "NOTHING_TO_DO",
    moved: 0,
  },
  { mode: "full", row: [0, 16, 16], before: [16, 16, 66_000], expect: "NOTHING_TO_DO", moved: 0 },
  {
    mode: "restart",
    row: [0, 16, 16],
    before: [16, 16, 66_000],
    expect: "NOTHING_TO_DO",
    moved: 0,
  },
  { mode: "passive", row: [0, 0, 0], before: [0, 0, 0], expect: "NOTHING_TO_DO", moved: 0 },
  { mode: "truncate", row: [0, 0, 0], before: [16, 0, 66_000], expect: "TRUNCATED", moved: 16 },
  { mode: "truncate", row: [0, 0, 0], before: [16, 16, 66_000], expect: "TRUNCATED", moved: 0 },
  { mode: "truncate", row: [0, 0, 0], before: [0, 0, 0], expect: "NOTHING_TO_DO", moved: 0 },
  {
    mode: "restart",
    row: [1, 16, 16],
    before: [16, 0, 66_000],
    expect: "RESET_PENDING",
    moved: 16,
  },
  {
    mode: "truncate",
    row: [1, 16, 16],
    before: [16, 4, 66_000],
    expect: "RESET_PENDING",
    moved: 12,
  },
  {
    mode: "full",
    row: [1, 16, 16],
    before: [16, 0, 66_000],
    expect: "COMPLETE",
    moved: 16,
    effective: "passive",
  },
  {
    mode: "full",
    row: [1, 16, 16],
    before: [16, 16, 66_000],
    expect: "NOTHING_TO_DO",
    moved: 0,
    effective: "passive",
  },
  { mode: "full", row: [1, 6, 3], before: [6, 0, 25_000], expect: "PARTIAL", moved: 3 },
  { mode: "truncate", row: [1, 6, 3], before: [6, 1, 25_000], expect: "PARTIAL", moved: 2 },
  {
    mode: "truncate",
    row: [1, 6, 0],
    before: [6, 0, 25_000],
    pinned: true,
    expect: "PARTIAL",
    moved: 0,
  },
  {
    mode: "restart",
    row: [1, 6, 0],
    before: [6, 0, 25_000],
    expect: "SKIPPED_BUSY",
    moved: 0,
    effective: "passive",
  },
  { mode: "passive", row: [1, -1, -1], before: [6, 0, 25_000], expect: "SKIPPED_BUSY", moved: 0 },
  {
    mode: "passive",
    row: [0, -1, -1],
    before: [-1, -1, 0],
    expect: "FAILED",
    moved: 0,
    code: "NOT_IN_WAL_MODE",
  },
  {
    mode: "truncate",
    row: "SQLITE_BUSY",
    before: [6, 0, 25_000],
    expect: "SKIPPED_BUSY",
    moved: 0,
    code: "SQLITE_BUSY",
  },
  {
    mode: "passive",
    row: "SQLITE_LOCKED",
    before: [6, 0, 25_000],
    expect: "SKIPPED_BUSY",
    moved: 0,
    code: "SQLITE_LOCKED",
  },
  {
    mode: "passive",
    row: "SQLITE_IOERR_FSYNC",
    before: [6, 0, 25_000],
    expect: "FAILED",
    moved: 0,
    code: "SQLITE_IOERR_FSYNC",
  },
  {
    mode: "truncate",
    row: "SQLITE_FULL",
    before: [6, 0, 25_000],
    expect: "FAILED",
    moved: 0,
    code: "SQLITE_FULL",
  },
];

const pin: CheckpointPin = { frame: 3, ageMs: 10, owner: "Scan", pid: 1 };

function rawOf({ row, before }: Row): RawCheckpoint {
  const [frames, backfilled, walBytes] = before;
  const measured = { before: { frames, backfilled, walBytes }, durationMs: 1.5 };
  if (typeof row === "string") {
    return { kind: "threw", code: row, message: "", ...measured, after: measured.before };
  }
  const [busy, log, checkpointed] = row;
  const answer: CheckpointRow = { busy, log, checkpointed };
  const after = { frames: log, backfilled: checkpointed, walBytes: log === 0 ? 0 : walBytes };
  return { kind: "ran", row: answer, ...measured, after };
}

for (const one of rows) {
  const { mode, row, before, expect } = one;
  test(`${mode} answering ${String(row)} after ${String(before)} is ${expect}`, () => {
    const record = checkpointRecord({
      raw: rawOf(one),
      mode,
      source: "manual",
      atMs: 7,
      pinnedBy: one.pinned === true ? pin : undefined,
    });
    assert.equal(record.outcome, expect);
    assert.equal(record.framesMoved, one.moved);
    assert.equal(record.modeRequested, mode);
    assert.equal(record.modeEffective, one.effective ?? mode);
    assert.equal(record.code, one.code ?? "");
    assert.equal(record.framesTotal, Math.max(0, before[0]));
    assert.equal(record.walBytesBefore, before[2]);
    assert.equal(record.busy, typeof row === "string" ? 0 : row[0]);
  });
}

test("who pins is named in an incomplete record and in no complete one", () => {
  const common = { mode: "passive", source: "periodic", atMs: 7, pinnedBy: pin } as const;
  const partial = rawOf({
    mode: "passive",
    row: [0, 6, 3],
    before: [6, 0, 1],
    expect: "PARTIAL",
    moved: 3,
  });
  assert.deepEqual(checkpointRecord({ ...common, raw: partial }).pinnedBy, pin);
  const complete = rawOf({
    mode: "passive",
    row: [0, 6, 6],
    before: [6, 0, 1],
    expect: "COMPLETE",
    moved: 6,
  });
  assert.equal(checkpointRecord({ ...common, raw: complete }).pinnedBy, undefined);
});
