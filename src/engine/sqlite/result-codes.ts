/**
 * What SQLite's result codes mean here: which refuse one group, which may be waited out, and which
 * latch the engine closed because the state of the disk is no longer known.
 */
import { FailpointError } from "../../foundation/failpoint.js";
import { Database } from "./binding.js";
import { ForeignWriteError, foreignWriteCode } from "./sole-writer.js";

export type Fault =
  /** Nothing happened, and the disk has no room. */
  | { readonly kind: "disk-full"; readonly code: string }
  /** Nothing happened: another process holds a lock. */
  | { readonly kind: "busy"; readonly code: string }
  /** The disk failed, or somebody else wrote: what it holds is unknown until it is read anew. */
  | { readonly kind: "io"; readonly code: string }
  /** The file's structure is wrong. */
  | { readonly kind: "damaged"; readonly code: string }
  /** Not from the disk: a bug of ours. */
  | { readonly kind: "bug"; readonly code: string };

/** Our own "full", before SQLite meets it: the disk could not take what the WAL holds as well. */
export class NoRoomError extends Error {
  override readonly name = "NoRoomError";
  readonly code = "WAL_ROOM";

  constructor(missingBytes: number) {
    super(`moving the WAL into the database would lack ${String(missingBytes)} bytes`);
  }
}

export function isSqliteError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Database.SqliteError;
}

/**
 * Decides by SQLite's code, never by the text of the message. A failpoint that is armed with such a
 * code (`before-commit=error:SQLITE_IOERR_FSYNC`) counts as SQLite's own answer.
 */
export function faultOf(error: unknown): Fault {
  if (error instanceof NoRoomError) return { kind: "disk-full", code: error.code };
  return isSqliteError(error) ||
    error instanceof FailpointError ||
    error instanceof ForeignWriteError
    ? faultOfCode(error.code)
    : { kind: "bug", code: "" };
}

export function faultOfCode(code: string): Fault {
  if (code === "SQLITE_FULL") return { kind: "disk-full", code };
  // The file is whole, but it is not the one that memory knows: only a new start can read it anew.
  if (code === foreignWriteCode) return { kind: "io", code };
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return { kind: "busy", code };
  }
  // A page read that fails with EIO reaches a statement as CORRUPT too, so a restart may heal it.
  if (code.startsWith("SQLITE_IOERR") || code.startsWith("SQLITE_CORRUPT")) {
    return { kind: "io", code };
  }
  if (code === "SQLITE_NOTADB") return { kind: "damaged", code };
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_CANTOPEN")) {
    return { kind: "io", code };
  }
  return { kind: "bug", code };
}
