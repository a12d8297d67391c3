/**
 * How the daemon ends, as numbers that systemd and scripts decide by. A new reason not to open
 * breaks the build here until it has a code; docs/reference/exit-codes.md is made from this table,
 * and a test compares RestartPreventExitStatus of the unit with its last column.
 */
import type { OpenErrorKind } from "../storage/errors.js";

interface ExitReason {
  readonly code: number;
  /** For the operator: what happened. */
  readonly meaning: string;
  /** What to do about it. */
  readonly hint: string;
  /** False: starting again cannot help, so a supervisor should leave it down. */
  readonly restart: boolean;
}

export const exitReasons = {
  clean: {
    code: 0,
    meaning: "A clean stop: the WAL is empty and removed, the clean marker is written.",
    hint: "Nothing to do.",
    restart: true,
  },
  unexpected: {
    code: 1,
    meaning:
      "A bug, a port that is taken, a thread that cannot be started, or a stop that did not finish in time.",
    hint: "Read the last lines of the log; the next start repairs what the stop left behind.",
    restart: true,
  },
  damaged: {
    code: 10,
    meaning:
      "The files are damaged, do not belong together, are not ours, or acknowledged writes are missing.",
    hint: "Do not delete anything; copy the directory. The message says what is wrong, docs/internals/recovery.md what it can mean.",
    restart: false,
  },
  io: {
    code: 74,
    meaning:
      "The disk answered with an error, or another program wrote to the database (FOREIGN_WRITE): nothing more was written or checkpointed.",
    hint: "Look at the last line of the log, and at the kernel's; a restart goes through recovery and syncs what was in doubt.",
    restart: true,
  },
  locked: {
    code: 75,
    meaning: "The data directory cannot be used now: another process owns it, or its disk is full.",
    hint: "Find it with `fuser` or `lsof` on the database file; or free space. The message says which.",
    restart: false,
  },
  permission: {
    code: 77,
    meaning: "Root without --allow-root, or a file or directory with a wrong owner or mode.",
    hint: "The message names the path; the daemon's user must own it, modes 0700 and 0600.",
    restart: false,
  },
  configuration: {
    code: 78,
    meaning: "A setting is invalid, or a pragma could not be set or reads back differently.",
    hint: "`kvdbd --check-config` names every wrong setting and what is allowed.",
    restart: false,
  },
} as const satisfies Record<string, ExitReason>;

export type ExitName = keyof typeof exitReasons;

export const exitOfOpenError = {
  locked: "locked",
  permission: "permission",
  "file-system": "configuration",
  damaged: "damaged",
  foreign: "damaged",
  "newer-format": "damaged",
  pragma: "configuration",
  version: "configuration",
  "no-space": "locked",
  io: "io",
} as const satisfies Record<OpenErrorKind, ExitName>;

export function exitCode(name: ExitName): number {
  return exitReasons[name].code;
}
