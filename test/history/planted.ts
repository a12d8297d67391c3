/**
 * Mistakes planted in a history that was right, one at a time, in the calls of one register: what the
 * judge without revisions must find in what callers were told alone.
 */
import type { Random } from "../../src/foundation/random.js";
import { objectOf, seenCas, seenDeleted, seenEntries } from "./questions.js";
import type { Recorded } from "./recorder.js";
import type { Answer, LoggedRevision } from "./store.js";

export interface Planted {
  /** Of one register. */
  readonly calls: readonly Recorded[];
  /** The two writes were under way at once, so that another order may explain it. */
  readonly excusable: boolean;
}

/** A value of a register that has replaced another one, and the acknowledged calls that wrote them. */
interface Replacement {
  readonly key: string;
  readonly before: Written;
  readonly after: Written;
  /** When it was answered nobody had been told of what replaced it in turn: no writer, no reader. */
  readonly isTail: boolean;
}

interface Written {
  readonly value: string;
  readonly call: Recorded;
}

export class Planter {
  readonly #calls = new Map<string, Recorded[]>();
  readonly #replacements: readonly Replacement[];
  readonly #tails: readonly Replacement[];
  readonly #random: Random;

  constructor(history: readonly Recorded[], log: readonly LoggedRevision[], random: Random) {
    this.#random = random;
    for (const call of history) {
      const object = objectOf(call.question);
      const calls = this.#calls.get(object) ?? [];
      this.#calls.set(object, calls);
      calls.push(call);
    }
    this.#replacements = replacementsIn(log, writersIn(history), (key) => this.#callsOf(key));
    this.#tails = this.#replacements.filter(({ isTail }) => isTail);
  }

  /**
   * The store dies with an acknowledged write, is started again without it, and is asked once more.
   * `told`: what it says then, which is wrong before the write and right after it.
   */
  lostTail(told: "before" | "after"): Planted {
    const replacement = this.#pick(this.#tails);
    const { key, after } = replacement;
    const end = after.call.returned;
    const calls = this.#callsOf(key).flatMap((call): readonly Recorded[] => {
      if (call.invoked > end) return [];
      return [call.returned > end ? { ...call, returned: end, answer: undefined } : call];
    });
    const seen = seenEntries([[key, replacement[told].value]]);
    const answer = { seen, revision: undefined, entries: [] };
    const readBack = {
      question: { kind: "get", key },
      invoked: end + 1,
      returned: end + 2,
      answer,
    };
    return {
      calls: [...calls, readBack as Recorded],
      excusable: isExcusable(replacement),
    };
  }

  /** A read that saw a write, which was acknowledged when it began, is told what was there before. */
  staleRead(): Planted {
    for (;;) {
      const replacement = this.#pick(this.#replacements);
      const { key, before, after } = replacement;
      const calls = this.#callsOf(key);
      const fresh = seenEntries([[key, after.value]]);
      const seen = seenEntries([[key, before.value]]);
      const read = calls.find(({ question, answer, invoked }) => {
        return question.kind === "get" && answer?.seen === fresh && invoked > after.call.returned;
      });
      if (read?.answer === undefined) continue;
      const lie = { ...read, answer: { ...read.answer, seen } };
      return {
        calls: calls.map((call) => (call === read ? lie : call)),
        excusable: isExcusable(replacement),
      };
    }
  }

  #callsOf(key: string): readonly Recorded[] {
    return this.#calls.get(key) ?? [];
  }

  #pick(replacements: readonly Replacement[]): Replacement {
    const picked = replacements[this.#random.below(replacements.length)];
    if (picked === undefined) throw new Error("no register was ever written twice");
    return picked;
  }
}

function isExcusable({ before, after }: Replacement): boolean {
  return before.call.returned > after.call.invoked;
}

/** By revision: the acknowledged call that made it, where that was a register's. */
function writersIn(history: readonly Recorded[]): ReadonlyMap<bigint, Recorded> {
  const writers = new Map<bigint, Recorded>();
  for (const call of history) {
    const { question, answer } = call;
    if (answer?.revision === undefined || objectOf(question).endsWith("/")) continue;
    const isWriter =
      question.kind === "put" ||
      (question.kind === "cas" && answer.seen === seenCas(true)) ||
      (question.kind === "delete" && answer.seen === seenDeleted(true));
    if (isWriter) writers.set(answer.revision, call);
  }
  return writers;
}

/** From the newest to the oldest: so what came later is known. */
function replacementsIn(
  log: readonly LoggedRevision[],
  writers: ReadonlyMap<bigint, Recorded>,
  callsOf: (key: string) => readonly Recorded[],
): readonly Replacement[] {
  const later = new Map<string, Omit<Replacement, "key" | "before"> | undefined>();
  const nextRevision = new Map<string, bigint>();
  return log.toReversed().flatMap(({ revision, changes: [change] }): readonly Replacement[] => {
    if (change === undefined) return [];
    const { key, value } = change;
    const call = writers.get(revision);
    const written = call && value !== undefined ? { value, call } : undefined;
    const after = later.get(key);
    const replacedToldAt = toldAt(callsOf(key), nextRevision.get(key));
    nextRevision.set(key, revision);
    later.set(key, written && { after: written, isTail: replacedToldAt > written.call.returned });
    return written && after ? [{ key, before: written, ...after }] : [];
  });
}

/** When the first answer was there from which a caller could tell that this revision had happened. */
function toldAt(calls: readonly Recorded[], revision: bigint | undefined): number {
  if (revision === undefined) return Infinity;
  const telling = calls.filter(({ answer }) => answer !== undefined && reached(answer, revision));
  return Math.min(Infinity, ...telling.map(({ returned }) => returned));
}

/** A condition that did not hold names the revision it met, and 0 or less where there was no key. */
function reached({ revision, entries: [met] }: Answer, wanted: bigint): boolean {
  const known = revision ?? met?.modRevision ?? wanted;
  return known >= wanted || known <= 0n;
}
