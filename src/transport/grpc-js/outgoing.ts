/**
 * The messages a handler sends. Bounded in bytes, because a client that does not read would
 * otherwise cost memory without end: grpc-js counts objects, of whatever size.
 */
import type { Writable } from "node:stream";
import type { StreamWriter } from "../../rpc/call.js";
import type { TransportLimits } from "../../rpc/served-method.js";
import { callEnded, type GrpcCall } from "./grpc-call.js";

export class OutgoingMessages implements StreamWriter<unknown> {
  readonly #stream: Writable;
  readonly #call: GrpcCall;
  readonly #encode: (message: unknown) => Buffer;
  readonly #limits: TransportLimits;
  #unsentBytes = 0;
  #unsentMessages = 0;
  #waiting: (() => void) | undefined;

  constructor(
    stream: Writable,
    call: GrpcCall,
    encode: (message: unknown) => Buffer,
    limits: TransportLimits,
  ) {
    this.#stream = stream;
    this.#call = call;
    this.#encode = encode;
    this.#limits = limits;
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
      this.#waiting = resolve;
      signal.addEventListener("abort", () => {
        resolve();
      });
      if (signal.aborted) resolve();
    });
    this.#waiting = undefined;
    if (this.#ended()) throw callEnded();
  }
}
