/** Real SQLite files in the states that start-up may find, made by SQLite itself. */
import { chmodSync, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";

export const testApplicationId = 0x6b766462;

export interface Recipe {
  /** Commits that stay in the WAL. */
  readonly commits: number;
  readonly rowsPerCommit?: number;
  readonly pageBytes?: number;
  readonly applicationId?: number;
  readonly userVersion?: number;
  /** Commits made and moved into the database before the others, so that old frames lie behind. */
  readonly commitsBefore?: number;
}

/**
 * A database as a crash leaves it: copied while its connection is open. Returns the path of the
 * copy, `<directory>/crashed/kv.db`; its rows are in table t (id, text).
 */
export function crashedDatabase(directory: string, recipe: Recipe): string {
  const source = join(directory, "source", "kv.db");
  mkdirSync(dirname(source), { recursive: true, mode: 0o700 });
  const database = new Database(source);
  database.pragma(`page_size = ${String(recipe.pageBytes ?? 4096)}`);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.pragma("wal_autocheckpoint = 0");
  database.pragma(`application_id = ${String(recipe.applicationId ?? testApplicationId)}`);
  database.pragma(`user_version = ${String(recipe.userVersion ?? 1)}`);
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
  commitRows(database, recipe.commitsBefore ?? 0, recipe.rowsPerCommit ?? 1);
  // PASSIVE, not TRUNCATE: the next commit starts over in the same file and old frames stay behind.
  database.pragma(`wal_checkpoint(${recipe.commitsBefore === undefined ? "TRUNCATE" : "PASSIVE"})`);
  commitRows(database, recipe.commits, recipe.rowsPerCommit ?? 1);
  const copy = join(directory, "crashed", "kv.db");
  copyDatabase(source, copy);
  database.close();
  return copy;
}

/** The database file and its WAL, if there is one, under another name. */
export function copyDatabase(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  for (const suffix of ["", "-wal"]) {
    if (!existsSync(from + suffix)) continue;
    copyFileSync(from + suffix, to + suffix);
    chmodSync(to + suffix, 0o600);
  }
}

/** How many rows SQLite shows when it opens the file: what its own recovery keeps. */
export function rowsOf(file: string): number {
  const database = new Database(file);
  try {
    return database.prepare("SELECT count(*) FROM t").pluck().get() as number;
  } finally {
    database.close();
  }
}

function commitRows(database: Database.Database, commits: number, rowsPerCommit: number): void {
  const insert = database.prepare("INSERT INTO t (text) VALUES (?)");
  const commit = database.transaction((round: number) => {
    for (let row = 0; row < rowsPerCommit; row++)
      insert.run(`row ${String(round)} ${String(row)} `.padEnd(200, "x"));
  });
  for (let round = 0; round < commits; round++) commit(round);
}
