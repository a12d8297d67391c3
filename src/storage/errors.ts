/**
 * The closed set of refusals. A caller decides by `kind`, never by text; the hint is for the
 * operator. A new kind breaks the build in every table that translates kinds (status codes, docs).
 */

export type EngineErrorKind =
  /** The caller went away before the request was executed. */
  | "cancelled"
  /** A checksum or a structure on disk is wrong. */
  | "corrupt"
  /** The deadline passed before the request was executed. */
  | "deadline"
  | "disk-full"
  | "draining"
  /** The store id the caller knows is not the present one. */
  | "history-changed"
  /** The namespace keeps no replaced versions, so a past revision cannot be read. */
  | "history-off"
  | "key-exists"
  | "key-not-found"
  | "lease-exists"
  | "lease-not-found"
  | "limit-exceeded"
  | "namespace-blocked"
  | "namespace-exists"
  | "namespace-missing"
  | "not-a-number"
  | "not-ready"
  | "overloaded"
  | "quota"
  | "read-only"
  | "request-id-reused"
  | "revision-compacted"
  | "revision-in-future"
  | "slow-consumer"
  | "snapshot-expired"
  | "storage-busy"
  | "storage-fault"
  | "unsupported"
  | "wal-limit";

/** Facts for machines, as strings: a limit, an actual revision, a resume point. Never a
 * key, except that of a damaged row, which its reader asked for; the log takes it out. */
export type RefusalFacts = Readonly<Record<string, string>>;

export interface EngineErrorOptions extends ErrorOptions {
  /** What the caller or the operator can do about it; one sentence. */
  readonly hint: string;
  readonly facts?: RefusalFacts;
}

/** A refusal: nothing happened (unless `kind` is "corrupt" met halfway through a stream of reads). */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly kind: EngineErrorKind;
  readonly hint: string;
  readonly facts: RefusalFacts;

  constructor(kind: EngineErrorKind, message: string, options: EngineErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
    this.facts = options.facts ?? {};
  }
}

/** A request that was refused by itself, while the rest of its group was committed. */
export interface Refusal {
  readonly kind: EngineErrorKind;
  readonly message: string;
  readonly hint: string;
  readonly facts: RefusalFacts;
}

/** The refusal as a value, for a request that was refused by itself. */
export function refusalOf(error: EngineError): Refusal {
  return { kind: error.kind, message: error.message, hint: error.hint, facts: error.facts };
}

/** The refusal as an error again. */
export function errorOf(refusal: Refusal): EngineError {
  return new EngineError(refusal.kind, refusal.message, {
    hint: refusal.hint,
    facts: refusal.facts,
  });
}

/** Why a store could not be opened. The daemon turns the kind into its exit code. */
export type OpenErrorKind =
  /** Another process holds the data directory. */
  | "locked"
  /** Owner or mode of a file or directory, or a directory that cannot be written. */
  | "permission"
  /** The file system cannot carry a shared WAL. */
  | "file-system"
  /** A damaged, mispaired or missing file; lost acknowledged writes; a failed integrity check. */
  | "damaged"
  /** Not a SQLite file, or the database of another application. */
  | "foreign"
  /** Written by a newer kvdb. */
  | "newer-format"
  /** A pragma that could not be set or reads back differently. */
  | "pragma"
  /** This SQLite, or this pair of Node and binding, must not be used. */
  | "version"
  /** The file system has not the room that a start needs. */
  | "no-space"
  /** The disk answered with an error. */
  | "io";

/** The store was not opened, and nothing of it is held. The hint says what to do. */
export class OpenError extends Error {
  override readonly name = "OpenError";
  readonly kind: OpenErrorKind;
  readonly hint: string;

  constructor(kind: OpenErrorKind, message: string, options: { hint: string } & ErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
  }
}
