/**
 * Requests that will share one sync: encoded as they come, so that nothing of a caller's message is
 * kept alive, and withdrawn at the last moment when their caller has gone.
 */
import {
  groupCommitBytesMax,
  groupCommitBytesWhenSmall,
  groupCommitRequestsMax,
  smallRequestBytesMax,
} from "../../storage/limits.js";
import type { TxnRequest, TxnResult } from "../../storage/model.js";
import type { CallLimits, Outcome } from "../../storage/storage-engine.js";
import { ByteWriter } from "../record/byte-writer.js";
import { writeRequest } from "../record/request-codec.js";

export interface Waiter {
  readonly request: TxnRequest;
  readonly call: CallLimits;
  readonly enqueuedMs: number;
  readonly resolve: (outcome: Outcome<TxnResult>) => void;
  readonly reject: (error: Error) => void;
}

export class CommitGroup {
  readonly #out: ByteWriter;
  readonly #waiters: (Waiter | undefined)[] = [];
  readonly #bytesMax: number;

  /** Small first requests make a small group: they do not wait for megabytes of others. */
  constructor(firstBytes: number) {
    this.#bytesMax =
      firstBytes <= smallRequestBytesMax ? groupCommitBytesWhenSmall : groupCommitBytesMax;
    this.#out = new ByteWriter(firstBytes);
  }

  get bytes(): number {
    return this.#out.length;
  }

  /** Requests taken in, the withdrawn ones among them. */
  get count(): number {
    return this.#waiters.length;
  }

  /** The first request always fits. */
  fits(bytes: number): boolean {
    if (this.count === 0) return true;
    return this.count < groupCommitRequestsMax && this.bytes + bytes <= this.#bytesMax;
  }

  add(waiter: Waiter): void {
    writeRequest(this.#out, waiter.request);
    this.#waiters.push(waiter);
  }

  /** Takes out those for whom `gone` says why; returns the indexes that are out by now. */
  withdraw(gone: (waiter: Waiter) => Error | undefined): number[] {
    const skip: number[] = [];
    for (const [index, waiter] of this.#waiters.entries()) {
      const reason = waiter === undefined ? undefined : gone(waiter);
      if (waiter !== undefined && reason === undefined) continue;
      if (waiter !== undefined && reason !== undefined) waiter.reject(reason);
      this.#waiters[index] = undefined;
      skip.push(index);
    }
    return skip;
  }

  /** Those who still wait, in order. */
  get waiting(): readonly Waiter[] {
    return this.#waiters.filter((waiter) => waiter !== undefined);
  }

  /** The encoded requests; the group takes no more. */
  encoded(): Uint8Array<ArrayBuffer> {
    return this.#out.finish();
  }
}
