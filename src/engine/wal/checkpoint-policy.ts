/**
 * When to checkpoint, and how hard. PASSIVE often and small keeps one pass from stalling the writer;
 * TRUNCATE gives the space back when everything has moved and nobody pins it. Never RESTART: it
 * blocks writers without shrinking the file (docs/decisions/0007-checkpoint-ladder.md).
 */
import { passiveCheckpointFrames, walKeepBytes } from "../../storage/limits.js";
import type { CheckpointRecord, WalStatus } from "../../storage/maintenance.js";
import type { WalGauge } from "../sqlite/raw-checkpoint.js";

export interface WalLimits {
  readonly softLimitBytes: number;
  readonly hardLimitBytes: number;
}

export interface WalView {
  readonly gauge: WalGauge;
  /** Our own open snapshots: while there is one, TRUNCATE could only wait for it in vain. */
  readonly snapshots: number;
  /** An interval has passed since the last periodic run. */
  readonly intervalElapsed: boolean;
  /** No commit in that interval. */
  readonly idle: boolean;
  /** The last attempt came to nothing, and the pause after it is not over. */
  readonly backingOff: boolean;
}

export type CheckpointStep =
  | { readonly kind: "wait" }
  | { readonly kind: "passive" }
  | { readonly kind: "truncate"; readonly cancelSnapshots: boolean };

/** The next rung of the ladder. Pure, so that every rung is a row of a test. */
export function nextStep(view: WalView, limits: WalLimits): CheckpointStep {
  const { frames, backfilled, walBytes } = view.gauge;
  if (view.backingOff) return { kind: "wait" };
  if (walBytes >= limits.hardLimitBytes) return { kind: "truncate", cancelSnapshots: true };
  const pending = frames - backfilled;
  if (pending >= passiveCheckpointFrames) return { kind: "passive" };
  if (pending > 0 && view.intervalElapsed) return { kind: "passive" };
  const worthIt = walBytes > walKeepBytes || (view.idle && walBytes > 0);
  if (pending === 0 && view.snapshots === 0 && worthIt) {
    return { kind: "truncate", cancelSnapshots: false };
  }
  return { kind: "wait" };
}

export function limitState(walBytes: number, limits: WalLimits): WalStatus["limitState"] {
  if (walBytes >= limits.hardLimitBytes) return "hard";
  return walBytes >= limits.softLimitBytes ? "soft" : "ok";
}

export interface BackOff {
  /** Attempts in a row that moved nothing. */
  readonly attempts: number;
  /** 0 = no pause. */
  readonly delayMs: number;
}

export interface BackOffBounds {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}

/**
 * The pause after this record: none when it moved something or had nothing to move, else doubling
 * from the least to the longest, with up to half of it as jitter (0 ≤ chance < 1).
 */
export function backOffAfter(
  before: BackOff,
  record: CheckpointRecord,
  chance: number,
  bounds: BackOffBounds,
): BackOff {
  const progress = record.outcome === "PARTIAL" && record.framesMoved > 0;
  const stuck = ["PARTIAL", "RESET_PENDING", "SKIPPED_BUSY", "FAILED"].includes(record.outcome);
  if (progress || !stuck) return { attempts: 0, delayMs: 0 };
  const doubled = bounds.delayMsMin * 2 ** Math.min(before.attempts, 30);
  const delayMs = Math.min(bounds.delayMsMax, doubled);
  return { attempts: before.attempts + 1, delayMs: Math.round(delayMs * (1 + chance / 2)) };
}
