/**
 * The one error of the client. Programs decide by `code`, `reason` and `mayHaveHappened`; the text
 * is for people and may change.
 */
import { type ServiceError, status } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo, RetryInfo } from "../wire/google/rpc/error_details.js";
import { Status } from "../wire/google/rpc/status.js";

export type StatusName = keyof typeof status;

export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

export interface KvErrorFacts {
  readonly code: status;
  readonly message: string;
  /** UPPER_SNAKE and stable. Empty: the answer did not come from a kvdb server. */
  readonly reason?: string;
  readonly hint?: string;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly violations?: readonly FieldViolation[];
  readonly retryDelayMs?: number | undefined;
  readonly mayHaveHappened?: boolean;
  readonly cause?: unknown;
}

/** Reasons that only this client gives: the request never left the process. */
export const notConnected = "NOT_CONNECTED";
export const addressInvalid = "ADDRESS_INVALID";

const detailsTrailer = "grpc-status-details-bin";
const codes = new Map<number, status>(
  Object.values(status).flatMap((code) => (typeof code === "number" ? [[code, code]] : [])),
);
/** Reasons after which a mutation may have happened; every other reason says that it did not. */
const reasonsOfUnknownOutcome: readonly string[] = ["OUTCOME_UNKNOWN", "BUG"];
/** Answers a transport makes up by itself, without having heard what became of the request. */
const codesOfUnknownOutcome: readonly status[] = [
  status.CANCELLED,
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
];

export class KvError extends Error {
  override readonly name = "KvError";
  readonly code: status;
  readonly reason: string;
  readonly hint: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly violations: readonly FieldViolation[];
  /** The server asks for at least this pause before a retry. */
  readonly retryDelayMs: number | undefined;
  /**
   * True: a mutation may have taken effect, send it again only with the same request id. False: it
   * definitely did not, or there was nothing to take effect.
   */
  readonly mayHaveHappened: boolean;

  constructor(facts: KvErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.reason = facts.reason ?? "";
    this.hint = facts.hint ?? "";
    this.metadata = facts.metadata ?? new Map();
    this.violations = facts.violations ?? [];
    this.retryDelayMs = facts.retryDelayMs;
    this.mayHaveHappened = facts.mayHaveHappened ?? false;
  }

  /** The code by its name, for example "NOT_FOUND". */
  get status(): StatusName {
    return status[this.code] as StatusName;
  }

  /**
   * Whatever was caught, as a KvError; one that is a KvError already stays as it is. `mutates` says
   * whether the call could have changed anything.
   */
  static from(cause: unknown, mutates: boolean = false): KvError {
    if (cause instanceof KvError) return cause;
    if (isServiceError(cause)) return fromServiceError(cause, mutates);
    const message = cause instanceof Error ? cause.message : String(cause);
    return new KvError({ code: status.UNKNOWN, message, mayHaveHappened: mutates, cause });
  }

  /** The same failure of a single request inside an answer, for example of a pipeline. */
  static fromStatus(answer: Status, mutates: boolean): KvError {
    return new KvError(factsOf(answer, mutates));
  }

  /** The same failure, after an earlier attempt whose outcome is not known. */
  afterUnknownAttempt(): KvError {
    const { code, message, reason, hint, metadata, violations, retryDelayMs } = this;
    const facts = { code, message, reason, hint, metadata, violations, retryDelayMs };
    return new KvError({ ...facts, mayHaveHappened: true, cause: this });
  }
}

function isServiceError(cause: unknown): cause is ServiceError {
  return (
    cause instanceof Error &&
    "code" in cause &&
    typeof cause.code === "number" &&
    "details" in cause
  );
}

function fromServiceError(cause: ServiceError, mutates: boolean): KvError {
  // Absent when the library failed before there was a call.
  const trailers = cause.metadata as ServiceError["metadata"] | undefined;
  const [encoded] = trailers?.get(detailsTrailer) ?? [];
  if (!(encoded instanceof Uint8Array)) {
    const mayHaveHappened = mutates && codesOfUnknownOutcome.includes(cause.code);
    return new KvError({ code: cause.code, message: cause.details, mayHaveHappened, cause });
  }
  return new KvError({ ...factsOf(Status.decode(encoded), mutates), code: cause.code, cause });
}

function factsOf(answer: Status, mutates: boolean): KvErrorFacts {
  const info = detail(answer, "ErrorInfo", ErrorInfo);
  const retryDelay = detail(answer, "RetryInfo", RetryInfo)?.retryDelay;
  // A number that is no code is unknown too.
  const code = codes.get(answer.code) ?? status.UNKNOWN;
  const unknown =
    info === undefined
      ? codesOfUnknownOutcome.includes(code)
      : reasonsOfUnknownOutcome.includes(info.reason);
  const hint = info?.metadata.get("hint") ?? "";
  return {
    code,
    message: withoutHint(answer.message, hint),
    reason: info?.reason ?? "",
    hint,
    metadata: info?.metadata ?? new Map<string, string>(),
    violations: detail(answer, "BadRequest", BadRequest)?.fieldViolations ?? [],
    ...(retryDelay !== undefined && {
      retryDelayMs: Number(retryDelay.seconds) * 1_000 + retryDelay.nanos / 1e6,
    }),
    mayHaveHappened: mutates && unknown,
  };
}

function detail<Detail>(
  answer: Status,
  type: string,
  codec: { decode(bytes: Uint8Array): Detail },
): Detail | undefined {
  const packed = answer.details.find(({ typeUrl }) => typeUrl.endsWith(`/google.rpc.${type}`));
  return packed === undefined ? undefined : codec.decode(packed.value);
}

/** The status text repeats the hint for clients that read nothing else. */
function withoutHint(message: string, hint: string): string {
  const tail = `; ${hint}`;
  return hint !== "" && message.endsWith(tail) ? message.slice(0, -tail.length) : message;
}
