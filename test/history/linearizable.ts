/**
 * The judge that knows nothing of revisions: is there an order of the calls, each somewhere between
 * its start and its answer, in which a single copy of the data would have given these answers? This
 * is the search of Wing and Gong with Lowe's memory of what was tried ("Testing for
 * linearizability", 2017), for each object by itself: objects have no call in common, so the whole
 * is linearizable exactly when each of them is.
 *
 * Three things keep the search short, none of them changes its answer. A read that fits the present
 * state is placed at once: it changes nothing, so any order that places it later can place it here
 * (unless a call without an outcome could come only before it).
 * Calls are tried in the order of their answers, which is nearly the order that the store chose.
 * Calls without an outcome are tried last, and only where they would change something and can still
 * have an effect: most of them end with the process that was asked.
 */
import { effectOf, isRead, objectOf, type Values, withWrites } from "./questions.js";
import { describeCall, type Recorded } from "./recorder.js";

/** Beyond this many steps for one object the search has not decided, and says so. */
const stepsMax = 2_000_000;

/** One sentence per object whose calls no order explains. Empty: linearizable. */
export function inexplicableIn(history: readonly Recorded[]): readonly string[] {
  const byObject = new Map<string, Recorded[]>();
  for (const call of history) {
    // It speaks of a revision, so it is not for this judge.
    if (call.question.kind === "past") continue;
    // Nobody knows what it has seen, and it has changed nothing.
    if (call.answer === undefined && isRead(call.question)) continue;
    const object = objectOf(call.question);
    const calls = byObject.get(object);
    if (calls === undefined) byObject.set(object, [call]);
    else calls.push(call);
  }
  return [...byObject].flatMap(([object, calls]) => {
    const search = new Search(calls);
    return search.run() ? [] : [`${object}: no order explains ${search.furthest()}`];
  });
}

/** A state on the way, and what may be the next call. */
interface Step {
  readonly values: Values;
  readonly candidates: readonly number[];
  next: number;
  /** The call that led here. */
  readonly placed: number;
  /** The latest start of what is placed: nothing that had ended before it can come next. */
  readonly since: number;
}

class Search {
  /** Calls with an answer in the order of their starts, then those without. */
  readonly #calls: readonly Recorded[];
  readonly #answered: number;
  readonly #placed: Uint8Array;
  /** States that led nowhere, or are being looked at. */
  readonly #tried = new Set<string>();
  /** The first call with an answer that is not placed. */
  #floor = 0;
  #remaining: number;
  #fewestRemaining = Infinity;
  #stuckAt: readonly Recorded[] = [];

  constructor(calls: readonly Recorded[]) {
    const inOrder = [...calls].sort((a, b) => a.invoked - b.invoked);
    const answered = inOrder.filter(({ answer }) => answer !== undefined);
    this.#calls = [...answered, ...inOrder.filter(({ answer }) => answer === undefined)];
    this.#answered = answered.length;
    this.#remaining = answered.length;
    this.#placed = new Uint8Array(this.#calls.length);
  }

  /** Where the longest attempt ended. */
  furthest(): string {
    const calls = this.#stuckAt.map(describeCall).join("; ");
    const { length } = this.#calls;
    return `the last ${this.#fewestRemaining} of ${length} calls, beginning with ${calls}`;
  }

