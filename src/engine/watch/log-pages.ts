/**
 * Pages of the log for those who catch up: few at a time, in the order they were asked for, and asked
 * for again when a reader thread died over one. A page is decoded here and checked for being dense.
 */
import { ThreadExitError } from "../../foundation/thread-link.js";
import { EngineError } from "../../storage/errors.js";
import {
  watchPageBytesMax,
  watchPagesInFlightMax,
  watchPageTriesMax,
} from "../../storage/limits.js";
import type { ChangeBatch } from "../../storage/log-entry.js";
import type { Namespace, Revision } from "../../storage/model.js";
import { damagedStoreHint } from "../damage-hints.js";
import type { LogPage } from "../log/log-reader.js";
import { decodeBatches } from "../record/entry-codec.js";

export interface PageRequest {
  readonly namespace: Namespace;
  readonly from: Revision;
  readonly bytesMax: number;
}

export type BatchPage =
  /** Every revision from the one asked for up to `last`. */
  | { readonly kind: "batches"; readonly batches: readonly ChangeBatch[]; readonly last: Revision }
  | Exclude<LogPage, { readonly kind: "entries" }>;

export class LogPages {
  readonly #request: (message: PageRequest) => Promise<LogPage>;
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;

  /** The request rejects with ThreadExitError when its thread ended before it answered. */
  constructor(request: (message: PageRequest) => Promise<LogPage>) {
    this.#request = request;
  }

  /** Throws EngineError "corrupt", or why no page can be read now. */
  async read(namespace: Namespace, from: Revision): Promise<BatchPage> {
    await this.#enter();
    try {
      const page = await this.#ask({ namespace, from, bytesMax: watchPageBytesMax });
      return page.kind === "entries" ? decoded(page, from) : page;
    } finally {
      this.#leave();
    }
  }

  async #ask(message: PageRequest): Promise<LogPage> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#request(message);
      } catch (cause) {
        if (!(cause instanceof ThreadExitError)) throw cause;
        if (tries < watchPageTriesMax) continue;
        throw new EngineError("not-ready", "the threads that read the log keep ending", {
          cause,
          hint: "retry after a pause; the server's log says why they ended",
        });
      }
    }
  }

  /** A place that is left is handed on, so nobody can slip in between. */
  async #enter(): Promise<void> {
    if (this.#inFlight < watchPagesInFlightMax) {
      this.#inFlight++;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inFlight--;
    else next();
  }
}

function decoded(page: LogPage & { readonly kind: "entries" }, from: Revision): BatchPage {
  const batches: ChangeBatch[] = [];
  let at = 0;
  let next = from;
  for (const { bytes } of page.entries) {
    const payload = page.payloads.subarray(at, at + bytes);
    at += bytes;
    for (const batch of batchesOf(payload, next)) {
      if (batch.revision < next) continue;
      if (batch.revision !== next) throw damaged(next);
      batches.push(batch);
      next = (next + 1n) as Revision;
    }
  }
  if (next === from) throw damaged(from);
  return { kind: "batches", batches, last: (next - 1n) as Revision };
}

function batchesOf(payload: Uint8Array, revision: Revision): ChangeBatch[] {
  try {
    return decodeBatches(payload);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw damaged(revision, cause);
  }
}

function damaged(revision: Revision, cause?: RangeError): EngineError {
  return new EngineError("corrupt", `the log does not hold revision ${revision} as it should`, {
    ...(cause !== undefined && { cause }),
    hint: damagedStoreHint,
    facts: { table: "log" },
  });
}

/** The namespace was there when the watch began. */
export function namespaceGone(namespace: Namespace): EngineError {
  return new EngineError("namespace-missing", `the namespace ${namespace} was deleted`, {
    hint: "its revisions are not used again; watch it anew once it is made again",
    facts: { namespace },
  });
}
