/** What a process that damages files is told, and what it tells. */

/** Its one argument, as JSON. */
export interface FlipPlan {
  /** The files of a store at rest. */
  readonly from: string;
  /** The one of them that is damaged. */
  readonly name: string;
  readonly story: string;
  readonly scratch: string;
  readonly seed: number;
  /** In this process. */
  readonly positions: number;
}

export const damages = ["bit", "sector", "page"] as const;
export type Damage = (typeof damages)[number];

export interface FlipCounts {
  /** A start, a read or a check said that something is wrong. */
  readonly refused: number;
  readonly found: number;
  /** Nothing that anybody could read is different. */
  readonly harmless: number;
  /** Something is missing or different, and nothing said so. */
  readonly silent: number;
}

export type FromFlips =
  | { readonly kind: "progress"; readonly done: number }
  | { readonly kind: "result"; readonly counts: FlipCounts; readonly examples: readonly string[] };
