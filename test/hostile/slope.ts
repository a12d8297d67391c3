/**
 * How fast a figure grows, whatever a few readings say: the median of the slopes between all pairs
 * of readings (Theil 1950, Sen 1968). Almost a third of the readings may be wild.
 */
import { median } from "../support/figures.js";

export interface Reading {
  readonly seconds: number;
  readonly value: number;
}

/** Units of the value per minute. Throws with fewer than two readings. */
export function growthPerMinute(readings: readonly Reading[]): number {
  const slopes: number[] = [];
  for (const [index, later] of readings.entries()) {
    for (const earlier of readings.slice(0, index)) {
      slopes.push((later.value - earlier.value) / (later.seconds - earlier.seconds));
    }
  }
  return median(slopes) * 60;
}
