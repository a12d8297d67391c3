/** What the engine process is asked: the engine by its front door, without gRPC. */
import type { Percentiles } from "../measure/latency.js";

export type EngineJob =
  | { readonly kind: "open"; readonly file: string }
  | { readonly kind: "fill"; readonly keys: number }
  /** Point reads of any of the first so many keys. */
  | { readonly kind: "reads"; readonly keys: number; readonly seconds: number }
  /** Requests of so many puts each, so many of them in flight; each is answered from the disk. */
  | {
      readonly kind: "batches";
      readonly putsPerRequest: number;
      readonly inFlight: number;
      readonly keys: number;
      readonly seconds: number;
    }
  /** One put at a time, at a steady rate, far below what the engine can do. */
  | { readonly kind: "lone-puts"; readonly perSecond: number; readonly seconds: number }
  | { readonly kind: "close" };

export interface EngineReport {
  readonly items: number;
  readonly seconds: number;
  /** All threads of the process. */
  readonly cpuMicros: number;
  readonly latency: Percentiles;
}
