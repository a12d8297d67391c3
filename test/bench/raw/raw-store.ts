/**
 * better-sqlite3 as somebody would use it who needs a key-value table and nothing else: one table,
 * prepared statements, no revisions, no log, no checksums. The best that SQLite can do here.
 */
import Database from "better-sqlite3";
import { everyKey } from "../load/key-order.js";
import type { Workload } from "../workload/keys.js";
import type { RawJournal, RawSynchronous } from "./raw-job.js";

const rowsPerFillCommit = 1_000;
const rowsPerPage = 1_000;

export interface RawOptions {
  readonly file: string;
  readonly journal: RawJournal;
  readonly synchronous: RawSynchronous;
  readonly cacheBytes: number;
}

export class RawStore {
  readonly #database: Database.Database;
  readonly #workload: Workload;
  readonly #get: Database.Statement;
  readonly #put: Database.Statement;
  readonly #page: Database.Statement;
  readonly #begin: Database.Statement;
  readonly #commit: Database.Statement;
  #writes = 0;

  constructor(options: RawOptions, workload: Workload) {
    this.#workload = workload;
    const database = new Database(options.file);
    this.#database = database;
    database.pragma(`journal_mode = ${options.journal}`);
    database.pragma(`synchronous = ${options.synchronous}`);
    database.pragma(`cache_size = -${String(Math.floor(options.cacheBytes / 1_024))}`);
    database.exec("CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
    this.#get = database.prepare("SELECT v FROM kv WHERE k = ?").pluck();
    this.#put = database.prepare(
      "INSERT INTO kv VALUES (?, ?) ON CONFLICT DO UPDATE SET v = excluded.v",
    );
    this.#page = database
      .prepare("SELECT k, v FROM kv WHERE k > ? AND k < ? ORDER BY k LIMIT ?")
      .raw();
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
  }

  /** Throws when the value is not the right one. */
  read(index: number): void {
    this.readKnown(this.#workload.key(index), this.#workload.value(index));
  }

  /** The same, of a key and a value that were made before. */
  readKnown(key: Buffer, expected: Buffer): void {
    const value = this.#get.get(key) as Buffer | undefined;
    if (value?.equals(expected) !== true) {
      throw new Error(`SQLite's value of ${key.toString()} is not the one that was written`);
    }
  }

  /**
   * One transaction. Each write of a key has another value than the one before: SQLite does not
   * write a page whose bytes stay the same, and the commit would then cost nothing.
   */
  write(indices: readonly number[]): void {
    this.#writes += 1;
    this.#transaction(indices, (index) => this.#workload.value(index + this.#writes));
  }

  /** Keys 0, 1, 2, … with the values that `read` and `scan` expect. */
  fill(keys: number): void {
    const next = everyKey({ first: 0, count: keys }, Math.min(keys, rowsPerFillCommit), false);
    for (let indices = next(); indices !== undefined; indices = next()) {
      this.#transaction(indices, (index) => this.#workload.value(index));
    }
  }

  /** Reads the first so many keys in order; returns the number of rows. */
  scan(keys: number, look: (row: readonly [Buffer, Buffer]) => void): number {
    const end = this.#workload.key(keys);
    let rows = 0;
    let after: Buffer = Buffer.alloc(0);
    for (;;) {
      const page = this.#page.all(after, end, rowsPerPage) as readonly (readonly [
        Buffer,
        Buffer,
      ])[];
      for (const row of page) look(row);
      rows += page.length;
      after = page.at(-1)?.[0] ?? after;
      if (page.length < rowsPerPage) return rows;
    }
  }

  #transaction(indices: readonly number[], value: (index: number) => Buffer): void {
    this.#begin.run();
    for (const index of indices) this.#put.run(this.#workload.key(index), value(index));
    this.#commit.run();
  }

  close(): void {
    this.#database.close();
  }
}
