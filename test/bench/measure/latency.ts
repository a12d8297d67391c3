/** Latencies of one run, as percentiles in microseconds. */
import { build } from "hdr-histogram-js";

const significantDigits = 3;
const nanosecondsMax = 120_000_000_000;

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly count: number;
}

export class Latencies {
  readonly #nanoseconds = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: nanosecondsMax,
    numberOfSignificantValueDigits: significantDigits,
  });

  addMs(milliseconds: number): void {
    const nanoseconds = Math.round(milliseconds * 1_000_000);
    this.#nanoseconds.recordValue(Math.min(nanosecondsMax, Math.max(1, nanoseconds)));
  }

  percentiles(): Percentiles {
    const microseconds = (percentile: number): number => {
      return this.#nanoseconds.getValueAtPercentile(percentile) / 1_000;
    };
    return {
      p50: microseconds(50),
      p99: microseconds(99),
      p999: microseconds(99.9),
      max: this.#nanoseconds.maxValue / 1_000,
      count: this.#nanoseconds.totalCount,
    };
  }
}
