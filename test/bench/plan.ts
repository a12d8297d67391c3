/** How much of everything: the quick run fits into three minutes, the full one takes what it needs. */
export interface Plan {
  readonly name: "quick" | "full" | "tiny";
  /** Keys that every server holds before it is measured. */
  readonly keys: number;
  /** The hot ones among them. */
  readonly hotKeys: number;
  /** Each system is measured so often, in turn with the others; medians are reported. */
  readonly rounds: number;
  readonly warmupSeconds: number;
  /** The same, of a process that compiles its code as it runs, and has not done this work yet. */
  readonly firstWarmupSeconds: number;
  readonly seconds: number;
  readonly latencySeconds: number;
  /** From how many keys to how many a store grows. */
  readonly smallKeys: number;
  readonly largeKeys: number;
  readonly startups: number;
  readonly watchers: number;
  readonly watchWritesPerSecond: number;
  readonly watchSeconds: number;
  readonly disturbedSeconds: number;
}

export const plans = {
  quick: {
    name: "quick",
    keys: 100_000,
    hotKeys: 10_000,
    rounds: 3,
    warmupSeconds: 0.2,
    firstWarmupSeconds: 1,
    seconds: 0.5,
    latencySeconds: 1,
    smallKeys: 10_000,
    largeKeys: 300_000,
    startups: 3,
    watchers: 1_000,
    watchWritesPerSecond: 1_000,
    watchSeconds: 3,
    disturbedSeconds: 2.5,
  },
  full: {
    name: "full",
    keys: 1_000_000,
    hotKeys: 10_000,
    rounds: 5,
    warmupSeconds: 2,
    firstWarmupSeconds: 5,
    seconds: 5,
    latencySeconds: 10,
    smallKeys: 10_000,
    largeKeys: 10_000_000,
    startups: 5,
    watchers: 1_000,
    watchWritesPerSecond: 1_000,
    watchSeconds: 30,
    disturbedSeconds: 20,
  },
  /** For the test that keeps all this alive; its figures mean nothing. */
  tiny: {
    name: "tiny",
    keys: 1_000,
    hotKeys: 1_000,
    rounds: 1,
    warmupSeconds: 0.02,
    firstWarmupSeconds: 0.02,
    seconds: 0.1,
    latencySeconds: 0.1,
    smallKeys: 1_000,
    largeKeys: 2_000,
    startups: 1,
    watchers: 10,
    watchWritesPerSecond: 100,
    watchSeconds: 0.2,
    disturbedSeconds: 0.2,
  },
} as const satisfies Record<string, Plan>;
