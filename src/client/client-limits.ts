/**
 * Every bound of the client, once. This folder is what other programs take, so it may not look at
 * the server's own table of limits; a test compares where the two must agree.
 */
import { assert } from "../foundation/assert.js";

/** How long a server remembers a request id unless it is configured otherwise; see kv.proto. */
export const requestIdWindowMs = 10 * 60_000;
/**
 * No retry begins later than this after the first attempt. Less than half of the window, so that
 * the slowest last attempt still arrives while the first one is remembered.
 */
export const retryBudgetMsMax = 4 * 60_000;
export const retryAttemptsMax = 10;
export const retryFirstDelayMs = 100;
export const retryDelayMsMax = 5_000;

export const callTimeoutMsDefault = 30_000;
export const connectTimeoutMsDefault = 5_000;
export const requestIdBytes = 16;

/** Above the largest message a server can be configured to send. */
export const receiveBytesMax = 64 * 1024 * 1024;
export const streamWindowBytes = 1024 * 1024;
/** A connection that is silent this long is asked whether it is still there. */
export const keepaliveIntervalMs = 30_000;
export const keepaliveTimeoutMs = 10_000;
/** The library waits 1 to 120 s between two attempts to connect; a restart takes less. */
export const reconnectFirstDelayMs = 100;
export const reconnectDelayMsMax = 2_000;

/** Chunks of one bulk load that are sent and not yet acknowledged: what a break sends again. */
export const bulkChunksInFlightMax = 8;

assert(retryBudgetMsMax < requestIdWindowMs / 2, "a retry must find its request id remembered");
assert(callTimeoutMsDefault <= retryBudgetMsMax, "the usual call must be allowed its retries");
