/**
 * What the scrubber's thread does, on a read-only connection with a small cache of its own, so that its walk
 * takes neither the pages nor the turn of those who serve callers.
 */
import { unreachable } from "../../foundation/assert.js";
import type { Clock } from "../../foundation/clock.js";
import { ThreadHost } from "../../foundation/thread-host.js";
import { EngineError } from "../../storage/errors.js";
import { integrityCacheBytes } from "../../storage/limits.js";
import { looksDamaged, readTwice } from "../read/second-look.js";
import { type Connection, type OpenConnection, openConnection } from "../sqlite/connection.js";
import { isSqliteError } from "../sqlite/result-codes.js";
import type { BodyPorts } from "../thread-body.js";
import type { ScrubReplies, ScrubStart, TimedSlice, ToScrubber } from "./scrub-protocol.js";
import { type ScrubSlice, scrubSlice, skipDamage } from "./scrub-slice.js";

type SliceMessage = ToScrubber & { readonly kind: "slice" };

/** Begins to answer at this end of the link. */
export function serveScrubber(start: ScrubStart, { port, clock }: Omit<BodyPorts, "random">): void {
  const scrubber = new ScrubberBody(start, clock);
  ThreadHost.serve<ToScrubber, ScrubReplies>(port, (message) => scrubber.handle(message));
}

class ScrubberBody {
  readonly #clock: Clock;
  readonly #open: OpenConnection;
  #kept: { readonly connection: Connection } | undefined;

  constructor({ options }: ScrubStart, clock: Clock) {
    const pragmas = { ...options, cacheBytes: integrityCacheBytes };
    this.#clock = clock;
    this.#open = { file: options.file, role: "reader", pragmas };
  }

  handle(message: ToScrubber): ScrubReplies[ToScrubber["kind"]] {
    switch (message.kind) {
      case "slice":
        return this.#timed(message);
      case "close":
        this.#kept?.connection.close();
        this.#kept = undefined;
        return true;
      default:
        return unreachable(message);
    }
  }

  #timed(message: SliceMessage): TimedSlice {
    const began = this.#clock.monotonicMs();
    const repeated: string[] = [];
    const slice = this.#sliceOf(message, repeated);
    return { ...slice, repeated, busyMs: this.#clock.monotonicMs() - began };
  }

  #sliceOf({ place, bounds }: SliceMessage, repeated: string[]): ScrubSlice {
    this.#kept ??= { connection: openConnection(this.#open) };
    const { connection } = this.#kept;
    try {
      const slice = readTwice(this.#kept, {
        fresh: () => ({ connection: openConnection(this.#open) }),
        read: (reader) => scrubSlice(reader.connection, place, bounds),
        onRepeated: (code) => repeated.push(code),
      });
      // A row that seems damaged is an answer, not an error: it is looked at again as well.
      return slice.findings.length === 0 ? slice : this.#confirmed({ place, bounds }, repeated);
    } catch (error) {
      const cause = error instanceof EngineError ? error.cause : error;
      if (!looksDamaged(error) || !isSqliteError(cause)) throw error;
      return skipDamage(connection, place, cause);
    }
  }

  #confirmed({ place, bounds }: Omit<SliceMessage, "kind">, repeated: string[]): ScrubSlice {
    const connection = openConnection(this.#open);
    try {
      const again = scrubSlice(connection, place, bounds);
      if (again.findings.length === 0) repeated.push("ROW_CHECKSUM");
      return again;
    } finally {
      connection.close();
    }
  }
}
