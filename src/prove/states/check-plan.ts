/** What a checking process is told, and what it tells. */
import type { Pattern } from "../disk/power-cut.js";

/** Its one argument, as JSON. */
export interface CheckPlan {
  readonly log: string;
  readonly story: string;
  /** A directory of its own, best in memory. */
  readonly scratch: string;
  readonly seed: number;
  /** States to build in all processes together; those that come out the same are checked once. */
  readonly states: number;
  /** This process takes every `of`-th state, beginning with `index`. */
  readonly share: { readonly index: number; readonly of: number };
  /** Operations whose states are built; the log before them is only played. */
  readonly window: { readonly from: number; readonly to: number };
  /** Also SQLite's full check and every checksum, beside reading everything. */
  readonly checks: boolean;
  /**
   * One in so many states is started by the engine, with everything that it looks at; the others
   * are opened by SQLite alone and read, which is several times faster.
   */
  readonly engineEvery: number;
  /** Where the first bad states are kept; undefined = nowhere. */
  readonly keepBadIn: string | undefined;
}

export interface BadState {
  /** The operation after which the power went. */
  readonly at: number;
  readonly pattern: Pattern;
  readonly reason: string;
}

export interface CheckResult {
  readonly kind: "result";
  /** Different from each other. */
  readonly states: number;
  readonly bad: number;
  /** The first few. */
  readonly samples: readonly BadState[];
  /** Of the states, those that the engine was started on. */
  readonly started: number;
  /** Of those, the ones in which a WAL with frames was recovered. */
  readonly recovered: number;
}

export type FromCheck = { readonly kind: "progress"; readonly states: number } | CheckResult;
