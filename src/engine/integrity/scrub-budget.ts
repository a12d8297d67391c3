/** How slow is slow: a pass takes no more than its bytes per second and its share of a processor. */

export interface ScrubBudget {
  /** 0 = the scrubber is off. */
  readonly bytesPerSecond: number;
  readonly cpuPercent: number;
}

/** The rest after a slice, so that both bounds hold. Pure. */
export function restMs(
  slice: { readonly bytes: number; readonly busyMs: number },
  budget: ScrubBudget,
): number {
  const forBytes = (slice.bytes / budget.bytesPerSecond) * 1_000 - slice.busyMs;
  const forCpu = slice.busyMs * (100 / budget.cpuPercent - 1);
  return Math.max(1, Math.ceil(Math.max(forBytes, forCpu)));
}
