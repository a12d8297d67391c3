/** What the recovery steps make of an error of the file system. */
import { OpenError } from "../../storage/errors.js";

/** The code of a system error, for decisions and for the report. */
export function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
}

/** No room is an answer of a file system, not a fault of it. */
export function isNoSpace(cause: unknown): boolean {
  return codeOf(cause) === "ENOSPC";
}

/** For `.catch()`: a missing file is an answer, everything else stays an error. */
export function absentOnly(cause: unknown): undefined {
  if (codeOf(cause) === "ENOENT") return undefined;
  throw cause;
}

/** A disk that fails while start-up looks at it. A refusal that was already typed stays itself. */
export function openErrorOf(cause: unknown, doing: string): OpenError {
  if (cause instanceof OpenError) return cause;
  const hint = "check the disk, its free space and the kernel log, then start again";
  return new OpenError("io", `${doing} failed (${codeOf(cause)})`, { cause, hint });
}
