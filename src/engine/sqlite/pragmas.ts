/**
 * Every pragma the engine relies on, with its value and the reason. One factory sets them on every
 * connection and reads them back after a real statement, because the binding's own defaults differ
 * (WAL at NORMAL, checkpoints at 1000 pages) and show up only then.
 */
import type { PragmaReading } from "../../storage/maintenance.js";
import type { Synchronous } from "../engine-options.js";

export type ConnectionRole = "writer" | "reader";

export interface PragmaValues {
  readonly synchronous: Synchronous;
  readonly foreignKeys: boolean;
  readonly nativeBusyTimeoutMs: number;
  readonly cacheBytes: number;
}

export interface ManagedPragma {
  readonly name: string;
  /** What the pragma must read back as. */
  readonly value: string;
  /** False: a property of the file, set once when it was made; only read back. */
  readonly settable: boolean;
  readonly why: string;
}

const synchronousLevels = {
  OFF: "0",
  NORMAL: "1",
  FULL: "2",
  EXTRA: "3",
} as const satisfies Record<Synchronous, string>;

/** Bytes of log that SQLite keeps when it resets it by itself; a back stop, our ladder is the bound. */
const journalSizeLimitBytes = 64 * 1024 * 1024;

/** The pragmas of one connection, in the order they are set: the lock wait first. */
export function managedPragmas(role: ConnectionRole, values: PragmaValues): ManagedPragma[] {
  const set = (name: string, value: string, why: string): ManagedPragma => ({
    name,
    value,
    settable: true,
    why,
  });
  const file = (name: string, value: string, why: string): ManagedPragma => ({
    name,
    value,
    settable: false,
    why,
  });
  const pragmas = [
    set(
      "busy_timeout",
      `${values.nativeBusyTimeoutMs}`,
      "waiting blocks the thread: keep it short",
    ),
    role === "writer"
      ? set("journal_mode", "wal", "readers never wait for the writer")
      : file("journal_mode", "wal", "stored in the file by the writer"),
    set(
      "synchronous",
      synchronousLevels[values.synchronous],
      "an acknowledged commit is on disk; the binding's default in WAL is NORMAL",
    ),
    set("wal_autocheckpoint", "0", "automatic checkpoints swallow disk errors"),
    set("journal_size_limit", `${journalSizeLimitBytes}`, "a back stop beside the ladder"),
    set("cell_size_check", "1", "finds a damaged page when it is loaded, at no measurable cost"),
    set("foreign_keys", values.foreignKeys ? "1" : "0", "as configured"),
    set("cache_size", `${-Math.ceil(values.cacheBytes / 1024)}`, "as configured, in KiB"),
    set("temp_store", "2", "sorting never writes beside the database"),
    set("mmap_size", "0", "a mapped file turns disk errors into signals"),
    set("trusted_schema", "0", "the schema of a file is data, not code"),
    file("auto_vacuum", "2", "pages can be given back in slices"),
  ];
  return role === "reader"
    ? [...pragmas, set("query_only", "1", "a reader cannot write by mistake")]
    : pragmas;
}

/** Configured beside effective, for one pragma. */
export function readingOf(pragma: ManagedPragma, effective: string): PragmaReading {
  return {
    name: pragma.name,
    configured: pragma.value,
    effective,
    drift: effective !== pragma.value,
  };
}
