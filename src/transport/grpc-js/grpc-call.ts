/**
 * One grpc-js call as the handlers see it. Hides that grpc-js reports every finished call as
 * cancelled, that a peer is costly to ask for, and that a stream may end without a word.
 */
import type { ServerUnaryCall } from "@grpc/grpc-js";
import type { StatusError, TransportCall } from "../../rpc/call.js";
import { refuse } from "../../rpc/error-details.js";
import { statusCode } from "../../rpc/status-code.js";
import { Metadata } from "./library.js";

const detailsTrailer = "grpc-status-details-bin";

/** What the four kinds of grpc-js calls have in common. */
export interface CallSurface
  extends Pick<
    ServerUnaryCall<unknown, unknown>,
    "cancelled" | "metadata" | "getPeer" | "getDeadline" | "getAuthContext"
  > {
  once(event: "cancelled", listener: () => void): unknown;
}

/** What grpc-js sends at the end of a call that failed; its own type wants its own enum. */
export interface FinalStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

export class GrpcCall implements TransportCall {
  readonly path: string;
  readonly deadlineMs: number;
  readonly requestBytes: number;
  readonly #surface: CallSurface;
  #finished = false;
  #stopped = false;
  #controller: AbortController | undefined;
  #trailers: Metadata | undefined;

  constructor(path: string, surface: CallSurface, requestBytes: number) {
    this.path = path;
    this.requestBytes = requestBytes;
    this.#surface = surface;
    const deadline = surface.getDeadline();
    this.deadlineMs = typeof deadline === "number" ? deadline : deadline.getTime();
  }

  /** True from the moment the final status was handed over: nothing may be sent after it. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Called once, right before the status is handed over: grpc-js then reports "cancelled". */
  finish(): void {
    this.#finished = true;
  }

  /** The server ends the call: to the handler it is as if the client had gone. */
  stop(): void {
    this.#stopped = true;
    this.#controller?.abort();
  }

  cancelled(): boolean {
    return this.#stopped || (this.#surface.cancelled && !this.#finished);
  }

  signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.cancelled()) controller.abort();
      else {
        this.#surface.once("cancelled", () => {
          if (!this.#finished) controller.abort();
        });
      }
    }
    return this.#controller.signal;
  }

  header(name: string): string | Uint8Array | undefined {
    return this.#surface.metadata.get(name)[0];
  }

  peer(): string {
    return this.#surface.getPeer();
  }

  clientCertificate(): string | undefined {
    const name = this.#surface.getAuthContext().sslPeerCertificate?.subject.CN;
    return Array.isArray(name) ? name[0] : name;
  }

  trailer(name: string, value: string | Uint8Array): void {
    this.#trailers ??= new Metadata();
    this.#trailers.set(name, typeof value === "string" ? value : bufferOf(value));
  }

  /** Undefined on the common path: an empty Metadata would be copied for nothing. */
  get trailers(): Metadata | undefined {
    return this.#trailers;
  }

  /** The status grpc-js sends for a failure. Texts are well-formed already; see rpc/error-details. */
  statusOf(error: StatusError): FinalStatus {
    const metadata = this.#trailers ?? new Metadata();
    metadata.set(detailsTrailer, bufferOf(error.details));
    return { code: error.code, details: error.message, metadata };
  }
}

/** What a handler meets when it writes to, or reads from, a call that has ended. */
export function callEnded(): StatusError {
  return refuse("NOT_EXECUTED", {
    message: "the call ended before the server was done",
    hint: "if the work is still wanted, call again",
    code: statusCode.CANCELLED,
  });
}

/** An answer that cannot be encoded: a mistake of ours that the handlers' own net did not meet. */
export function unforeseen(cause: unknown): StatusError {
  return refuse("BUG", {
    message: "the answer could not be encoded",
    hint: "report it; the work itself may have been done",
    cause,
  });
}

/** The same bytes, seen as a Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
