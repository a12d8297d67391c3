/**
 * Every reason a refusal may carry: the stable words that clients decide by. The reference page of
 * errors is written from this table. A reason never changes its meaning; a new case gets a new row.
 */
import { type StatusCode, statusCode } from "./status-code.js";

/** What a client may do about it. */
export type RetryAdvice =
  /** The same request will be refused again. */
  | "no"
  /** Nothing happened; wait as RetryInfo says, then send it again. */
  | "after-delay"
  /** Nothing happened; read again, then decide. */
  | "after-reading-again"
  /** Nothing happened; continue from the point that the metadata names. */
  | "resume"
  /** It may have happened: send it again only with the same request_id. */
  | "same-request-id-only";

export interface ReasonRow {
  readonly code: StatusCode;
  readonly retry: RetryAdvice;
  readonly meaning: string;
}

const invalid = (meaning: string): ReasonRow => ({
  code: statusCode.INVALID_ARGUMENT,
  retry: "no",
  meaning,
});

export const reasons = {
  // The request itself.
  ARGUMENT_INVALID: invalid("A field has a value that it cannot have; the violation names it."),
  BATCH_TOO_LARGE: invalid("More operations, keys or bytes than one request may carry."),
  CHECKSUM_MISMATCH: invalid("The bytes of a chunk do not have the checksum sent with them."),
  FIELD_MISSING: invalid("A field without which the request has no meaning is absent."),
  KEY_EMPTY: invalid("A key has at least one byte."),
  KEY_TOO_LARGE: invalid("The key is longer than the limit named in the violation."),
  LEASE_ID_INVALID: invalid("A lease id is 1 to 2^63 - 1."),
  LIMIT_EXCEEDED: invalid("The request asks for more than one request may do."),
  MESSAGE_MALFORMED: invalid("The bytes received are not an encoded request of this method."),
  NAMESPACE_INVALID: invalid("A namespace is 1 to 63 characters of a-z, 0-9, _ and -."),
  PAGE_SIZE_INVALID: invalid("A page size is not negative."),
  PAGE_TOKEN_INVALID: invalid("The token was not issued by this store for this very request."),
  RANGE_INVALID: invalid("The range is absent, or starts at or after its end."),
  REQUEST_ID_REUSED: invalid("The request id was used before with another request."),
  REQUEST_ID_TOO_LARGE: invalid("The request id is longer than the limit named in the violation."),
  RESPONSE_TOO_LARGE: invalid("The answer would not fit one message; ask for less at a time."),
  REVISION_INVALID: invalid("The revision is beyond what a revision can be."),
  TTL_INVALID: invalid("The time to live or expiry time is out of range."),
  TXN_TOO_DEEP: invalid("Transactions are nested deeper than the limit named in the violation."),
  VALUE_TOO_LARGE: invalid("The value is longer than the limit named in the violation."),

  // What is, or is not, there.
  CONDITION_FAILED: row(
    "ABORTED",
    "after-reading-again",
    "The key's revision or version is not the one the condition names; metadata has the actual one.",
  ),
  KEY_EXISTS: row("ALREADY_EXISTS", "no", "The key must not exist, but does."),
  KEY_NOT_FOUND: row("NOT_FOUND", "no", "The key must exist, but does not."),
  LEASE_EXISTS: row("ALREADY_EXISTS", "no", "A lease with this id exists."),
  LEASE_NOT_FOUND: row("NOT_FOUND", "no", "No lease has this id, or it has expired."),
  NAMESPACE_EXISTS: row("ALREADY_EXISTS", "no", "A namespace with this name exists."),
  NAMESPACE_NOT_FOUND: row("NOT_FOUND", "no", "There is no such namespace."),
  SERVICE_NOT_FOUND: row("NOT_FOUND", "no", "The health of an unknown service was asked for."),

  // What the state does not allow.
  HISTORY_OFF: row(
    "FAILED_PRECONDITION",
    "no",
    "The namespace keeps no replaced versions, so only the newest state can be read.",
  ),
  NAMESPACE_BLOCKED: row("FAILED_PRECONDITION", "no", "An operator has blocked the namespace."),
  NOT_A_NUMBER: row("FAILED_PRECONDITION", "no", "The value is no decimal number, or overflows."),
  NOT_LEADER: row(
    "FAILED_PRECONDITION",
    "after-delay",
    "Another node takes writes; metadata names it when it is known.",
  ),
  READ_ONLY: row("FAILED_PRECONDITION", "no", "The store takes no writes; GetStatus says why."),
  COMPACTED: row("OUT_OF_RANGE", "resume", "The revision is older than what is retained."),
  FUTURE_REVISION: row("OUT_OF_RANGE", "no", "The revision has not been written yet."),
  FENCED: row("ABORTED", "after-delay", "Another writer has taken over; nothing was written."),
  HISTORY_CHANGED: row("ABORTED", "resume", "The store was replaced; begin again from a new read."),

  // Not enough of something.
  DISK_FULL: row("RESOURCE_EXHAUSTED", "after-delay", "The disk has no room for the write."),
  OVERLOADED: row("RESOURCE_EXHAUSTED", "after-delay", "Too many calls are waiting already."),
  QUOTA: row("RESOURCE_EXHAUSTED", "after-delay", "The namespace's quota is used up."),
  SLOW_CONSUMER: row(
    "RESOURCE_EXHAUSTED",
    "resume",
    "The stream was read too slowly and was cut; continue with the resume token.",
  ),
  WAL_LIMIT: row(
    "RESOURCE_EXHAUSTED",
    "after-delay",
    "The write-ahead log is at its hard limit; writes wait until it shrinks.",
  ),

  // Not now.
  DRAINING: row("UNAVAILABLE", "after-delay", "The server takes no new calls."),
  NOT_READY: row("UNAVAILABLE", "after-delay", "The store is still being opened, or has failed."),
  STORAGE_BUSY: row("UNAVAILABLE", "after-delay", "Another process holds the database file."),
  STORAGE_FAULT: row("UNAVAILABLE", "after-delay", "The disk failed; the server restarts."),
  UNSUPPORTED: row("UNIMPLEMENTED", "no", "This server does not offer it; metadata names what."),

  // How a call ended.
  CORRUPT: row("DATA_LOSS", "no", "Stored bytes do not have their checksum, or a page is damaged."),
  NOT_EXECUTED: row(
    "DEADLINE_EXCEEDED",
    "after-delay",
    "The deadline passed (or the caller went away: CANCELLED) before anything was done.",
  ),
  OUTCOME_UNKNOWN: row(
    "UNKNOWN",
    "same-request-id-only",
    "It may or may not have happened. DEADLINE_EXCEEDED when the deadline ended the wait.",
  ),
  BUG: row("INTERNAL", "no", "A mistake of ours; the log has the id that metadata names."),
} as const satisfies Record<string, ReasonRow>;

export type Reason = keyof typeof reasons;

function row(code: keyof typeof statusCode, retry: RetryAdvice, meaning: string): ReasonRow {
  return { code: statusCode[code], retry, meaning };
}
