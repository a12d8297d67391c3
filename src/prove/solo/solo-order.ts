/**
 * An engine on its own: a process that opens a store, does what it is told step by step, and leaves
 * a mark in the recorder's log before and after each write. It starts in a fraction of the time of a
 * daemon, so hundreds of faults can each be given a process of their own.
 */
import type { Synchronous } from "../../engine/index.js";
import type { CheckpointMode } from "../../storage/maintenance.js";

export type SoloStep =
  | { readonly kind: "write"; readonly namespace: string }
  | { readonly kind: "checkpoint"; readonly mode: CheckpointMode }
  | { readonly kind: "keep-history"; readonly namespace: string }
  | { readonly kind: "compact"; readonly namespace: string }
  | { readonly kind: "delete-namespace"; readonly namespace: string }
  | { readonly kind: "vacuum" }
  /** From here on a call fails, as the recorder's faults are written. */
  | { readonly kind: "arm"; readonly fault: string }
  /** Long enough for the high-water mark to be written. */
  | { readonly kind: "rest" }
  | { readonly kind: "close" }
  | { readonly kind: "kill" };

/** The one argument of the process, as JSON. */
export interface SoloOrder {
  readonly file: string;
  /** Writes are numbered from here on; a number is never used twice in one story. */
  readonly firstWrite: number;
  /** Undefined: that of the daemon. */
  readonly synchronous?: Synchronous;
  readonly steps: readonly SoloStep[];
}

export const soloNamespace = "solo";
export const doomedNamespace = "gone";

/** Marks, as they stand in the log. */
export const marks = {
  step: (kind: SoloStep["kind"]) => `step ${kind}`,
  /** The kind of step that begins with this mark; undefined = it says something else. */
  stepIn: (text: string) => /^step (.*)/.exec(text)?.[1],
  opened: (namespace: string, head: bigint) => `opened ${namespace} ${String(head)}`,
  asked: (write: number, namespace: string) => `asked ${String(write)} ${namespace}`,
  done: (write: number, namespace: string, revision: bigint) => {
    return `done ${String(write)} ${namespace} ${String(revision)}`;
  },
  refused: (write: number, why: string) => `refused ${String(write)} ${why}`,
  askedDeletion: (namespace: string) => `asked-deletion ${namespace}`,
  doneDeletion: (namespace: string) => `done-deletion ${namespace}`,
} as const;

const keys = 20;
const writesWithDeletion = 4;
const valueBytesMax = 700;

export interface SoloEffect {
  readonly key: Uint8Array;
  /** Undefined: the key is deleted. */
  readonly value: Uint8Array | undefined;
}

/** What the write of this number does, all of it in one request. */
export function effectsOf(write: number): readonly SoloEffect[] {
  const puts = Array.from({ length: 1 + (write % 3) }, (_none, nth) => (write * 7 + nth) % keys);
  const effects: SoloEffect[] = puts.map((key, nth) => {
    const text = `write ${String(write)} part ${String(nth)} `;
    const value = text.padEnd(text.length + ((write * 37 + nth * 11) % valueBytesMax), "·");
    return { key: keyOf(key), value: new Uint8Array(Buffer.from(value)) };
  });
  const deleted = (write * 5 + 3) % keys;
  if (write % writesWithDeletion === 0 && !puts.includes(deleted)) {
    effects.push({ key: keyOf(deleted), value: undefined });
  }
  return effects;
}

function keyOf(place: number): Uint8Array {
  return new Uint8Array(Buffer.from(`key/${String(place).padStart(2, "0")}`));
}
