/**
 * When to send a request again. What is repeated is either harmless by nature or carries a request
 * id, under which the server answers a repetition with its first answer.
 */
import { status } from "@grpc/grpc-js";
import { assert } from "../foundation/assert.js";
import type { Random } from "../foundation/random.js";
import {
  retryAttemptsMax,
  retryBudgetMsMax,
  retryDelayMsMax,
  retryFirstDelayMs,
} from "./client-limits.js";
import type { KvError } from "./kv-error.js";

/** What sending a request twice does. */
export type Repeat =
  /** Nothing a caller could notice: reads, and calls that set what is set already. */
  | "harmless"
  /** Nothing, as long as both carry the same request id. */
  | "with-request-id"
  /** The second answer would be another one: only after a definite refusal. */
  | "only-if-refused";

export interface RetryPolicy {
  /** 1: never again. */
  readonly attemptsMax: number;
  /** No attempt begins later than this after the first. */
  readonly budgetMs: number;
  readonly firstDelayMs: number;
  readonly delayMsMax: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  attemptsMax: retryAttemptsMax,
  budgetMs: retryBudgetMsMax,
  firstDelayMs: retryFirstDelayMs,
  delayMsMax: retryDelayMsMax,
};

/**
 * Refusals that pass by themselves; nothing had happened. Not among them: QUOTA and DISK_FULL, which
 * wait for a person, and CONDITION_FAILED, which asks the caller to read again.
 */
export const passingReasons: readonly string[] = [
  "DRAINING",
  "FENCED",
  "NOT_CONNECTED",
  "NOT_READY",
  "OVERLOADED",
  "STORAGE_BUSY",
  "STORAGE_FAULT",
  "WAL_LIMIT",
];

/** Failures after which nothing is known, reported by a server or made up by the transport. */
function isUnheard(error: KvError): boolean {
  if (error.reason === "OUTCOME_UNKNOWN") return error.code !== status.DEADLINE_EXCEEDED;
  return error.reason === "" && error.code === status.UNAVAILABLE;
}

/** May this failure be followed by the same request again, whatever the time left? */
export function mayRepeat(error: KvError, repeat: Repeat): boolean {
  if (passingReasons.includes(error.reason)) return true;
  return repeat !== "only-if-refused" && isUnheard(error);
}

/**
 * The pause before the next attempt, or undefined: give up and report the failure. Half of the
 * pause is chance, so that clients that failed together do not come back together. `elapsedMs` is
 * since the first attempt began.
 */
export function nextDelayMs(
  error: KvError,
  repeat: Repeat,
  progress: { readonly attempts: number; readonly elapsedMs: number; readonly policy: RetryPolicy },
  random: Random,
): number | undefined {
  const { attempts, elapsedMs, policy } = progress;
  assert(policy.budgetMs <= retryBudgetMsMax, "a retry must find its request id remembered");
  if (!mayRepeat(error, repeat) || attempts >= policy.attemptsMax) return undefined;
  const grown = Math.min(policy.delayMsMax, policy.firstDelayMs * 2 ** (attempts - 1));
  const jittered = grown / 2 + random.below(Math.max(1, Math.ceil(grown / 2)));
  const delayMs = Math.max(jittered, error.retryDelayMs ?? 0);
  return elapsedMs + delayMs <= policy.budgetMs ? delayMs : undefined;
}
