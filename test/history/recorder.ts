/**
 * The history of a run: each call from the moment it was made to the moment its answer was there, on
 * one clock. The clock counts calls and answers instead of time: it never stands still between two
 * of them, and it orders them as the one process that makes them all has seen them. A call whose
 * outcome is not known stays open to the end of the history: it may have its effect at any later
 * time, or never.
 */
import type { Question } from "./questions.js";
import type { Answer, Reply, Store } from "./store.js";

export interface Recorded {
  readonly question: Question;
  readonly invoked: number;
  /** Infinity: the outcome was never known. */
  readonly returned: number;
  /** Undefined: the outcome was never known. */
  readonly answer: Answer | undefined;
}

export class Recorder {
  readonly #history: Recorded[] = [];
  #tick = 0;
  #withdrawn = 0;

  /** What both judges judge, in the order of the answers, with those that never came at their calls. */
  get history(): readonly Recorded[] {
    return this.#history;
  }

  /** Calls that the store refused with the promise that nothing happened. They are in no history. */
  get withdrawn(): number {
    return this.#withdrawn;
  }

  get unknown(): number {
    return this.#history.filter(({ answer }) => answer === undefined).length;
  }

  async ask(store: Store, question: Question, deadlineMs: number): Promise<Reply> {
    const invoked = ++this.#tick;
    const reply = await store.ask(question, deadlineMs);
    const returned = ++this.#tick;
    if (reply.kind === "answered") {
      this.#history.push({ question, invoked, returned, answer: reply.answer });
    } else if (reply.kind === "nothing") {
      this.#withdrawn++;
    } else {
      this.#history.push({ question, invoked, returned: Infinity, answer: undefined });
    }
    return reply;
  }
}

export function describeCall({ question, invoked, returned, answer }: Recorded): string {
  const { kind, ...parts } = question;
  const asked = JSON.stringify(parts, (_name, value: unknown) => {
    return typeof value === "bigint" ? String(value) : value;
  });
  const at = answer?.revision === undefined ? "" : ` at ${answer.revision}`;
  const seen = answer === undefined ? "unknown" : `"${answer.seen}"${at}`;
  return `[${invoked}–${returned}] ${kind} ${asked} → ${seen}`;
}
