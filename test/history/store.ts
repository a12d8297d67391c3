/**
 * A store as a history sees it. What comes back is kept in two parts: what any caller sees, and the
 * revisions that ours come with, which one of the judges ignores and the other holds us to.
 */
import type { Question } from "./questions.js";

/** An entry with its place in the history; all revisions 0 = there is none. */
export interface SeenEntry {
  readonly key: string;
  /** Undefined: absent, or not part of the answer. */
  readonly value: string | undefined;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly version: bigint;
}

export interface Answer {
  /** As effectOf() says it. */
  readonly seen: string;
  /** Of the header. Undefined: a refusal, which has none. */
  readonly revision: bigint | undefined;
  /** Entries of the moment that the answer speaks of, as far as they are in it. */
  readonly entries: readonly SeenEntry[];
}

export type Reply =
  | { readonly kind: "answered"; readonly answer: Answer }
  /** Refused, and the store promises that nothing happened. */
  | { readonly kind: "nothing" }
  | { readonly kind: "unknown" }
  /** Unknown, and there is nobody any more to ask. */
  | { readonly kind: "gone" };

export interface Store {
  /** Deadline in milliseconds since 1970, Infinity for none. */
  ask(question: Question, deadlineMs: number): Promise<Reply>;
}

/** One revision as the store's own log has it. Deleted keys have no value. */
export interface LoggedRevision {
  readonly revision: bigint;
  readonly changes: readonly SeenEntry[];
}

/** What was asked for and is not there. */
export function absentEntry(key: string): SeenEntry {
  return { key, value: undefined, createRevision: 0n, modRevision: 0n, version: 0n };
}
