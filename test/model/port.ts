/**
 * What a store must offer to be compared with the model, wherever it runs. A port puts a call to its
 * store and says what was answered and what the model's answer looks like from where it stands.
 */
import type { Key, Namespace } from "../../src/storage/model.js";
import type { Call } from "./calls.js";
import type { Hints, Truth } from "./oracle.js";

/** What came back for a call. */
export interface Seen {
  readonly answer: unknown;
  readonly hints: Hints;
  /** Requests that were answered by themselves. */
  readonly operations: number;
}

/** The store went away before everything was answered. What was answered until then is kept. */
export class Broken extends Error {
  readonly answers: readonly unknown[];

  constructor(answers: readonly unknown[], cause: unknown) {
    super("the store went away", { cause });
    this.answers = answers;
  }
}

export interface Port {
  /** True: requests are decoded here, so malformed ones are refused; SetLogLevel is there. */
  readonly hasRim: boolean;
  /** True: time passes by itself, so nothing short-lived may be written in passing. */
  readonly hasOwnTime: boolean;
  readonly exercised: ReadonlySet<string>;
  nowMs(): number;
  /**
   * Undefined: the call cannot be put, because an earlier one that it goes on from was left out.
   * Rejects with Broken. A watch goes on through this revision; 0 = it only stands; undefined = until
   * it is refused.
   */
  perform(call: Call, through: bigint | undefined): Promise<Seen | undefined>;
  /** The model's answer, as `perform` sees it, or has seen it before the last restart. */
  expected(call: Call, truth: Truth, seen: "now" | "before"): unknown;
  /** The keys that each revision of a watch's answer took away. */
  deletedKeys(answer: unknown): Key[][];
  /** Of a namespace, whatever else is refused there. */
  head(namespace: Namespace): Promise<bigint>;
  /** How many keys it counts; 0 where it does not exist. */
  keys(namespace: Namespace): Promise<number>;
  /** Ends the store in this way and opens it again; nothing runs meanwhile unless it is killed. */
  restart(way: "stop" | "kill"): Promise<void>;
  /** Lets so much time pass that whatever lasted for less is taken away. */
  passTime(ms: number): Promise<void>;
  close(): Promise<void>;
}
