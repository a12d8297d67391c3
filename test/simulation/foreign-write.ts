/** Another program that writes to the database while an engine has it open. */
import { Database } from "../../src/engine/sqlite/binding.js";

/** Commits after which all is as it was, or a checkpoint that may start the WAL anew. */
export type ForeignWrite = "commit" | "checkpoint";

const statements = {
  // Values that stay the same would be written by nobody.
  commit: "UPDATE store SET epoch = epoch + 1; UPDATE store SET epoch = epoch - 1",
  checkpoint: "PRAGMA wal_checkpoint(RESTART)",
} as const satisfies Record<ForeignWrite, string>;

/** False: a writer that has latched holds the file, and nothing was written. */
export function writeBeside(file: string, how: ForeignWrite): boolean {
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec(statements[how]);
    return true;
  } catch (cause) {
    if (cause instanceof Database.SqliteError && cause.code === "SQLITE_BUSY") return false;
    throw cause;
  } finally {
    database.close();
  }
}
