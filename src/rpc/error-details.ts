/**
 * Turns a refusal into the status a client gets: code, text, and an encoded google.rpc.Status whose
 * details say the same for machines. ErrorInfo is always there; the rest where it applies.
 */
import {
  errorMetadataBytesMax,
  errorMetadataValueBytesMax,
  errorTextCharactersMax,
} from "../storage/limits.js";
import type { Any } from "../wire/google/protobuf/any.js";
import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  QuotaFailure,
  ResourceInfo,
  RetryInfo,
} from "../wire/google/rpc/error_details.js";
import { Status } from "../wire/google/rpc/status.js";
import { StatusError } from "./call.js";
import { type Reason, reasons } from "./reasons.js";
import type { StatusCode } from "./status-code.js";

export const errorDomain = "kvdb";

export interface RefusalDetail {
  /** What is wrong; one clause, no full stop. Never a key or a value. */
  readonly message: string;
  /** What to do about it; one clause. Goes into the text and into the metadata. */
  readonly hint: string;
  /** Only where it differs from the reason's own code. */
  readonly code?: StatusCode;
  readonly metadata?: Readonly<Record<string, string>>;
  /** The field of the request that is at fault: BadRequest. */
  readonly field?: string;
  /** RetryInfo. */
  readonly retryMs?: number;
  /** ResourceInfo. */
  readonly resource?: { readonly type: string; readonly name: string };
  /** PreconditionFailure. */
  readonly precondition?: { readonly subject: string };
  /** QuotaFailure. */
  readonly quota?: { readonly subject: string };
  readonly cause?: unknown;
}

/** The refusal of one reason. The text never breaks a transport: it is well-formed and bounded. */
export function refuse(reason: Reason, detail: RefusalDetail): StatusError {
  const code = detail.code ?? reasons[reason].code;
  const message = shorten(`${detail.message}; ${detail.hint}`, errorTextCharactersMax);
  const details = Status.encode({ code, message, details: detailsOf(reason, detail) }).finish();
  const options = detail.cause === undefined ? undefined : { cause: detail.cause };
  return new StatusError(code, reason, message, details, options);
}

/** A field that cannot be as it is. The field's name is as in the .proto file. */
export function invalid(
  reason: Reason,
  violation: { readonly field: string; readonly message: string; readonly hint: string } & {
    readonly limit?: number;
    readonly actual?: number;
  },
): StatusError {
  const { field, message, hint, limit, actual } = violation;
  return refuse(reason, {
    message,
    hint,
    field,
    metadata: {
      field,
      ...(limit !== undefined && { limit: String(limit) }),
      ...(actual !== undefined && { actual: String(actual) }),
    },
  });
}

/** The same refusal with more facts in its ErrorInfo. */
export function withMetadata(
  error: StatusError,
  facts: Readonly<Record<string, string>>,
): StatusError {
  const status = Status.decode(error.details);
  const details = status.details.map((detail) => {
    if (!detail.typeUrl.endsWith("/google.rpc.ErrorInfo")) return detail;
    const info = ErrorInfo.decode(detail.value);
    for (const [name, value] of Object.entries(facts)) info.metadata.set(name, value);
    return { ...detail, value: ErrorInfo.encode(info).finish() };
  });
  const bytes = Status.encode({ ...status, details }).finish();
  return new StatusError(error.code, error.reason, error.message, bytes, { cause: error });
}

function detailsOf(reason: Reason, detail: RefusalDetail): Any[] {
  const { field, retryMs, resource, precondition, quota } = detail;
  const description = shorten(detail.message, errorTextCharactersMax);
  const metadata = boundedMetadata({ hint: detail.hint, ...detail.metadata });
  const details = [
    pack("ErrorInfo", ErrorInfo.encode({ reason, domain: errorDomain, metadata }).finish()),
  ];
  if (field !== undefined) {
    const violation = { field, description, reason, localizedMessage: undefined };
    details.push(pack("BadRequest", BadRequest.encode({ fieldViolations: [violation] }).finish()));
  }
  if (retryMs !== undefined) {
    const retryDelay = {
      seconds: BigInt(Math.floor(retryMs / 1000)),
      nanos: (retryMs % 1000) * 1e6,
    };
    details.push(pack("RetryInfo", RetryInfo.encode({ retryDelay }).finish()));
  }
  if (resource !== undefined) {
    const info = {
      resourceType: resource.type,
      resourceName: resource.name,
      owner: "",
      description,
    };
    details.push(pack("ResourceInfo", ResourceInfo.encode(info).finish()));
  }
  if (precondition !== undefined) {
    const violations = [{ type: reason, subject: precondition.subject, description }];
    details.push(pack("PreconditionFailure", PreconditionFailure.encode({ violations }).finish()));
  }
  if (quota !== undefined) {
    const failure = QuotaFailure.fromPartial({
      violations: [{ subject: quota.subject, description }],
    });
    details.push(pack("QuotaFailure", QuotaFailure.encode(failure).finish()));
  }
  return details;
}

function pack(type: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${type}`, value };
}

/**
 * Trailers above 8 KB are refused by some clients, with everything in them. A value that is too
 * long to be useful cut (a token) is left out whole.
 */
function boundedMetadata(metadata: Readonly<Record<string, string>>): Map<string, string> {
  const bounded = new Map<string, string>();
  let bytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    const text = value.toWellFormed();
    const size = Buffer.byteLength(name) + Buffer.byteLength(text);
    if (size > errorMetadataValueBytesMax || bytes + size > errorMetadataBytesMax) continue;
    bytes += size;
    bounded.set(name.toWellFormed(), text);
  }
  return bounded;
}

/** A lone surrogate in a status text throws inside a transport's URI encoder. */
function shorten(text: string, charactersMax: number): string {
  return text.slice(0, charactersMax).toWellFormed();
}
