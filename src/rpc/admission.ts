/**
 * How much may be going on at once. A call is refused before it has cost anything; what was let in
 * is never refused for load again.
 */
import {
  concurrentRequestBytesMax,
  concurrentStreamsMax,
  concurrentUnaryCallsMax,
  retryDelayOverloadedMs,
} from "../storage/limits.js";
import type { StatusError } from "./call.js";
import { refuse } from "./error-details.js";

export interface AdmissionLimits {
  readonly callsMax: number;
  readonly streamsMax: number;
  readonly requestBytesMax: number;
}

export const admissionDefaults: AdmissionLimits = Object.freeze({
  callsMax: concurrentUnaryCallsMax,
  streamsMax: concurrentStreamsMax,
  requestBytesMax: concurrentRequestBytesMax,
});

export class Admission {
  readonly #limits: AdmissionLimits;
  #calls = 0;
  #streams = 0;
  #requestBytes = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get running(): { readonly calls: number; readonly streams: number; readonly bytes: number } {
    return { calls: this.#calls, streams: this.#streams, bytes: this.#requestBytes };
  }

  /** Throws OVERLOADED, and then the call must not leave. Otherwise it must, once. */
  enterCall(requestBytes: number): void {
    if (this.#calls >= this.#limits.callsMax) throw overloaded("calls", this.#limits.callsMax);
    if (this.#requestBytes + requestBytes > this.#limits.requestBytesMax) {
      throw overloaded("request bytes", this.#limits.requestBytesMax);
    }
    this.#calls++;
    this.#requestBytes += requestBytes;
  }

  leaveCall(requestBytes: number): void {
    this.#calls--;
    this.#requestBytes -= requestBytes;
  }

  /** As enterCall. A stream's bytes are bounded by its flow control, not here. */
  enterStream(): void {
    if (this.#streams >= this.#limits.streamsMax) {
      throw overloaded("streams", this.#limits.streamsMax);
    }
    this.#streams++;
  }

  leaveStream(): void {
    this.#streams--;
  }
}

function overloaded(what: string, limit: number): StatusError {
  return refuse("OVERLOADED", {
    message: `the server has as many ${what} in progress as it takes (${String(limit)})`,
    hint: "wait as RetryInfo says, then send the request again",
    metadata: { limit: String(limit) },
    retryMs: retryDelayOverloadedMs,
    quota: { subject: what },
  });
}
