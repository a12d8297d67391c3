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

/**
 * Any of so many keys, again and again, after each was read once: writes of a round before have made
 * them cold. `read` throws when the value is not the right one.
 */
export function readHot(keys: number, seconds: number, read: (index: number) => void): HotReads {
  const random = seededRandom(1);
  const order = Uint32Array.from({ length: drawn }, () => random.below(keys));
  for (let index = 0; index < keys; index += 1) read(index);
  const latencies = new Latencies();
  const before = process.cpuUsage();
  const beganMs = performance.now();
  const endMs = beganMs + seconds * 1_000;
  let items = 0;
  while (performance.now() < endMs) {
    for (let look = 0; look < readsPerLook; look += 1) {
      const index = order[items % drawn] ?? 0;
      if (items % readsPerTimed === 0) {
        const fromMs = performance.now();
        read(index);
        latencies.addMs(performance.now() - fromMs);
      } else {
        read(index);
      }
      items += 1;
    }
  }
  const elapsedMs = performance.now() - beganMs;
  return { items, elapsedMs, cpu: process.cpuUsage(before), latencies };
}
