/**
 * One process per data directory. Node has no file locks, so the lock is a tiny SQLite file of its
 * own, held under BEGIN EXCLUSIVE for the life of the process: the kernel frees it at the moment the
 * process is gone, however it went. The file stays empty. Nothing else in this process may open and
 * close it, because closing any descriptor of it would drop the lock.
 *
 * Beside it lies the owner file: who held the lock last, and how its commits were synced. It
 * outlives a crash, so the next start knows by which rules the WAL it finds was written.
 */
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import type BetterSqlite3 from "better-sqlite3";
import { OpenError } from "../../storage/errors.js";
import type { Synchronous } from "../engine-options.js";
import { Database } from "./binding.js";
import { locksOn } from "./process-locks.js";

const fileMode = 0o600;
const levels: readonly Synchronous[] = ["OFF", "NORMAL", "FULL", "EXTRA"];

export interface LockOwner {
  readonly pid: number;
  readonly sinceMs: number;
  /** The weakest level at which a commit in the present WAL may have been made. */
  readonly synchronous: Synchronous;
}

export interface LockFiles {
  readonly lock: string;
  readonly owner: string;
}

export class DirectoryLock {
  readonly #files: LockFiles;
  #database: BetterSqlite3.Database | undefined;

  private constructor(files: LockFiles, database: BetterSqlite3.Database) {
    this.#files = files;
    this.#database = database;
  }

  /**
   * Holds the directory, or throws OpenError at once: "locked" names the holder, "permission" when
   * the lock file cannot be written, "foreign" when it is something else, "io" for the rest.
   */
  static acquire(files: LockFiles): DirectoryLock {
    let database: BetterSqlite3.Database | undefined;
    try {
      database = new Database(files.lock, { timeout: 0 });
      // Else SQLite makes a journal beside it, which a killed process leaves behind.
      database.pragma("journal_mode = MEMORY");
      database.exec("BEGIN EXCLUSIVE");
      chmodSync(files.lock, fileMode);
      return new DirectoryLock(files, database);
    } catch (cause) {
      database?.close();
      throw lockErrorOf(cause, files);
    }
  }

  /** Who held the directory before, as that process left it. Undefined: nobody, or unreadable. */
  previousOwner(): LockOwner | undefined {
    return readOwner(this.#files.owner);
  }

  /** Writes and syncs who holds the directory now. Throws OpenError "io". */
  recordOwner(owner: LockOwner): void {
    try {
      const descriptor = openSync(this.#files.owner, "w", fileMode);
      try {
        writeSync(descriptor, `${JSON.stringify(owner)}\n`);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    } catch (cause) {
      throw new OpenError("io", `cannot write ${this.#files.owner}`, {
        cause,
        hint: "check the disk, its free space and the kernel log",
      });
    }
  }

  /** Frees the directory. Comes last at a clean stop; twice is fine. */
  release(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}

/** The weaker of two levels: what may be assumed of a WAL to which both wrote. */
export function weakerSynchronous(a: Synchronous, b: Synchronous): Synchronous {
  return levels.indexOf(a) < levels.indexOf(b) ? a : b;
}

function readOwner(file: string): LockOwner | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    // Missing on the first start, cut short by a crash: both mean that nothing is known.
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { pid, sinceMs, synchronous } = parsed as Record<string, unknown>;
  const level = levels.find((known) => known === synchronous);
  if (typeof pid !== "number" || typeof sinceMs !== "number" || level === undefined) {
    return undefined;
  }
  return { pid, sinceMs, synchronous: level };
}

function lockErrorOf(cause: unknown, files: LockFiles): OpenError {
  const code = cause instanceof Database.SqliteError ? cause.code : codeOf(cause);
  switch (code) {
    case "SQLITE_BUSY":
      return new OpenError("locked", `the data directory is held by ${holderOf(files)}`, {
        cause,
        hint: "stop the other kvdb, or give this one a directory of its own",
      });
    case "SQLITE_NOTADB":
      return new OpenError("foreign", `${files.lock} is not a lock file of kvdb`, {
        cause,
        hint: "move the file away while no kvdb uses the directory",
      });
    case "SQLITE_CANTOPEN":
    case "SQLITE_READONLY":
    case "SQLITE_PERM":
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new OpenError("permission", `${files.lock} cannot be written (${code})`, {
        cause,
        hint: "make the data directory and its lock file belong to the user who runs kvdbd",
      });
    default:
      return new OpenError("io", `${files.lock} cannot be locked (${code})`, {
        cause,
        hint: "check the disk and the kernel log",
      });
  }
}

/** The kernel's answer first; the owner file when the kernel does not tell (other pid namespace). */
function holderOf(files: LockFiles): string {
  const pid = locksOn(files.lock).find((lock) => lock.exclusive && lock.pid > 0)?.pid;
  if (pid !== undefined) return `process ${String(pid)}`;
  const owner = readOwner(files.owner);
  return owner === undefined ? "another process" : `process ${String(owner.pid)}`;
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
}
