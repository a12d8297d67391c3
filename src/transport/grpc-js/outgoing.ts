/**
 * The messages a handler sends. Bounded in bytes, because a client that does not read would
 * otherwise cost memory without end: grpc-js counts objects, of whatever size.
 */
import type { Writable } from "node:stream";
import type { StreamWriter } from "../../rpc/call.js";
import type { TransportLimits } from "../../rpc/served-method.js";
import { callEnded, type GrpcCall } from "./grpc-call.js";
import { Metadata } from "./library.js";

/** A stream of answers, as grpc-js hands it over. */
export interface AnswerStream extends Writable {
  sendMetadata(metadata: Metadata): void;
}

export class OutgoingMessages implements StreamWriter<unknown> {
  readonly #stream: AnswerStream;
  readonly #call: GrpcCall;
  readonly #encode: (message: unknown) => Buffer;
  readonly #limits: TransportLimits;
  #unsentBytes = 0;
  #unsentMessages = 0;
  #waiting: (() => void) | undefined;

  constructor(
    stream: AnswerStream,
    call: GrpcCall,
    encode: (message: unknown) => Buffer,
    limits: TransportLimits,
  ) {
    this.#stream = stream;
    this.#call = call;
    this.#encode = encode;
    this.#limits = limits;
  }

  begin(): void {
    if (!this.#ended()) this.#stream.sendMetadata(new Metadata());
  }

  write(message: unknown): Promise<void> | undefined {
    if (this.#ended()) return Promise.reject(callEnded());
    const bytes = this.#encode(message);
    this.#unsentBytes += bytes.length;
    this.#unsentMessages++;
    this.#stream.write(bytes, () => {
      this.#unsentBytes -= bytes.length;
      this.#unsentMessages--;
      if (this.#hasRoom()) this.#waiting?.();
    });
    return this.#hasRoom() ? undefined : this.#room();
  }

  #hasRoom(): boolean {
    return (
      this.#unsentBytes <= this.#limits.streamUnsentBytesMax &&
      this.#unsentMessages <= this.#limits.streamUnsentMessagesMax
    );
  }

  #ended(): boolean {
    return this.#call.finished || this.#call.cancelled() || this.#stream.destroyed;
  }

  /** A cancelled stream never says that it drained, so its end must wake the writer too. */
  async #room(): Promise<void> {
    const signal = this.#call.signal();
    await new Promise<void>((resolve) => {
      // Taken off again: a subscription may wait for room a million times on one signal.
      const finish = (): void => {
        signal.removeEventListener("abort", finish);
        resolve();
      };
      this.#waiting = finish;
      signal.addEventListener("abort", finish);
      if (signal.aborted) finish();
    });
    this.#waiting = undefined;
    if (this.#ended()) throw callEnded();
  }
}
