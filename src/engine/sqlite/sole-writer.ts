/**
 * Whether anybody else writes to the file. SQLite lets every program that may open it do so, and what
 * the engine keeps in memory (heads, counts, hot entries) would then be of another history than the
 * file. Asked inside each write transaction, where nobody can come between; and before a checkpoint and
 * a slice of vacuuming, which have no such moment, so that a stop or an idle store hears of it too.
 *
 * A checkpoint of another program that starts the WAL anew cannot be told from a commit here, and is
 * refused alike: who owns the WAL's life cycle is the engine. Reading disturbs nothing.
 */
import type { Connection } from "./connection.js";
import { prepareNumber } from "./statements.js";

export const foreignWriteCode = "FOREIGN_WRITE";

/** Nothing of the transaction that met it has happened. */
export class ForeignWriteError extends Error {
  override readonly name = "ForeignWriteError";
  readonly code = foreignWriteCode;

  constructor() {
    super(
      "another program has written to the database, or emptied its WAL, while it was open here; use " +
        "other tools to read only, and run `kvdb integrity --checksum` after the restart",
    );
  }
}

export class SoleWriter {
  readonly #version;
  #known: number;

  /** What was written until now is taken for our own. */
  constructor(connection: Connection) {
    // Stays the same over this connection's commits and checkpoints, and changes with any other's.
    this.#version = prepareNumber<[]>(connection, "PRAGMA data_version");
    this.#known = this.#read();
  }

  /**
   * Throws ForeignWriteError. Certain in a write transaction that has written nothing yet; outside of
   * one somebody may still come right after it.
   */
  assertSole(): void {
    if (this.#read() !== this.#known) throw new ForeignWriteError();
  }

  /** What stands there now counts as our own. */
  takeForOwn(): void {
    this.#known = this.#read();
  }

  #read(): number {
    return this.#version.get() ?? 0;
  }
}
