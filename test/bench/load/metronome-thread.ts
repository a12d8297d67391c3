/**
 * Beats time for an open-loop load. Node's timers are late by up to a millisecond, which would count
 * as latency; a thread that sleeps on a futex is late by some ten microseconds, and spins on nothing.
 */
import { parentPort, workerData } from "node:worker_threads";

const { firstAt, intervalMs, flag } = workerData as {
  /** When the first beat is due, in milliseconds since 1970: each thread counts its own time from its start. */
  readonly firstAt: number;
  readonly intervalMs: number;
  /** Set to 1 to end the thread. */
  readonly flag: SharedArrayBuffer;
};
if (parentPort === null) throw new Error("the metronome runs as a thread");
const port = parentPort;
const ended = new Int32Array(flag);
let next = firstAt - performance.timeOrigin;
while (Atomics.load(ended, 0) === 0) {
  const waitMs = next - performance.now();
  if (waitMs > 0) Atomics.wait(ended, 0, 0, waitMs);
  next += intervalMs;
  port.postMessage(0);
}
