/**
 * The one place that opens the database. Nothing else calls `new Database`, so no connection can
 * exist with the binding's defaults: NORMAL in WAL mode, automatic checkpoints, mode 0644.
 */
import type BetterSqlite3 from "better-sqlite3";
import { EngineError, OpenError } from "../../storage/errors.js";
import type { PragmaReading } from "../../storage/maintenance.js";
import { damagedFileHint } from "../damage-hints.js";
import { bindingVersion, Database } from "./binding.js";
import { type ConnectionRole, managedPragmas, type PragmaValues, readingOf } from "./pragmas.js";

export type Connection = BetterSqlite3.Database;

/** The first SQLite whose WAL reset compares the salt again (sqlite.org/wal.html#walresetbug). */
const sqliteVersionMin = "3.51.3";
/** better-sqlite3 13 needs Node-API 10; on an older Node the first open ends in a signal 11. */
const bindingMajorForNewNode = 13;
const nodeVersionForNewBinding = "22.14.0";

export interface OpenConnection {
  readonly file: string;
  readonly role: ConnectionRole;
  readonly pragmas: PragmaValues;
}

/**
 * Opens, sets every managed pragma, runs a statement that touches the file, and reads every pragma
 * back. Throws OpenError: "version", "pragma", "foreign" (not a database) or "io". The connection is
 * closed again when it cannot be trusted.
 */
export function openConnection(open: OpenConnection): Connection {
  if (versionProblem !== undefined) throw versionProblem;
  return twiceIfDamaged(() => openOnce(open));
}

/**
 * One sector that could not be read once looks like damage, and would end a start with a code after
 * which nobody starts again. So damage that SQLite meets while opening is looked at a second time.
 */
export function twiceIfDamaged<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const isDoubtful =
      cause instanceof OpenError && (isCorrupt(cause.cause) || lacksTables(cause.cause));
    if (!isDoubtful) throw cause;
    return read();
  }
}

function openOnce(open: OpenConnection): Connection {
  const connection = openFile(open);
  try {
    applyPragmas(connection, open);
    return connection;
  } catch (cause) {
    connection.close();
    throw openErrorOf(cause, open.file);
  }
}

/** Every managed pragma as this connection sees it now. Runs a statement first. */
export function attest(connection: Connection, open: OpenConnection): PragmaReading[] {
  touchFile(connection);
  return managedPragmas(open.role, open.pragmas).map((pragma) =>
    readingOf(pragma, `${connection.pragma(pragma.name, { simple: true }) as string | number}`),
  );
}

export function compileOptions(connection: Connection): string[] {
  const rows = connection.pragma("compile_options") as { compile_options: string }[];
  return rows.map((row) => row.compile_options);
}

export function sqliteVersion(connection: Connection): string {
  return connection.prepare("SELECT sqlite_version()").pluck().get() as string;
}

function openFile(open: OpenConnection): Connection {
  try {
    return new Database(open.file, {
      readonly: open.role === "reader",
      fileMustExist: open.role === "reader",
      timeout: open.pragmas.nativeBusyTimeoutMs,
    });
  } catch (cause) {
    throw openErrorOf(cause, open.file);
  }
}

function applyPragmas(connection: Connection, open: OpenConnection): void {
  if (open.role === "writer") prepareNewFile(connection);
  for (const pragma of managedPragmas(open.role, open.pragmas)) {
    if (pragma.settable) connection.pragma(`${pragma.name} = ${pragma.value}`);
  }
  for (const reading of attest(connection, open)) {
    if (!reading.drift) continue;
    throw new OpenError(
      "pragma",
      `pragma ${reading.name} reads back ${reading.effective}, wanted ${reading.configured}`,
      {
        hint: "check that the file system supports a shared WAL and that no other program has set it",
      },
    );
  }
}

/** These two are properties of the file and can only be chosen while it has no page. */
function prepareNewFile(connection: Connection): void {
  if ((connection.pragma("page_count", { simple: true }) as number) > 0) return;
  connection.pragma("page_size = 4096");
  connection.pragma("auto_vacuum = 2");
}

