/**
 * How the command line tool ends, as numbers that scripts decide by. Chosen by an error's reason and
 * code, never by its text. A code that gRPC gains breaks the build here.
 */
import { KvError, type StatusName } from "../client/index.js";
import { CliError } from "./cli-error.js";

interface ExitRow {
  readonly code: number;
  readonly meaning: string;
}

export const cliExits = {
  ok: { code: 0, meaning: "Done." },
  general: { code: 1, meaning: "Anything without a code of its own, an interrupt included." },
  usage: { code: 2, meaning: "The command line is wrong; nothing was sent." },
  "not-found": { code: 3, meaning: "The key, namespace or lease does not exist." },
  "already-exists": { code: 4, meaning: "The key, namespace or lease exists already." },
  validation: {
    code: 5,
    meaning:
      "The request is refused for what it says: a bad argument, a limit, or a condition on a revision or version that does not hold.",
  },
  permission: { code: 6, meaning: "Not allowed." },
  io: {
    code: 7,
    meaning:
      "The server cannot be reached or is not serving, the time ran out, or a local file cannot be read or written.",
  },
  database: {
    code: 8,
    meaning:
      "The server refuses for the state it is in: overloaded, read-only, out of disk, a value that is no number.",
  },
  integrity: { code: 10, meaning: "Stored data is damaged." },
  "test-failed": {
    code: 11,
    meaning:
      "`smoke`, `demo` or `prove` found something that is not as promised, or could not try all of it.",
  },
  "outcome-unknown": {
    code: 12,
    meaning:
      "A write may or may not have happened. Read before writing again, or repeat it with the same --request-id.",
  },
} as const satisfies Record<string, ExitRow>;

export type ExitName = keyof typeof cliExits;

export const exitOfStatus = {
  OK: "ok",
  CANCELLED: "general",
  UNKNOWN: "general",
  INVALID_ARGUMENT: "validation",
  DEADLINE_EXCEEDED: "io",
  NOT_FOUND: "not-found",
  ALREADY_EXISTS: "already-exists",
  PERMISSION_DENIED: "permission",
  RESOURCE_EXHAUSTED: "database",
  FAILED_PRECONDITION: "database",
  ABORTED: "validation",
  OUT_OF_RANGE: "validation",
  UNIMPLEMENTED: "general",
  INTERNAL: "database",
  UNAVAILABLE: "io",
  DATA_LOSS: "integrity",
  UNAUTHENTICATED: "permission",
} as const satisfies Record<StatusName, ExitName>;

export function exitOf(error: unknown): ExitName {
  if (error instanceof CliError) return error.exit;
  if (!(error instanceof KvError)) return isSystemError(error) ? "io" : "general";
  if (error.mayHaveHappened) return "outcome-unknown";
  if (error.reason === "ADDRESS_INVALID") return "usage";
  return exitOfStatus[error.status];
}

/** An error of the operating system about a local file. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
}
