/**
 * The judge that holds us to our revisions: they are said to be the order of the history, so there is
 * nothing to search for. Revisions are dense; each belongs to one call, whose answer and whose
 * changes are those of a single copy of the data at that point; a read that names a revision has
 * seen the state of that revision; nobody is told of a revision older than what was answered before
 * the call, or of one whose call had not begun by the time of the answer. A call without an outcome
 * has one revision of the log or none, and no revision is left over.
 */
import {
  type Effect,
  effectOf,
  objectOf,
  type Question,
  seenCas,
  seenDeleted,
  seenTxn,
} from "./questions.js";
import { describeCall, type Recorded } from "./recorder.js";
import type { Answer, LoggedRevision, SeenEntry } from "./store.js";
import { Timeline } from "./timeline.js";

export interface Findings {
  /** Sentences; empty: the history is as its revisions say. */
  readonly violations: readonly string[];
  /** Calls without an outcome that turned out to have happened. */
  readonly happened: number;
}

/** Of a call that has an answer. */
interface Known {
  readonly call: Recorded;
  readonly answer: Answer;
  readonly changes: boolean;
  /** The newest revision that anybody had been told of when this call began. */
  readonly told: bigint;
}

export function judgeByRevisions(
  history: readonly Recorded[],
  log: readonly LoggedRevision[],
): Findings {
  return new Judge(history, log).findings();
}

class Judge {
  readonly #log: readonly LoggedRevision[];
  readonly #known: readonly Known[];
  /** Calls without an outcome, with what had been told when they began. */
  readonly #open: Map<Recorded, bigint>;
  readonly #owners = new Map<bigint, Known>();
  readonly #timeline = new Timeline();
  /** By revision: the latest start of a call that owns it or an earlier one. */
  readonly #latestStarts: number[] = [0];
  readonly #violations: string[] = [];

