/** What is said of a metric, and the bounds that histograms of durations share. */

/** The values of a label when they are a closed set; "open" when they come from the running system. */
export type LabelValues = readonly string[] | "open";

export interface MetricRow {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly unit: string;
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Upper bounds of a histogram, ascending; the last one, +Inf, is added. */
  readonly buckets?: readonly number[];
}

/** From a cached read to a bad commit; the bounds that alerts ask about are among them. */
export const secondsBuckets = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
  0.25, 0.5, 1, 2.5, 5, 10,
] as const;
export const rpcSecondsBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;