  run(): boolean {
    const start = new Map<string, string>();
    const steps: Step[] = [this.#stepTo(start, { placed: -1, since: 0 })];
    for (let taken = 0; this.#remaining > 0; taken++) {
      if (taken > stepsMax) throw new Error(`undecided after ${taken} steps: ${this.furthest()}`);
      const step = steps.at(-1);
      if (step === undefined) return false;
      const candidate = step.candidates[step.next++];
      if (candidate === undefined) {
        steps.pop();
        if (step.placed >= 0) this.#unplace(step.placed);
        continue;
      }
      const values = this.#after(step.values, candidate);
      if (values === undefined) continue;
      this.#place(candidate);
      const since = Math.max(step.since, this.#calls[candidate]?.invoked ?? 0);
      const name = this.#nameOf(values, since);
      if (this.#tried.has(name)) {
        this.#unplace(candidate);
        continue;
      }
      this.#tried.add(name);
      steps.push(this.#stepTo(values, { placed: candidate, since }));
    }
    return true;
  }

  #stepTo(values: Values, { placed, since }: Pick<Step, "placed" | "since">): Step {
    const candidates = this.#candidates(since);
    if (this.#remaining < this.#fewestRemaining) {
      this.#fewestRemaining = this.#remaining;
      this.#stuckAt = candidates.flatMap((at) => this.#calls[at] ?? []);
    }
    const read = candidates.find((at) => {
      return this.#isFittingRead(values, at) && !this.#isLastMoment(at, since);
    });
    return { values, candidates: read === undefined ? candidates : [read], next: 0, placed, since };
  }

  /** Calls that may come next: those that began before any other that remains has returned. */
  #candidates(since: number): readonly number[] {
    const found: number[] = [];
    let earliestReturn = Infinity;
    for (let at = this.#floor; at < this.#answered; at++) {
      const call = this.#calls[at];
      if (call === undefined || call.invoked > earliestReturn) break;
      if (this.#placed[at] === 1) continue;
      earliestReturn = Math.min(earliestReturn, call.returned);
      found.push(at);
    }
    found.sort((a, b) => this.#returned(a) - this.#returned(b));
    for (let at = this.#answered; at < this.#calls.length; at++) {
      const call = this.#calls[at];
      if (call === undefined || call.invoked > earliestReturn) break;
      if (this.#placed[at] === 0 && call.returned >= since) found.push(at);
    }
    return found;
  }

  /** Undefined: this call cannot have been answered so from this state, or would change nothing. */
  #after(values: Values, at: number): Values | undefined {
    const call = this.#calls[at];
    if (call === undefined) return undefined;
    const { seen, writes } = effectOf(values, call.question);
    if (call.answer === undefined) {
      return writes.size === 0 ? undefined : withWrites(values, writes);
    }
    return seen === call.answer.seen ? withWrites(values, writes) : undefined;
  }

  #isFittingRead(values: Values, at: number): boolean {
    const call = this.#calls[at];
    if (call?.answer === undefined) return false;
    const { seen, writes } = effectOf(values, call.question);
    return writes.size === 0 && seen === call.answer.seen;
  }

  /** A call without an outcome can come before this one, and not after it. */
  #isLastMoment(at: number, since: number): boolean {
    const began = this.#calls[at]?.invoked ?? 0;
    for (let open = this.#answered; open < this.#calls.length; open++) {
      const ended = this.#returned(open);
      if (this.#placed[open] === 0 && ended >= since && ended < began) return true;
    }
    return false;
  }

  #returned(at: number): number {
    return this.#calls[at]?.returned ?? Infinity;
  }

  #place(at: number): void {
    this.#placed[at] = 1;
    if (at < this.#answered) this.#remaining--;
    while (this.#floor < this.#answered && this.#placed[this.#floor] === 1) this.#floor++;
  }

  #unplace(at: number): void {
    this.#placed[at] = 0;
    if (at < this.#answered) {
      this.#remaining++;
      this.#floor = Math.min(this.#floor, at);
    }
  }

  /**
   * What is placed and what it led to. Below the floor everything is placed; what can have no effect
   * any more is left out, because whether it had one makes no difference to what follows.
   */
  #nameOf(values: Values, since: number): string {
    const placed: number[] = [];
    let beyondFloor = this.#answered - this.#remaining - this.#floor;
    for (let at = this.#floor; beyondFloor > 0; at++) {
      if (this.#placed[at] === 0) continue;
      placed.push(at);
      beyondFloor--;
    }
    for (let at = this.#answered; at < this.#calls.length; at++) {
      if (this.#placed[at] === 1 && this.#returned(at) >= since) placed.push(at);
    }
    const state = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
    return `${this.#floor}:${placed.join(",")}|${state.join(";")}`;
  }
}
