/** The mistakes that the suites must notice, each as a change of the compiled text. */
import type { TextChange } from "./mutant-build.js";

/** Answers go out while the transaction is still open; it is committed later, or by the next one. */
export const acknowledgesBeforeCommit: readonly TextChange[] = [
  {
    file: "engine/log/local-log.js",
    from: "this.#commit.run();",
    // The next one may have committed it by then.
    to: "setTimeout(() => { if (this.#commit.database.inTransaction) this.#commit.run(); }, 20);",
  },
  {
    file: "engine/state/sqlite-state.js",
    from: "this.#begin.run();",
    to: 'if (this.#connection.inTransaction) this.#connection.exec("COMMIT"); this.#begin.run();',
  },
  // Inside a transaction the gauge cannot be read.
  {
    file: "engine/commit/writer-body.js",
    from: "const gauge = checkpoints.gauge();",
    to: "const gauge = { frames: 0, backfilled: 0, walBytes: 0 };",
  },
];

/** After a failed sync the WAL in the page cache is believed as it is. */
export const trustsTheWal: TextChange = {
  file: "engine/recovery/recover.js",
  from: "const bytes = await rewriteWalInPlace(files.wal);",
  to: "const bytes = 0;",
};

/** The first acknowledgement does not wait until old frames are in the database. */
export const startsWithoutCheckpoint: TextChange = {
  file: "engine/commit/writer-store.js",
  from: "const checkpoint = emptyWal(checkpoints, start);",
  to: 'const checkpoint = checkpoints.run("noop");',
};

/** A sync that failed is taken for a disk without room: the engine goes on. */
export const goesOnAfterFailedSync: TextChange = {
  file: "engine/sqlite/result-codes.js",
  from: 'if (code === "SQLITE_FULL")',
  to: 'if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_FSYNC")',
};

/** SQLite checkpoints by itself after each commit, and keeps to itself what goes wrong there. */
export const checkpointsByItself: TextChange = {
  file: "engine/sqlite/pragmas.js",
  from: 'set("wal_autocheckpoint", "0"',
  to: 'set("wal_autocheckpoint", "1"',
};

/** Rows, log entries and marks are written and read with a checksum that is always the same. */
export const hasNoChecksums: TextChange = {
  file: "foundation/crc32c.js",
  from: "return nativeCrc32c(bytes, seed);",
  to: "return 0;",
};

/** What SQLite would drop from a damaged WAL is not looked for. */
export const doesNotScanTheWal: TextChange = {
  file: "engine/recovery/pre-open-check.js",
  from: "const damage = judgeWal(facts, header);",
  to: "const damage = undefined;",
};
