/**
 * What a handler sees of a call. No transport's type appears here, so a second transport serves the
 * same handlers, and a test calls one with an object literal.
 */
import type { Principal } from "./principal.js";
import type { StatusCode } from "./status-code.js";

/** What a transport knows of a call. Cheap to make: whatever costs something is asked for. */
export interface TransportCall {
  /** For example "/kvdb.v1.KvService/Get". */
  readonly path: string;
  /** Epoch milliseconds; Infinity when the client set none. */
  readonly deadlineMs: number;
  /** Encoded size of the request; 0 when requests arrive as a stream. */
  readonly requestBytes: number;
  /** True once the client is gone, the deadline has passed or the server stops. */
  cancelled(): boolean;
  /** Aborted at the moment that makes `cancelled` true. Made on first use. */
  signal(): AbortSignal;
  /** First value of a request header; the name in lower case. */
  header(name: string): string | Uint8Array | undefined;
  /** For logs only: it may be costly to find out. */
  peer(): string;
  /** Subject of a verified client certificate. */
  clientCertificate(): string | undefined;
  /** Sent after the answer, whether it is a success or not. */
  trailer(name: string, value: string | Uint8Array): void;
}

/** What a handler sees: the transport's call, and who is calling. Serves as the engine's limits. */
export interface CallContext extends TransportCall {
  readonly principal: Principal;
}

/** What a transport hands over in place of a request whose bytes it could not decode. */
export const malformedMessage: unique symbol = Symbol("malformed message");

/** The only way a handler emits messages of a stream. */
export interface StreamWriter<Message> {
  /** Sends the initial metadata now instead of with the first message. Twice is fine. */
  begin(): void;
  /** Undefined: there is room left. A promise: wait for it. Rejects when the call has ended. */
  write(message: Message): Promise<void> | undefined;
}

/** A plain answer costs no promise on the path of a point read. */
export type Unary<Request, Response, Call = CallContext> = (
  request: Request,
  call: Call,
) => Response | Promise<Response>;
export type ServerStream<Request, Response, Call = CallContext> = (
  request: Request,
  out: StreamWriter<Response>,
  call: Call,
) => Promise<void>;
export type ClientStream<Request, Response, Call = CallContext> = (
  requests: AsyncIterable<Request>,
  call: Call,
) => Promise<Response>;
export type Bidi<Request, Response, Call = CallContext> = (
  requests: AsyncIterable<Request>,
  out: StreamWriter<Response>,
  call: Call,
) => Promise<void>;

/** The only error a transport has to understand. Anything else is a bug and becomes INTERNAL. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: StatusCode;
  /** Stable, UPPER_SNAKE: what clients decide by. */
  readonly reason: string;
  /** Encoded google.rpc.Status, for the grpc-status-details-bin trailer. */
  readonly details: Uint8Array;

  constructor(
    code: StatusCode,
    reason: string,
    message: string,
    details: Uint8Array,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}
