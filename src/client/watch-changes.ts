/**
 * A watch that outlives its connection: after a break it goes on from the last revision it was
 * given, in the same history, without gap or repetition.
 */
import { sleep } from "../foundation/clock.js";
import type { DeepPartial, WatchRequest, WatchResponse } from "../wire/kvdb/v1/kv.js";
import type { KvClient } from "./kv-client.js";
import { KvError } from "./kv-error.js";
import { nextDelayMs } from "./retry.js";
import type { CallOptions } from "./service-calls.js";

export interface WatchChangesOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {
  /** Told of every break that is going to be mended. */
  readonly onBreak?: (error: KvError) => void;
}

/**
 * Yields the changes of a range until the caller leaves the loop, aborts, or the time is up. Ends
 * with COMPACTED or HISTORY_CHANGED when the server no longer has what follows: read anew, then
 * watch from there.
 */
export async function* watchChanges(
  client: KvClient,
  request: DeepPartial<WatchRequest>,
  options: WatchChangesOptions = {},
): AsyncGenerator<WatchResponse, void, undefined> {
  const { clock, random, retry } = client.context;
  const deadlineMs = clock.monotonicMs() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
  let resumed = await fromNow(client, request, options);
  let failedSinceMs: number | undefined;
  for (let attempts = 1; ; attempts++) {
    try {
      for await (const response of client.kv.watch(resumed, limits(options, deadlineMs, clock))) {
        attempts = 1;
        failedSinceMs = undefined;
        const { revision = 0n, storeId = "" } = response.header ?? {};
        resumed = { ...request, startRevision: revision + 1n, storeId };
        yield response;
      }
      return;
    } catch (cause) {
      if (!(cause instanceof KvError) || options.signal?.aborted === true) throw cause;
      failedSinceMs ??= clock.monotonicMs();
      const elapsedMs = clock.monotonicMs() - failedSinceMs;
      const progress = { attempts, elapsedMs, policy: retry };
      // One that was cut for being slow has everything it was sent, and may read on at once.
      const wasSlow = cause.reason === "SLOW_CONSUMER";
      const delayMs = wasSlow ? 0 : nextDelayMs(cause, "harmless", progress, random);
      if (delayMs === undefined) throw cause;
      options.onBreak?.(cause);
      await sleep(clock, delayMs);
    }
  }
}

/**
 * Before the first change arrives a stream says nothing of where it stands, so a break would leave a
 * gap. "From now on" is therefore asked for by its number.
 */
async function fromNow(
  client: KvClient,
  request: DeepPartial<WatchRequest>,
  { signal }: WatchChangesOptions,
): Promise<DeepPartial<WatchRequest>> {
  if (request.startRevision !== undefined) return request;
  const asked = { namespace: request.namespace ?? "", key: Uint8Array.of(0), keysOnly: true };
  const { header } = await client.kv.get(asked, signal && { signal });
  const { revision = 0n, storeId = "" } = header ?? {};
  return { ...request, startRevision: revision + 1n, storeId };
}

function limits(
  { signal, timeoutMs }: WatchChangesOptions,
  deadlineMs: number,
  clock: { monotonicMs(): number },
): CallOptions {
  const left = Math.max(0, deadlineMs - clock.monotonicMs());
  return {
    ...(signal !== undefined && { signal }),
    ...(timeoutMs !== undefined && { timeoutMs: left }),
  };
}
