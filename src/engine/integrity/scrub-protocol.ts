/** What the engine and the scrubber's thread say to each other. */
import type { EngineOptions } from "../engine-options.js";
import type { ScrubPlace, ScrubSlice, SliceBounds } from "./scrub-slice.js";

export interface ScrubStart {
  readonly options: EngineOptions;
}

export type ToScrubber =
  /** Look at the next few rows. */
  | { readonly kind: "slice"; readonly place: ScrubPlace; readonly bounds: SliceBounds }
  /** Close the connection. */
  | { readonly kind: "close" };

/** How long the thread was at it, which is what its share of a processor is counted by. */
export type TimedSlice = ScrubSlice & {
  readonly busyMs: number;
  /** Of a read that failed once and was right the second time. */
  readonly repeated: readonly string[];
};

export interface ScrubReplies {
  readonly slice: TimedSlice;
  readonly close: true;
  readonly [kind: string]: unknown;
}
