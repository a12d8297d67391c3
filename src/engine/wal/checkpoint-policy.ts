/**
 * When to checkpoint, and how hard. PASSIVE often and small keeps one pass from stalling the writer;
 * TRUNCATE gives the space back when everything has moved and nobody pins it. Never RESTART: it
 * blocks writers without shrinking the file (docs/decisions/0007-checkpoint-ladder.md).
 */
import {
  checkpointPauseMsMax,
  checkpointPauseMsMaxAtHardLimit,
  checkpointPauseMsMin,
  checkpointPauseMsMinAtHardLimit,
  passiveCheckpointFrames,
  walKeepBytes,
} from "../../storage/limits.js";
import type { CheckpointRecord, WalStatus } from "../../storage/maintenance.js";
import type { WalGauge } from "../sqlite/raw-checkpoint.js";

export interface WalLimits {
  readonly walSoftLimitBytes: number;
  readonly walHardLimitBytes: number;
}

export interface WalView {
  readonly gauge: WalGauge;
  /** Our own open snapshots: while there is one, TRUNCATE could only wait for it in vain. */
  readonly snapshots: number;
  /** An interval has passed since the last periodic run. */
  readonly intervalElapsed: boolean;
  /** No commit in that interval. */
  readonly idle: boolean;
  /** The last attempt of that mode came to nothing, and the pause after it is not over. */
  readonly passivePaused: boolean;
  readonly truncatePaused: boolean;
}

export type CheckpointStep =
  | { readonly kind: "wait" }
  | { readonly kind: "passive" }
  | { readonly kind: "truncate"; readonly cancelSnapshots: boolean };

/** The next rung of the ladder. Pure, so that every rung is a row of a test. */
export function nextStep(view: WalView, limits: WalLimits): CheckpointStep {
  const { frames, backfilled, walBytes } = view.gauge;
  const hard = walBytes >= limits.walHardLimitBytes;
  if (hard && !view.truncatePaused) return { kind: "truncate", cancelSnapshots: true };
  const pending = frames - backfilled;
  const due = pending >= passiveCheckpointFrames || (pending > 0 && view.intervalElapsed);
  if (due && !view.passivePaused) return { kind: "passive" };
  const worthIt = walBytes > walKeepBytes || (view.idle && walBytes > 0);
  const free = pending <= 0 && view.snapshots === 0;
  if (worthIt && free && !view.truncatePaused) return { kind: "truncate", cancelSnapshots: false };
  return { kind: "wait" };
}

export function limitState(walBytes: number, limits: WalLimits): WalStatus["limitState"] {
  if (walBytes >= limits.walHardLimitBytes) return "hard";
  return walBytes >= limits.walSoftLimitBytes ? "soft" : "ok";
}

/** True: another attempt at once would end the same way. */
export function cameToNothing(record: CheckpointRecord): boolean {
  if (record.outcome === "PARTIAL") return record.framesMoved === 0;
  return ["RESET_PENDING", "SKIPPED_BUSY", "FAILED"].includes(record.outcome);
}

/**
 * The pause after so many attempts in a row that came to nothing (1 = the first): doubling, with up
 * to half of it added by chance (0 ≤ chance < 1), so that two processes do not meet again and again.
 */
export function pauseMs(attempts: number, chance: number, state: WalStatus["limitState"]): number {
  const atHardLimit = state === "hard";
  const least = atHardLimit ? checkpointPauseMsMinAtHardLimit : checkpointPauseMsMin;
  const most = atHardLimit ? checkpointPauseMsMaxAtHardLimit : checkpointPauseMsMax;
  const doubled = least * 2 ** Math.min(attempts - 1, 30);
  return Math.round(Math.min(most, doubled) * (1 + chance / 2));
}
