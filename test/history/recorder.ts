/**
 * The history of a run: each call from the moment it was made to the moment its answer was there, on
 * one clock. The clock counts calls and answers instead of time: it never stands still between two
 * of them, and it orders them as the one process that makes them all has seen them. A call whose
 * outcome is not known stays open to the end of the history, or of the process that was asked: it may
 * have its effect at any time until then, or never.
 */
import type { Question } from "./questions.js";
import type { Answer, Reply, Store } from "./store.js";

export interface Recorded {
  readonly question: Question;
  readonly invoked: number;
  /** Without an answer: until then it may have its effect; Infinity: at any later time. */
  readonly returned: number;
  /** Undefined: the outcome was never known. */
  readonly answer: Answer | undefined;
}

export class Recorder {
  readonly #history: Recorded[] = [];
  /** Calls before this one were made to a process that has ended. */
  #ended = 0;
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

  /**
   * The process that was asked has ended, and nobody asks it again: what it has not done by now, it
   * never does. Without this an order may explain a write that comes to life after a restart.
   */
  processEnded(): void {
    const now = ++this.#tick;
    for (let at = this.#ended; at < this.#history.length; at++) {
      const call = this.#history[at];
      if (call?.returned === Infinity) this.#history[at] = { ...call, returned: now };
    }
    this.#ended = this.#history.length;
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
