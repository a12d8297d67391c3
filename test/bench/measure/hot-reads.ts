/**
 * Reads in process, one after the other. A hot one takes less than a look at the clock and a count, so
 * one in eight is timed: the figures are then those of reads, not of their measurement.
 */
import { seededRandom } from "../../../src/foundation/random.js";
import { Latencies } from "./latency.js";

const readsPerTimed = 8;
const readsPerLook = 64;
/** Drawn before the clock runs; a power of two. */
const drawn = 65_536;

export interface HotReads {
  readonly items: number;
  readonly elapsedMs: number;
  readonly cpu: NodeJS.CpuUsage;
  readonly latencies: Latencies;
}

/** How one store is read. */
export interface HotStore<Request> {
  /** What is handed to `read` for the key of this number. */
  request(index: number): Request;
  /** Throws when the value is not the right one. */
  read(request: Request): void;
}

/**
 * Any of so many keys, again and again, after each was read once: writes of a round before have made
 * them cold. Requests are made before the clock runs and lie in the order in which they are used, as
 * those do that come off a socket: a caller's own memory is not what is measured.
 */
export function readHot<Request>(
  keys: number,
  seconds: number,
  store: HotStore<Request>,
): HotReads {
  const random = seededRandom(1);
  for (let index = 0; index < keys; index += 1) store.read(store.request(index));
  const requests = Array.from({ length: drawn }, () => store.request(random.below(keys)));
  const latencies = new Latencies();
  const before = process.cpuUsage();
  const beganMs = performance.now();
  const endMs = beganMs + seconds * 1_000;
  let items = 0;
  while (performance.now() < endMs) {
    for (let look = 0; look < readsPerLook; look += 1) {
      const request = requests[items % drawn] as Request;
      if (items % readsPerTimed === 0) {
        const fromMs = performance.now();
        store.read(request);
        latencies.addMs(performance.now() - fromMs);
      } else {
        store.read(request);
      }
      items += 1;
    }
  }
  const elapsedMs = performance.now() - beganMs;
  return { items, elapsedMs, cpu: process.cpuUsage(before), latencies };
}
