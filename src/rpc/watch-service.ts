/**
 * Watch: the engine's events as responses, at the pace of the client. The initial metadata leaves as
 * soon as the watch stands, so a client that waits for it misses nothing it writes afterwards.
 */
import { unreachable } from "../foundation/assert.js";
import { watchProgressMsMax, watchProgressMsMin } from "../storage/limits.js";
import type { Namespace, Revision } from "../storage/model.js";
import type { WatchEvent, WatchOptions } from "../storage/storage-engine.js";
import type { Duration } from "../wire/google/protobuf/duration.js";
import { WatchFilter, type WatchRequest, type WatchResponse } from "../wire/kvdb/v1/kv.js";
import type { ServerStream } from "./call.js";
import { decodeEnum, decodeNamespace, decodeRange, decodeRevision } from "./decode.js";
import { durationMs } from "./decode-expiry.js";
import { encodeHeader } from "./encode.js";
import { encodeBatches } from "./encode-watch.js";
import type { EngineAccess } from "./engine-access.js";
import { invalid, refuse } from "./error-details.js";

export class WatchService {
  readonly #access: EngineAccess;

  constructor(access: EngineAccess) {
    this.#access = access;
  }

  readonly watch: ServerStream<WatchRequest, WatchResponse> = async (request, out, call) => {
    const namespace = decodeNamespace(request.namespace);
    const from = decodeRevision(request.startRevision, "start_revision");
    const options = decodeOptions(request);
    await this.#assertSameHistory(namespace, request.storeId);
    const stream = this.#access.current.watch(namespace, from, options, call.signal());
    for await (const event of stream) {
      if (event.kind === "standing") {
        out.begin();
        continue;
      }
      const room = out.write(encodeEvent(event));
      if (room !== undefined) await roomOrEnd(room, stream.ended);
      if (event.kind === "compacted") throw compacted(event.oldest);
    }
  };

  async #assertSameHistory(namespace: Namespace, known: string): Promise<void> {
    if (known === "") return;
    const { storeId } = await this.#access.current.head(namespace);
    if (storeId === known) return;
    throw refuse("HISTORY_CHANGED", {
      message: "the store has another history than the one that store_id names",
      hint: "read the range again, then watch from the revision of that read + 1",
      metadata: { store_id: storeId },
    });
  }
}

function encodeEvent(event: Exclude<WatchEvent, { readonly kind: "standing" }>): WatchResponse {
  const header = encodeHeader(event.header);
  switch (event.kind) {
    case "batches":
      return { header, events: encodeBatches(event.batches), progress: false };
    case "progress":
      return { header, events: [], progress: true };
    case "compacted":
      return { header, events: [], progress: false, compactedRevision: event.oldest };
    default:
      return unreachable(event);
  }
}

/**
 * Resolves when there is room, or when the engine has ended the watch: a client that does not read
 * must not keep it open. What was written is still sent before the status.
 */
function roomOrEnd(room: Promise<void>, ended: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      ended.removeEventListener("abort", finish);
      resolve();
    };
    ended.addEventListener("abort", finish);
    if (ended.aborted) finish();
    room.then(finish, (cause: unknown) => {
      ended.removeEventListener("abort", finish);
      reject(cause instanceof Error ? cause : new Error(String(cause)));
    });
  });
}

const filters = {
  "no-put": WatchFilter.WATCH_FILTER_NO_PUT,
  "no-delete": WatchFilter.WATCH_FILTER_NO_DELETE,
} as const satisfies Record<string, WatchFilter>;

function decodeOptions(request: WatchRequest): WatchOptions {
  const left = request.filters.map((filter) => decodeEnum(filters, filter, "filters"));
  return {
    range: decodeRange(request.range),
    puts: !left.includes("no-put"),
    deletions: !left.includes("no-delete"),
    keysOnly: request.keysOnly,
    previous: request.prevKv,
    progressIntervalMs: decodeInterval(request.progressInterval),
  };
}

function decodeInterval(interval: Duration | undefined): number | undefined {
  if (interval === undefined) return undefined;
  const ms = durationMs(interval);
  if (ms >= watchProgressMsMin && ms <= watchProgressMsMax) return ms;
  throw invalid("ARGUMENT_INVALID", {
    field: "progress_interval",
    message: `progress_interval is not ${String(watchProgressMsMin)} to ${String(watchProgressMsMax)} milliseconds`,
    hint: "choose one in between, or leave it out",
    limit: watchProgressMsMax,
  });
}

function compacted(oldest: Revision): Error {
  return refuse("COMPACTED", {
    message: "the revisions to go on with are no longer retained",
    hint: "read the range again, then watch from the revision of that read + 1",
    metadata: { oldest: String(oldest) },
  });
}
