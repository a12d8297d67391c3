/** The mistakes that the suites must notice, each as a change of the compiled text. */
import type { TextChange } from "./mutant-build.js";

/** Answers go out while the transaction is still open; it is committed later, or by the next one. */
export const acknowledgesBeforeCommit: readonly TextChange[] = [
  {
    file: "engine/log/local-log.js",
    from: "this.#commit.run();",
    to: "setTimeout(() => { try { this.#commit.run(); } catch { } }, 20);",
  },
  {
    file: "engine/state/sqlite-state.js",
    from: "this.#begin.run();",
    to: 'if (this.#connection.inTransaction) this.#connection.exec("COMMIT"); this.#begin.run();',
  },
  // Inside a transaction the gauge cannot be read.
  {
    file: "engine/commit/writer-thread.js",
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