/** A read of the schema is what makes SQLite settle `synchronous`; SELECT 1 would not. */
function touchFile(connection: Connection): void {
  connection.prepare("SELECT count(*) FROM sqlite_schema").get();
}

/** Looked at once in a thread: neither of them changes while it runs. */
const versionProblem = versionProblemOf();

function versionProblemOf(): OpenError | undefined {
  const node = process.versions.node;
  if (
    majorOf(bindingVersion) >= bindingMajorForNewNode &&
    compareVersions(node, nodeVersionForNewBinding) < 0
  ) {
    return new OpenError("version", `better-sqlite3 ${bindingVersion} crashes on Node ${node}`, {
      hint: `install better-sqlite3 12, or Node ${nodeVersionForNewBinding} or newer`,
    });
  }
  const probe = new Database(":memory:");
  const sqlite = sqliteVersion(probe);
  probe.close();
  if (compareVersions(sqlite, sqliteVersionMin) >= 0) return undefined;
  return new OpenError("version", `SQLite ${sqlite} can corrupt a database when the WAL is reset`, {
    hint: `use a better-sqlite3 that carries SQLite ${sqliteVersionMin} or newer`,
  });
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

/** Negative when a is older than b; both are dotted decimals. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function noSpaceFor(what: string): OpenError {
  return new OpenError("no-space", `the disk is full: there is no room for ${what}`, {
    hint: "free space on the file system of the database, then start again; nothing is lost",
  });
}

function isCorrupt(cause: unknown): boolean {
  if (cause instanceof EngineError) return cause.kind === "corrupt";
  return cause instanceof Database.SqliteError && cause.code.startsWith("SQLITE_CORRUPT");
}

/** The statements of a start are always the same: tables or columns are not what they were made. */
function lacksTables(cause: unknown): boolean {
  if (!(cause instanceof Database.SqliteError)) return false;
  const { code } = cause;
  return (
    code === "SQLITE_ERROR" || code === "SQLITE_SCHEMA" || code.startsWith("SQLITE_CONSTRAINT")
  );
}

/** What an error of SQLite means for a start; anything else is handed back as it is. */
export function openErrorOf(cause: unknown, file: string): unknown {
  if (cause instanceof OpenError) return cause;
  // A row that the start itself needs: no caller can be answered with it.
  if (cause instanceof EngineError && cause.kind === "corrupt") {
    return new OpenError("damaged", cause.message, { cause, hint: cause.hint });
  }
  const code = cause instanceof Database.SqliteError ? cause.code : undefined;
  if (code === undefined) return cause;
  if (code === "SQLITE_FULL") return noSpaceFor("the first commit");
  if (code === "SQLITE_NOTADB") {
    return new OpenError("foreign", `${file} is not a SQLite database`, {
      cause,
      hint: "point KVDB_SQLITE_FILE at a kvdb database, or at a file that does not exist yet",
    });
  }
  if (isCorrupt(cause)) {
    return new OpenError("damaged", `${file} is damaged (${code})`, {
      cause,
      hint: damagedFileHint,
    });
  }
  if (lacksTables(cause)) {
    const { message } = cause as Error;
    return new OpenError("damaged", `${file} has not the tables of a store (${code}: ${message})`, {
      cause,
      hint: damagedFileHint,
    });
  }
  if (code === "SQLITE_CANTOPEN" || code === "SQLITE_READONLY" || code === "SQLITE_PERM") {
    return new OpenError("permission", `${file} cannot be opened (${code})`, {
      cause,
      hint: "check owner and mode of the file and of its directory",
    });
  }
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED") {
    return new OpenError("locked", `${file} is locked by another process`, {
      cause,
      hint: "stop the program that has the file open",
    });
  }
  return new OpenError("io", `${file}: ${code}`, {
    cause,
    hint: "check the disk and the kernel log",
  });
}
