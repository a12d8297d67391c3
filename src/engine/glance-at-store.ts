/**
 * What SQLite alone makes of a store's files: its recovery, its full check, and every row with its
 * checksum. No look at the files before, no migration and no commit, so it is several times faster
 * than a start; for programs that must look at tens of thousands of copies and start some of them.
 *
 * Like a start it writes, and it opens files that SQLite has locks on: never call it in a process
 * that has the same store open.
 */
import type { EngineOptions } from "./engine-options.js";
import { contentsOf, type ExaminedStore, structureFindings } from "./examine-store.js";
import { type Connection, openConnection } from "./sqlite/connection.js";
import { formatVersion } from "./sqlite/schema.js";

export type GlancedStore = Pick<ExaminedStore, "namespaces" | "findings">;

/** Throws OpenError when SQLite does not open it, EngineError "corrupt" where a checksum is wrong. */
export function glanceAtStore(options: EngineOptions): GlancedStore {
  const connection = openConnection({ file: options.file, role: "writer", pragmas: options });
  try {
    const findings = structureFindings(connection);
    const namespaces = isMade(connection) ? contentsOf(connection, options) : [];
    return { namespaces, findings };
  } finally {
    connection.close();
  }
}

/** A store whose creation was cut short has not all of them, and holds nothing. */
function isMade(connection: Connection): boolean {
  return connection.pragma("user_version", { simple: true }) === formatVersion;
}
