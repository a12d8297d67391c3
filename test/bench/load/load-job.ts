/** What a load process is asked to do, and what it answers. Plain data: it crosses to a process. */

import type { Percentiles } from "../measure/latency.js";
import type { CpuTime } from "../measure/process-cpu.js";

export type ServerName = "kvdb" | "etcd" | "redis" | "echo";

/** What one request is: a read or write of one key, or of `itemsPerRequest` keys at once. */
export type Work = "get" | "put" | "batch-get" | "batch-write" | "pipeline" | "scan";

export interface KeySpan {
  readonly first: number;
  readonly count: number;
}

/** How requests are paced. */
export type Pace =
  /** A fixed number in flight per connection: the next one leaves when one is answered. */
  | { readonly kind: "closed"; readonly inFlight: number }
  /**
   * Requests leave when their time has come, whatever became of earlier ones, and latency counts
   * from that time: a server that stalls cannot make the load wait for it and hide the stall.
   */
  | { readonly kind: "open"; readonly requestsPerSecond: number }
  /** The keys of the span once, in order or shuffled; measured from beginning to end. */
  | { readonly kind: "once"; readonly inFlight: number; readonly shuffled: boolean };

export interface LoadJob {
  readonly kind: "load";
  readonly server: ServerName;
  readonly port: number;
  /** Whose processor time is counted. */
  readonly pid: number;
  readonly work: Work;
  readonly itemsPerRequest: number;
  readonly connections: number;
  readonly pace: Pace;
  readonly keys: KeySpan;
  readonly warmupSeconds: number;
  readonly seconds: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly items: number;
  readonly seconds: number;
  readonly latency: Percentiles;
  readonly serverCpu: CpuTime;
  readonly clientCpuMicros: number;
}

/** Watchers, each of a span of keys of its own, and one writer that writes into one span after another. */
export interface WatchJob {
  readonly kind: "watch";
  readonly port: number;
  readonly pid: number;
  readonly watchers: number;
  readonly connections: number;
  readonly writesPerSecond: number;
  readonly firstKey: number;
  readonly seconds: number;
}

export type Job = LoadJob | WatchJob;
