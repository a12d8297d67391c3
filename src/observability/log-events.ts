/**
 * Every event the daemon logs: one row each, with its level and the phrase operators search for.
 * The phrase is a contract (alerts and runbooks grep for it); `{name}` in it is replaced by that
 * field. Levels: error = data or a request was lost for a bad reason; warn = may mend itself, or
 * somebody should look; info = at most one every few seconds in steady state.
 *
 * docs/reference/log-events.md is generated from here.
 */

export type LogLevel = "error" | "warn" | "info" | "debug";

export interface LogEventRow {
  readonly level: LogLevel;
  readonly msg: string;
  /** When it is written, and what to do about it if anything. */
  readonly doc: string;
}

export const logEvents = {
  // The daemon's life.
  "daemon.starting": { level: "info", msg: "kvdbd is starting", doc: "First line of a run." },
  "daemon.ready": { level: "info", msg: "kvdbd is ready", doc: "Every listener is bound." },
  "daemon.start-failed": {
    level: "error",
    msg: "kvdbd could not start: {reason}",
    doc: "The process ends with the exit code in the line.",
  },
  "daemon.stopping": {
    level: "info",
    msg: "kvdbd is stopping",
    doc: "A signal or a request began the ordered stop. A second signal forces it.",
  },
  "daemon.stop-step-overdue": {
    level: "warn",
    msg: "a step of the stop took too long and was left behind",
    doc: "The step and its time budget are in the line; the stop goes on.",
  },
  "daemon.stop-step-failed": {
    level: "error",
    msg: "a step of the stop failed: {cause}",
    doc: "The stop goes on; the exit code is 1 when it was the store's own step.",
  },
  "daemon.stopped": { level: "info", msg: "kvdbd has stopped", doc: "Last line of a clean run." },
  "daemon.bug": {
    level: "error",
    msg: "kvdbd met a bug and stops",
    doc: "An assertion failed or nothing caught an error. Please report the line.",
  },
  "daemon.exiting": {
    level: "error",
    msg: "kvdbd exits: {reason}",
    doc: "After a fault that no process goes on with: who waits for an answer gets one, nothing is flushed, the next start repairs. The exit code is in the line.",
  },
  "daemon.probe-failed": {
    level: "error",
    msg: "the store did not answer as it should: {cause}",
    doc: "Readiness fails until it does. A pragma that drifted is named here as well.",
  },
  "daemon.watchdog-starved": {
    level: "error",
    msg: "the liveness probe failed, so the watchdog was not fed: {cause}",
    doc: "A read or the writer did not answer. systemd restarts the service when it goes on.",
  },
  "daemon.notify-failed": {
    level: "warn",
    msg: "the service manager could not be told: {cause}",
    doc: "NOTIFY_SOCKET is set but systemd-notify did not work; nothing more is sent.",
  },
  "daemon.drained": {
    level: "info",
    msg: "kvdbd refuses new calls until it is resumed",
    doc: "An operator asked for it (AdminService/Drain).",
  },
  "daemon.resumed": {
    level: "info",
    msg: "kvdbd takes calls again",
    doc: "An operator asked for it (AdminService/Resume).",
  },

  // Configuration.
  "config.unknown-variable": {
    level: "warn",
    msg: "an environment variable looks like a setting but is none",
    doc: "Ignored. Container platforms inject such names; otherwise look for a typing error.",
  },
  "config.ignored-variable": {
    level: "warn",
    msg: "a setting of another product was accepted and has no effect",
    doc: "Remove the variable: kvdb has no such function.",
  },
  "config.risky-value": {
    level: "warn",
    msg: "a setting carries a risk in production: {risk}",
    doc: "The value is allowed, and the line says what it may cost.",
  },
  "config.failpoints-armed": {
    level: "warn",
    msg: "failpoints are armed: this process will fail on purpose",
    doc: "For tests only. Unset KVDB_FAILPOINTS.",
  },
  "config.log-level-changed": {
    level: "info",
    msg: "the log level was changed",
    doc: "An operator asked for it (AdminService/SetLogLevel).",
  },

  // Opening, and what was found on disk.
  "recovery.wal-residue": {
    level: "warn",
    msg: "startup detected WAL residue",
    doc: "The last run did not stop cleanly; its WAL is replayed. Never after a clean stop.",
  },
  "recovery.completed": {
    level: "info",
    msg: "startup recovery completed",
    doc: "The recovery steps and their durations.",
  },
  "recovery.refused": {
    level: "error",
    msg: "startup refused the data files: {reason}",
    doc: "Nothing was opened or changed. Follow the hint in the line.",
  },
  "recovery.lost-writes": {
    level: "error",
    msg: "startup found that acknowledged writes are missing",
    doc: "The file is older than the high-water mark beside it: a stale copy or a lost WAL.",
  },
  "engine.effective-configuration": {
    level: "info",
    msg: "effective configuration {settings}",
    doc: "Once per start, after the pragmas were read back.",
  },
  "engine.pragma-drift": {
    level: "error",
    msg: "a pragma differs from its configured value",
    doc: "Readiness fails. Something changed it behind the daemon's back.",
  },
  "engine.state-changed": {
    level: "info",
    msg: "the engine is now {state}",
    doc: "opening, recovering, serving, read_only, draining, failed, closed.",
  },

  // Faults.
  "engine.latched": {
    level: "error",
    msg: "a storage fault stopped all writes: {reason}",
    doc: "No retry can be trusted after it. The process exits and repairs at the next start.",
  },
  "engine.disk-full": {
    level: "error",
    msg: "the disk is full: writes are refused",
    doc: "Free space, or delete keys; writes resume by themselves once a probe succeeds.",
  },
  "engine.disk-reserve-freed": {
    level: "warn",
    msg: "the disk reserve was given up",
    doc: "After engine.disk-full: checkpoints and deletes use its room. It is made again when there is some.",
  },
  "engine.disk-reserve-made": {
    level: "info",
    msg: "the disk reserve is in place",
    doc: "At the first start, after its size was changed, and after a full disk.",
  },
  "engine.disk-has-room": {
    level: "info",
    msg: "the disk has room again: writes are accepted",
    doc: "The probe after engine.disk-full succeeded.",
  },
  "engine.file-locked": {
    level: "warn",
    msg: "another process holds the database: writes wait",
    doc: "Nothing is lost; callers get UNAVAILABLE when the wait budget is used up.",
  },
  "engine.thread-exited": {
    level: "error",
    msg: "a thread of the engine ended unexpectedly",
    doc: "Reader threads are replaced; the loss of the writer latches the engine.",
  },

  // Checkpoints and the size of the WAL.
  "checkpoint.completed": {
    level: "info",
    msg: "periodic-checkpoint completed",
    doc: "Every interval; outcomes TRUNCATED, COMPLETE, NOTHING_TO_DO.",
  },
  "checkpoint.incomplete": {
    level: "warn",
    msg: "periodic-checkpoint incomplete: checkpoint returned busy={busy}",
    doc: "PARTIAL, RESET_PENDING or SKIPPED_BUSY. Normal once; the line names who pins the WAL.",
  },
  "checkpoint.failed": {
    level: "error",
    msg: "periodic-checkpoint failed",
    doc: "An I/O error while moving frames; the code is in the line.",
  },
  "checkpoint.manual-completed": {
    level: "info",
    msg: "manual checkpoint completed",
    doc: "AdminService/Checkpoint moved everything it was asked to.",
  },
  "checkpoint.manual-incomplete": {
    level: "warn",
    msg: "manual checkpoint incomplete: checkpoint returned busy={busy}",
    doc: "As checkpoint.incomplete, asked for by AdminService/Checkpoint.",
  },
  "checkpoint.manual-failed": {
    level: "error",
    msg: "manual checkpoint failed",
    doc: "As checkpoint.failed, asked for by AdminService/Checkpoint.",
  },
  "checkpoint.recovery-completed": {
    level: "info",
    msg: "startup-recovery checkpoint completed",
    doc: "The WAL found at start is in the database; only then are writes acknowledged.",
  },
  "checkpoint.recovery-failed": {
    level: "error",
    msg: "startup-recovery checkpoint failed",
    doc: "The start is refused: without it acknowledged writes could be lost.",
  },
  "checkpoint.closing-completed": {
    level: "info",
    msg: "closeDatabase checkpoint completed",
    doc: "The final checkpoint of a clean stop.",
  },
  "checkpoint.closing-incomplete": {
    level: "warn",
    msg: "closeDatabase checkpoint incomplete: checkpoint returned busy={busy}",
    doc: "Nothing is lost: the next start replays the WAL that stayed behind.",
  },
  "checkpoint.closing-failed": {
    level: "error",
    msg: "closeDatabase checkpoint failed",
    doc: "The files stay as they are and the next start recovers.",
  },
  "engine.close-failed": {
    level: "error",
    msg: "closeDatabase close failed",
    doc: "Closing the connection threw after the final checkpoint.",
  },
  "wal.soft-limit": {
    level: "warn",
    msg: "the WAL is above its soft limit",
    doc: "Checkpoints escalate to TRUNCATE; the line names who pins the WAL.",
  },
  "wal.hard-limit": {
    level: "error",
    msg: "the WAL is at its hard limit: writes are refused",
    doc: "Our own long snapshots are cancelled; writers get RESOURCE_EXHAUSTED (WAL_LIMIT).",
  },
  "wal.within-limits": {
    level: "info",
    msg: "the WAL is within its limits again",
    doc: "After wal.soft-limit or wal.hard-limit.",
  },
  "snapshot.cancelled": {
    level: "warn",
    msg: "a long snapshot was cancelled",
    doc: "It pinned the WAL for longer than allowed. Its reader resumes from a token.",
  },

  "housekeeping.refused": {
    level: "warn",
    msg: "logs and deleted namespaces could not be cut back yet",
    doc: "Tried again after a pause; the cause is in the line.",
  },
  "expiry.sweep-refused": {
    level: "warn",
    msg: "what has run out could not be taken away yet",
    doc: "Callers do not see it all the same; the sweep is tried again within a second.",
  },

  // Integrity.
  "integrity.startup-quick-passed": {
    level: "info",
    msg: "startup quick_check passed",
    doc: "With its duration.",
  },
  "integrity.startup-quick-failed": {
    level: "error",
    msg: "startup quick_check failed: {problems}",
    doc: "The failure policy applies. See the corruption runbook.",
  },
  "integrity.startup-full-passed": {
    level: "info",
    msg: "startup full_check passed",
    doc: "With its duration.",
  },
  "integrity.startup-full-failed": {
    level: "error",
    msg: "startup full_check failed: {problems}",
    doc: "The failure policy applies. See the corruption runbook.",
  },
  "integrity.startup-not-run": {
    level: "error",
    msg: "startup integrity check failed: {reason}",
    doc: "The check itself could not run, so nothing is known. Treated as a failure.",
  },
  "integrity.check-passed": {
    level: "info",
    msg: "integrity check passed",
    doc: "Asked for by AdminService/CheckIntegrity.",
  },
  "integrity.check-failed": {
    level: "error",
    msg: "integrity check found problems: {problems}",
    doc: "Asked for by AdminService/CheckIntegrity. See the corruption runbook.",
  },
  "integrity.row-damaged": {
    level: "error",
    msg: "a row does not match its checksum",
    doc: "Or its page is damaged; once per place, with the pages of the file it is on where they are known. The read was answered DATA_LOSS. An integrity check shows the extent.",
  },
  "integrity.scrub-completed": {
    level: "info",
    msg: "the scrubber has looked at everything",
    doc: "With rows, bytes and duration of the pass.",
  },
  "integrity.scrub-found": {
    level: "error",
    msg: "the scrubber found damage: {problem}",
    doc: "Table, row id, the pages of the file where they are known, and the hash of the key are in the line. The failure policy applies.",
  },
  "integrity.scrub-paused": {
    level: "warn",
    msg: "the scrubber could not go on just now: {cause}",
    doc: "It tries again; only looking for damage is delayed.",
  },
  "integrity.read-repeated": {
    level: "warn",
    msg: "a read met damage once and was right the second time",
    doc: "Nothing was answered wrongly. The disk or the memory may be failing: look at the kernel log.",
  },

  // Calls.
  "rpc.slow": {
    level: "warn",
    msg: "a call was slow",
    doc: "Longer than KVDB_SLOW_RPC_MS; the phases are in the line.",
  },
  "rpc.handler-failed": {
    level: "error",
    msg: "a call failed in a way that was not foreseen",
    doc: "The caller got INTERNAL without inner text. Please report the line.",
  },
  "watch.slow-consumer": {
    level: "warn",
    msg: "a watch was ended because its reader was too slow",
    doc: "The client got the revision to resume from.",
  },
  "transport.listening": {
    level: "info",
    msg: "listening for gRPC calls",
    doc: "One line per bound address.",
  },
  "transport.connection-failed": {
    level: "debug",
    msg: "a connection ended with an error",
    doc: "Usually a client that went away.",
  },
  "ops.listening": {
    level: "info",
    msg: "listening for HTTP requests (metrics and health)",
    doc: "With the bound address.",
  },
  "ops.request-failed": {
    level: "error",
    msg: "an HTTP request failed in a way that was not foreseen",
    doc: "The caller got status 500.",
  },

  // Tenants.
  "namespace.created": { level: "info", msg: "a namespace was created", doc: "By a call." },
  "namespace.deleted": { level: "info", msg: "a namespace was deleted", doc: "By a call." },
} as const satisfies Readonly<Record<string, LogEventRow>>;

export type LogEventName = keyof typeof logEvents;
