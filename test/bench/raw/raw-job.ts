/** What the raw process is asked: SQLite and the disk themselves, without anything of ours. */
import type { Percentiles } from "../measure/latency.js";

export const synchronousModes = ["OFF", "NORMAL", "FULL", "EXTRA"] as const;
export const journalModes = ["WAL", "DELETE", "TRUNCATE", "PERSIST"] as const;
export type RawSynchronous = (typeof synchronousModes)[number];
export type RawJournal = (typeof journalModes)[number];

export type RawJob =
  /** Opens the file; whatever was open before is closed. Later jobs work on it. */
  | {
      readonly kind: "open";
      readonly file: string;
      readonly journal: RawJournal;
      readonly synchronous: RawSynchronous;
      readonly cacheBytes: number;
    }
  /** Keys 0, 1, 2, … in transactions of 1,000. */
  | { readonly kind: "fill"; readonly keys: number }
  /** One key after another, any of the first so many. */
  | { readonly kind: "reads"; readonly keys: number; readonly seconds: number }
  /** Every key once in an order that looks like none, on a connection whose cache is empty. */
  | { readonly kind: "cold-reads"; readonly keys: number }
  /**
   * One key per statement, so many statements per transaction, until the time is over. Keys are as
   * many as are read, and lie behind them: what is read keeps its value.
   */
  | {
      readonly kind: "writes";
      readonly perCommit: number;
      readonly keys: number;
      readonly seconds: number;
    }
  /** As many writes as this, each measured as part of its commit. */
  | { readonly kind: "write-count"; readonly perCommit: number; readonly writes: number }
  /** The first so many keys in pages, again and again. */
  | { readonly kind: "scan"; readonly keys: number; readonly seconds: number }
  /** Appends a page to a file and waits for the disk. */
  | { readonly kind: "disk-sync"; readonly directory: string; readonly seconds: number };

export interface RawReport {
  readonly items: number;
  readonly seconds: number;
  readonly cpuMicros: number;
  /** Of a read, of a commit, or of a sync. */
  readonly latency: Percentiles;
}