  constructor(history: readonly Recorded[], log: readonly LoggedRevision[]) {
    this.#log = log;
    const told = toldAtStart(history);
    const toldTo = (call: Recorded): bigint => told.get(call) ?? 0n;
    this.#known = history.flatMap((call) => {
      const { answer } = call;
      if (answer === undefined) return [];
      const changes = isChange(call.question, answer.seen);
      return [{ call, answer, changes, told: toldTo(call) }];
    });
    const open = history.filter(({ answer }) => answer === undefined);
    this.#open = new Map(open.map((call) => [call, toldTo(call)]));
  }

  findings(): Findings {
    const open = this.#open.size;
    this.#findOwners();
    for (const [at, logged] of this.#log.entries()) this.#replay(BigInt(at + 1), logged);
    for (const known of this.#known) {
      if (!known.changes) this.#judgeRead(known);
      this.#judgeTime(known);
    }
    return { violations: this.#violations, happened: open - this.#open.size };
  }

  #findOwners(): void {
    for (const known of this.#known) {
      const { revision } = known.answer;
      if (!known.changes || revision === undefined) continue;
      const other = this.#owners.get(revision);
      if (other !== undefined)
        this.#complain(known, `and ${describeCall(other.call)} say the same revision`);
      else if (revision > BigInt(this.#log.length)) this.#complain(known, "is not in the log");
      else this.#owners.set(revision, known);
    }
  }

  #replay(revision: bigint, { revision: logged, changes }: LoggedRevision): void {
    if (logged !== revision) {
      this.#violations.push(`the log has revision ${logged} where ${revision} belongs`);
    }
    const owner = this.#owners.get(revision);
    const adopted = owner === undefined ? this.#adopt(revision, changes) : undefined;
    const call = owner?.call ?? adopted;
    if (call === undefined) {
      this.#violations.push(`revision ${revision} is nobody's: ${shown(changes)}`);
    }
    const effect = owner && this.#effectOf(owner.call);
    if (owner !== undefined && effect !== undefined) this.#judgeChange(owner, effect);
    const latest = this.#latestStarts.at(-1) ?? 0;
    this.#latestStarts.push(Math.max(latest, call?.invoked ?? 0));
    this.#timeline.apply(new Map(changes.map(({ key, value }) => [key, value])));
    if (owner !== undefined && effect !== undefined && !sameWrites(effect.writes, changes)) {
      this.#complain(owner, `is logged as ${shown(changes)}`);
    }
    for (const change of changes) this.#compareEntry(revision, change);
  }

  /** The call without an outcome that this revision can only be. */
  #adopt(revision: bigint, changes: readonly SeenEntry[]): Recorded | undefined {
    for (const [call, told] of this.#open) {
      if (told >= revision) continue;
      if (!sameWrites(this.#effectOf(call).writes, changes)) continue;
      this.#open.delete(call);
      return call;
    }
    return undefined;
  }

  #judgeChange(known: Known, { seen }: Effect): void {
    if (seen !== known.answer.seen) this.#complain(known, `should have been "${seen}"`);
    const { question } = known.call;
    if (question.kind !== "cas") return;
    const { modRevision } = this.#timeline.entryAt(question.key, this.#timeline.head);
    if (modRevision !== question.expected.revision) {
      this.#complain(known, `has replaced revision ${modRevision}`);
    }
  }

  #compareEntry(revision: bigint, change: SeenEntry): void {
    const entry = this.#timeline.entryAt(change.key, revision);
    // A deletion is logged with the revision that it has itself.
    const expected = entry.modRevision === 0n ? { ...entry, modRevision: revision } : entry;
    if (textOf(change) === textOf(expected)) return;
    this.#violations.push(`revision ${revision} logs ${textOf(change)}, not ${textOf(expected)}`);
  }

  /** What has changed nothing has seen one state: that of its revision, or one of those it may name. */
  #judgeRead(known: Known): void {
    const { question } = known.call;
    const { revision } = known.answer;
    if (revision === undefined) {
      const { key } = question as Question & { kind: "cas" };
      const states = this.#timeline.turnsOf(key, known.told, this.#newestFor(known.call));
      if (!states.some((state) => this.#agrees(known, state))) {
        this.#complain(known, "fits no state between its start and its answer");
      }
      return;
    }
    const state = question.kind === "past" ? question.revision : revision;
    if (state > this.#timeline.head) this.#complain(known, "names a revision that never was");
    else if (!this.#agrees(known, state)) {
      const { seen } = this.#effectAt(state, question);
      this.#complain(known, `should have been "${seen}"`);
    }
  }

  #agrees({ call, answer }: Known, state: bigint): boolean {
    const { seen, writes } = this.#effectAt(state, call.question);
    if (seen !== answer.seen || writes.size > 0) return false;
    return answer.entries.every((entry) => {
      const known = this.#timeline.entryAt(entry.key, state);
      const value = entry.value ?? known.value;
      return textOf({ ...entry, value }) === textOf(known);
    });
  }

  /** As the newest state has it. */
  #effectOf({ question }: Recorded): Effect {
    return effectOf(this.#timeline.valuesOf(objectOf(question)), question);
  }

  #effectAt(state: bigint, question: Question): Effect {
    return effectOf(this.#timeline.valuesAt(state, objectOf(question)), question);
  }

  #judgeTime(known: Known): void {
    const { revision } = known.answer;
    if (revision === undefined) return;
    const least = known.changes ? known.told + 1n : known.told;
    if (revision < least) {
      this.#complain(known, `began when revision ${known.told} had been answered already`);
    }
    if (revision > this.#newestFor(known.call)) {
      this.#complain(known, "was answered before a call of its past had begun");
    }
  }

  /** The newest revision all of whose past had begun when the call was answered. */
  #newestFor(call: Recorded): bigint {
    let low = 0;
    let high = this.#latestStarts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#latestStarts[middle] ?? Infinity) < call.returned) low = middle + 1;
      else high = middle;
    }
    return BigInt(low - 1);
  }

  #complain({ call }: Known, what: string): void {
    this.#violations.push(`${describeCall(call)} ${what}`);
  }
}

/** The newest revision that had been answered to anybody when each call began. */
function toldAtStart(history: readonly Recorded[]): ReadonlyMap<Recorded, bigint> {
  const starts = [...history].sort((a, b) => a.invoked - b.invoked);
  const answers = [...history].sort((a, b) => a.returned - b.returned);
  const toldAt = new Map<Recorded, bigint>();
  let newest = 0n;
  let next = 0;
  for (const call of starts) {
    for (; (answers[next]?.returned ?? Infinity) < call.invoked; next++) {
      const revision = answers[next]?.answer?.revision ?? 0n;
      if (revision > newest) newest = revision;
    }
    toldAt.set(call, newest);
  }
  return toldAt;
}

function isChange(question: Question, seen: string): boolean {
  switch (question.kind) {
    case "put":
    case "increment":
    case "batch":
      return true;
    case "delete":
      return seen === seenDeleted(true);
    case "cas":
      return seen === seenCas(true);
    case "txn":
      return seen === seenTxn(undefined);
    case "get":
    case "past":
    case "list":
      return false;
  }
}

function sameWrites(writes: Effect["writes"], changes: readonly SeenEntry[]): boolean {
  return (
    writes.size === changes.length &&
    changes.every(({ key, value }) => writes.has(key) && writes.get(key) === value)
  );
}

function shown(changes: readonly SeenEntry[]): string {
  return changes.map(textOf).join(", ");
}

function textOf({ key, value, createRevision, modRevision, version }: SeenEntry): string {
  return `${key}=${value ?? "-"} (created ${createRevision}, changed ${modRevision}, version ${version})`;
}
