/**
 * The scrubber's thread: a read-only connection with a small cache of its own, so that its walk
 * takes neither the pages nor the turn of those who serve callers.
 */
import { workerData } from "node:worker_threads";
import { unreachable } from "../../foundation/assert.js";
import { ThreadHost } from "../../foundation/thread-host.js";
import { EngineError } from "../../storage/errors.js";
import { integrityCacheBytes } from "../../storage/limits.js";
import { looksDamaged, readTwice } from "../read/second-look.js";
import { type Connection, type OpenConnection, openConnection } from "../sqlite/connection.js";
import { isSqliteError } from "../sqlite/result-codes.js";
import type { ScrubReplies, ScrubStart, TimedSlice, ToScrubber } from "./scrub-protocol.js";
import { type ScrubSlice, scrubSlice, skipDamage } from "./scrub-slice.js";

const { options } = workerData as ScrubStart;
const open: OpenConnection = {
  file: options.file,
  role: "reader",
  pragmas: { ...options, cacheBytes: integrityCacheBytes },
};
let kept: { readonly connection: Connection } | undefined;

function handle(message: ToScrubber): ScrubReplies[ToScrubber["kind"]] {
  switch (message.kind) {
    case "slice":
      return timed(message);
    case "close":
      kept?.connection.close();
      kept = undefined;
      return true;
    default:
      return unreachable(message);
  }
}

function timed(message: ToScrubber & { kind: "slice" }): TimedSlice {
  const began = performance.now();
  const repeated: string[] = [];
  const slice = sliceOf(message, repeated);
  return { ...slice, repeated, busyMs: performance.now() - began };
}

function sliceOf(
  { place, bounds }: ToScrubber & { kind: "slice" },
  repeated: string[],
): ScrubSlice {
  kept ??= { connection: openConnection(open) };
  const { connection } = kept;
  try {
    const slice = readTwice(kept, {
      fresh: () => ({ connection: openConnection(open) }),
      read: (reader) => scrubSlice(reader.connection, place, bounds),
      onRepeated: (code) => repeated.push(code),
    });
    // A row that seems damaged is an answer, not an error: it is looked at again as well.
    return slice.findings.length === 0 ? slice : confirmed(place, bounds, repeated);
  } catch (error) {
    const cause = error instanceof EngineError ? error.cause : error;
    if (!looksDamaged(error) || !isSqliteError(cause)) throw error;
    return skipDamage(connection, place, cause);
  }
}

function confirmed(
  place: (ToScrubber & { kind: "slice" })["place"],
  bounds: (ToScrubber & { kind: "slice" })["bounds"],
  repeated: string[],
): ScrubSlice {
  const connection = openConnection(open);
  try {
    const again = scrubSlice(connection, place, bounds);
    if (again.findings.length === 0) repeated.push("ROW_CHECKSUM");
    return again;
  } finally {
    connection.close();
  }
}

ThreadHost.serve<ToScrubber, ScrubReplies>(handle);
