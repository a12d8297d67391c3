/**
 * What a checkpoint did. SQLite's row alone does not say: busy = 0 with frames left is not done,
 * busy = 1 may mean everything moved, part of it, or nothing, and TRUNCATE's zeros mean both "done"
 * and "nothing to do". Pure: every row of the table is a row of a test.
 */
import type {
  CheckpointMode,
  CheckpointOutcome,
  CheckpointPin,
  CheckpointRecord,
  CheckpointSource,
} from "../../storage/maintenance.js";
import type { CheckpointRow, RawCheckpoint, WalGauge } from "../sqlite/raw-checkpoint.js";

/** In the record's `code` when the database has no WAL; the others are SQLite's own. */
export const notInWalMode = "NOT_IN_WAL_MODE";

export interface CheckpointRun {
  readonly raw: RawCheckpoint;
  readonly mode: CheckpointMode;
  readonly source: CheckpointSource;
  readonly atMs: number;
  /** Who holds the WAL, as far as that is known; undefined = nobody. */
  readonly pinnedBy: CheckpointPin | undefined;
}

interface Judged {
  readonly outcome: CheckpointOutcome;
  readonly modeEffective: CheckpointMode;
  readonly code: string;
}

/** The record that the answer, the log line, the metrics and the history share. Pure. */
export function checkpointRecord(run: CheckpointRun): CheckpointRecord {
  const { raw, mode, source, atMs } = run;
  const { outcome, modeEffective, code } = judge(run);
  return {
    atMs,
    source,
    modeRequested: mode,
    modeEffective,
    outcome,
    busy: raw.kind === "ran" ? raw.row.busy : 0,
    framesTotal: Math.max(0, raw.before.frames),
    framesMoved: raw.kind === "ran" ? framesMoved(raw.row, raw.before) : 0,
    walBytesBefore: raw.before.walBytes,
    walBytesAfter: raw.after.walBytes,
    durationMs: raw.durationMs,
    pinnedBy: isComplete(outcome) ? undefined : run.pinnedBy,
    code,
  };
}

/** Complete in the sense of the log phrase "completed": nothing is left that could have moved. */
export function isComplete(outcome: CheckpointOutcome): boolean {
  return outcome === "TRUNCATED" || outcome === "COMPLETE" || outcome === "NOTHING_TO_DO";
}

function judge({ raw, mode, pinnedBy }: CheckpointRun): Judged {
  if (raw.kind === "threw") return judgeError(raw.code, mode);
  const { row, before } = raw;
  if (row.log < 0) {
    // Another checkpoint held the lock: SQLite answers before it has looked at the WAL.
    if (row.busy !== 0) return { outcome: "SKIPPED_BUSY", modeEffective: mode, code: "" };
    return { outcome: "FAILED", modeEffective: mode, code: notInWalMode };
  }
  return row.busy === 0
    ? { outcome: judgeFree(row, before, mode), modeEffective: mode, code: "" }
    : judgeBusy(row, { before, mode, pinned: pinnedBy !== undefined });
}

function judgeError(code: string, mode: CheckpointMode): Judged {
  const busy = code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED");
  return { outcome: busy ? "SKIPPED_BUSY" : "FAILED", modeEffective: mode, code };
}

function judgeFree(row: CheckpointRow, before: WalGauge, mode: CheckpointMode): CheckpointOutcome {
  if (mode === "truncate" && row.log === 0) {
    return before.walBytes > 0 ? "TRUNCATED" : "NOTHING_TO_DO";
  }
  if (row.checkpointed < row.log) return "PARTIAL";
  return before.backfilled < row.log ? "COMPLETE" : "NOTHING_TO_DO";
}

function judgeBusy(
  row: CheckpointRow,
  at: { readonly before: WalGauge; readonly mode: CheckpointMode; readonly pinned: boolean },
): Judged {
  const moved = row.checkpointed > at.before.backfilled;
  if (row.checkpointed >= row.log) {
    // Everything is in the database. FULL had nothing more to do; the others wanted the reset.
    if (at.mode !== "full") return { outcome: "RESET_PENDING", modeEffective: at.mode, code: "" };
    return { outcome: moved ? "COMPLETE" : "NOTHING_TO_DO", modeEffective: "passive", code: "" };
  }
  if (moved || at.pinned) return { outcome: "PARTIAL", modeEffective: at.mode, code: "" };
  return { outcome: "SKIPPED_BUSY", modeEffective: "passive", code: "" };
}

/** From the gauge before: the row of a TRUNCATE that succeeded no longer knows. */
function framesMoved(row: CheckpointRow, before: WalGauge): number {
  const moved = (row.log === 0 ? before.frames : row.checkpointed) - before.backfilled;
  return Math.max(0, moved);
}
