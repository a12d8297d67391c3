/** Reads back what a refusal carries, as a client would. */
import { StatusError } from "../../../src/rpc/call.js";
import { BadRequest, ErrorInfo, RetryInfo } from "../../../src/wire/google/rpc/error_details.js";
import { Status } from "../../../src/wire/google/rpc/status.js";

export interface ReadRefusal {
  readonly code: number;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
  readonly retryMs: number | undefined;
  readonly kinds: readonly string[];
}

export function readStatusError(error: unknown): ReadRefusal {
  if (!(error instanceof StatusError)) throw new Error(`no StatusError: ${String(error)}`);
  const { code, message, details } = Status.decode(error.details);
  if (code !== error.code || message !== error.message) throw new Error("details differ");
  const of = (name: string): Uint8Array | undefined =>
    details.find(({ typeUrl }) => typeUrl.endsWith(`.${name}`))?.value;
  const info = ErrorInfo.decode(of("ErrorInfo") ?? new Uint8Array(0));
  const request = BadRequest.decode(of("BadRequest") ?? new Uint8Array(0));
  const delay =
    of("RetryInfo") && RetryInfo.decode(of("RetryInfo") ?? new Uint8Array(0)).retryDelay;
  return {
    code,
    reason: info.reason,
    metadata: Object.fromEntries(info.metadata),
    fields: request.fieldViolations.map(({ field }) => field),
    retryMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    kinds: details.map(({ typeUrl }) => typeUrl.slice(typeUrl.lastIndexOf(".") + 1)),
  };
}

/** What the function refuses with. */
export function refusalOf(run: () => unknown): ReadRefusal {
  try {
    run();
  } catch (error) {
    return readStatusError(error);
  }
  throw new Error("nothing was refused");
}
