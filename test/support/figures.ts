/** Figures that tests judge and print: the middle and the far end of what was measured, and sizes. */

/** Of an even number of values the mean of the two in the middle. Throws for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error("no value has a median");
  return (upper + lower) / 2;
}

/** The value that so great a share (0 to 1) of the others is not above. Throws for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (found === undefined) throw new Error("no value has a quantile");
  return found;
}

/** Milliseconds, as "p50 1.2, p99 3.4, max 5.6 ms of 300". Throws for none. */
export function latencies(ms: readonly number[]): string {
  const at = (share: number): string => quantile(ms, share).toFixed(1);
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms of ${String(ms.length)}`;
}

/** Bytes, as "12.3 MiB". */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
