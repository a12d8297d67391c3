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

/**
 * Yields the changes of a range until the caller leaves the loop or aborts. Ends with COMPACTED or
 * HISTORY_CHANGED when the server no longer has what follows; a new read must then come first.
 */
export async function* watchChanges(
  client: KvClient,
  request: DeepPartial<WatchRequest>,
  options: Pick<CallOptions, "signal"> = {},
): AsyncGenerator<WatchResponse, void, undefined> {
  const { clock, random, retry } = client.context;
  let resumed = request;
  let failedSinceMs: number | undefined;
  for (let attempts = 1; ; attempts++) {
    try {
      for await (const response of client.kv.watch(resumed, options)) {
        attempts = 1;
        failedSinceMs = undefined;
        yield response;
        const { revision = 0n, storeId = "" } = response.header ?? {};
        resumed = { ...request, startRevision: revision + 1n, storeId };
      }
      return;
    } catch (cause) {
      const error = KvError.from(cause);
      if (options.signal?.aborted === true) throw error;
      failedSinceMs ??= clock.monotonicMs();
      const elapsedMs = clock.monotonicMs() - failedSinceMs;
      const progress = { attempts, elapsedMs, policy: retry };
      // One that was cut for being slow has everything it was sent, and may read on at once.
      const wasSlow = error.reason === "SLOW_CONSUMER";
      const delayMs = wasSlow ? 0 : nextDelayMs(error, "harmless", progress, random);
      if (delayMs === undefined) throw error;
      await sleep(clock, delayMs);
    }
  }
}
