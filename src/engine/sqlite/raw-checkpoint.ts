/**
 * A checkpoint as SQLite runs it, with what must be measured around it: TRUNCATE answers 0,0,0 both
 * after its job and when there was none, and a repeated PASSIVE repeats its numbers. So a NOOP row
 * and the file's size are taken before and after; wal/checkpoint-outcome.ts says what they mean.
 *
 * Belongs on the writer's connection, between transactions: any checkpoint inside a transaction,
 * NOOP included, throws SQLITE_LOCKED, and any but NOOP on a read-only connection throws an I/O
 * error, which would latch the engine for nothing.
 */
import { statSync } from "node:fs";
import { assert } from "../../foundation/assert.js";
import type { Clock } from "../../foundation/clock.js";
import { checkpointBusyMsMax } from "../../storage/limits.js";
import type { CheckpointMode } from "../../storage/maintenance.js";
import type { Connection } from "./connection.js";
import { isSqliteError } from "./result-codes.js";
import { ForeignWriteError } from "./sole-writer.js";
import type { Statement } from "./statements.js";

/** SQLite's three columns. -1 and -1 without busy: the database is not in WAL mode. */
export interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

export interface WalGauge {
  /** Frames in the WAL, of the present generation; -1 when the database has none. */
  readonly frames: number;
  /** How many of them are in the database file already. */
  readonly backfilled: number;
  readonly walBytes: number;
}

interface Measured {
  readonly before: WalGauge;
  readonly after: WalGauge;
  readonly durationMs: number;
}

/** Plain data, so that it may cross from the writer's thread as it is. */
export type RawCheckpoint =
  | (Measured & { readonly kind: "ran"; readonly row: CheckpointRow })
  /** SQLite refused or the disk failed. The code decides what follows, never the text. */
  | (Measured & { readonly kind: "threw"; readonly code: string; readonly message: string });

export interface CheckpointRunnerOptions {
  readonly connection: Connection;
  readonly walFile: string;
  readonly clock: Clock;
  /** What the connection's busy_timeout is outside of checkpoints. */
  readonly nativeBusyTimeoutMs: number;
}

export class CheckpointRunner {
  readonly #options: CheckpointRunnerOptions;
  /** Kept, because every commit asks for the gauge: 1.4 µs against 3.3 µs prepared anew. */
  readonly #noop: Statement<[], CheckpointRow>;
  #gauge: WalGauge = { frames: 0, backfilled: 0, walBytes: 0 };

  constructor(options: CheckpointRunnerOptions) {
    this.#options = options;
    this.#noop = this.#prepare("noop");
  }

  /** Frames, frames moved, and the file's size, without side effects. Not inside a transaction. */
  gauge(): WalGauge {
    const row = rowOf(this.#noop);
    this.#gauge = { frames: row.log, backfilled: row.checkpointed, walBytes: this.#walBytes() };
    return this.#gauge;
  }

  /**
   * Runs one pass. Blocks the thread while it copies, and for at most `busyMs` in which it waits for
   * others. An error of SQLite is an answer ("threw"), so that its code survives the way to another
   * thread; whoever gets it latches on a disk error. So is a ForeignWriteError of `first`, which is
   * asked before anything moves. Anything else is a bug and throws.
   */
  run(
    mode: CheckpointMode,
    busyMs: number = checkpointBusyMsMax,
    first: () => void = () => undefined,
  ): RawCheckpoint {
    assert(Number.isInteger(busyMs) && busyMs >= 0, "a busy timeout is a whole number of ms");
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    let before = this.#gauge;
    try {
      before = this.gauge();
      first();
      const row = this.#runWithTimeout(mode, busyMs);
      const after = this.gauge();
      return { kind: "ran", row, before, after, durationMs: clock.monotonicMs() - startedMs };
    } catch (error) {
      if (!isSqliteError(error) && !(error instanceof ForeignWriteError)) throw error;
      const { code, message } = error;
      // After an error nothing more is asked of SQLite; the file's size is a fact all the same.
      const after = { ...before, walBytes: this.#walBytes() };
      const durationMs = clock.monotonicMs() - startedMs;
      return { kind: "threw", code, message, before, after, durationMs };
    }
  }

  /** PASSIVE never waits. For the others the wait is swapped in and put back, whatever happens. */
  #runWithTimeout(mode: CheckpointMode, busyMs: number): CheckpointRow {
    const { connection, nativeBusyTimeoutMs } = this.#options;
    const statement = this.#prepare(mode);
    if (mode === "passive" || busyMs === nativeBusyTimeoutMs) return rowOf(statement);
    connection.pragma(`busy_timeout = ${String(busyMs)}`);
    try {
      return rowOf(statement);
    } finally {
      connection.pragma(`busy_timeout = ${String(nativeBusyTimeoutMs)}`);
    }
  }

  #prepare(mode: CheckpointMode | "noop"): Statement<[], CheckpointRow> {
    const { connection } = this.#options;
    return connection.prepare<[], CheckpointRow>(`PRAGMA wal_checkpoint(${mode})`);
  }

  #walBytes(): number {
    return statSync(this.#options.walFile, { throwIfNoEntry: false })?.size ?? 0;
  }
}

function rowOf(statement: Statement<[], CheckpointRow>): CheckpointRow {
  const row = statement.get();
  assert(row !== undefined, "a checkpoint answers with one row");
  return row;
}
