/**
 * Stores that are wrong on purpose, in front of one that is right: what both judges must notice. Each
 * goes wrong only where no order of the calls could excuse it, so a judge that lets one pass is wrong.
 */
import type { Random } from "../../src/foundation/random.js";
import { objectOf, type Question, seenCas, seenPut } from "./questions.js";
import type { Answer, Reply, Store } from "./store.js";

/** Of the occasions to be stale. */
const staleOneIn = 2;

/**
 * Answers a read with what was read before the last acknowledged write: with the revision of that
 * time or, harder to see, with the newest.
 */
export class StaleReads implements Store {
  readonly #store: Store;
  readonly #random: Random;
  readonly #revision: "old" | "new";
  readonly #read = new Map<string, { readonly answer: Answer; readonly at: number }>();
  /** What was read before a write began that is acknowledged by now. */
  readonly #outdated = new Map<string, Answer>();
  #tick = 0;
  #planted = 0;

  constructor(store: Store, random: Random, revision: "old" | "new") {
    this.#store = store;
    this.#random = random;
    this.#revision = revision;
  }

  /** How often it has gone wrong. */
  get planted(): number {
    return this.#planted;
  }

  async ask(question: Question, deadlineMs: number): Promise<Reply> {
    const began = ++this.#tick;
    const outdated = question.kind === "get" ? this.#outdated.get(question.key) : undefined;
    const reply = await this.#store.ask(question, deadlineMs);
    if (reply.kind !== "answered") return reply;
    const { answer } = reply;
    if (question.kind === "put") this.#outdate(question.key, began);
    // Absence comes back; a value that was replaced never does.
    if (question.kind !== "get" || answer.entries[0]?.value === undefined) return reply;
    this.#read.set(question.key, { answer, at: ++this.#tick });
    if (outdated === undefined || this.#random.below(staleOneIn) > 0) return reply;
    this.#planted++;
    const { revision } = this.#revision === "old" ? outdated : answer;
    return { kind: "answered", answer: { ...outdated, revision } };
  }

  #outdate(key: string, began: number): void {
    const read = this.#read.get(key);
    if (read !== undefined && read.at < began) this.#outdated.set(key, read.answer);
  }
}

/** Writes although the condition did not hold, and says that it did. */
export class LostConditions implements Store {
  readonly #store: Store;
  /** By key: the newest revision with which a write was acknowledged. */
  readonly #acknowledged = new Map<string, bigint>();
  #planted = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get planted(): number {
    return this.#planted;
  }

  async ask(question: Question, deadlineMs: number): Promise<Reply> {
    if (question.kind !== "cas") return this.#noted(question, deadlineMs);
    const { key, value, expected } = question;
    const newest = this.#acknowledged.get(key) ?? 0n;
    const isLost = expected.value !== undefined && expected.revision < newest;
    if (!isLost) return this.#noted(question, deadlineMs);
    this.#planted++;
    const put = { kind: "put", key, value, previous: false } as const;
    const reply = await this.#noted(put, deadlineMs);
    if (reply.kind !== "answered") return reply;
    return { kind: "answered", answer: { ...reply.answer, seen: seenCas(true) } };
  }

  async #noted(question: Question, deadlineMs: number): Promise<Reply> {
    const reply = await this.#store.ask(question, deadlineMs);
    if (reply.kind !== "answered" || (question.kind !== "put" && question.kind !== "cas")) {
      return reply;
    }
    const { seen, revision = 0n } = reply.answer;
    const isWritten = question.kind === "put" || seen === seenCas(true);
    const newest = this.#acknowledged.get(question.key) ?? 0n;
    if (isWritten && revision > newest) this.#acknowledged.set(question.key, revision);
    return reply;
  }
}

/**
 * Answers some puts before they are committed, and commits them when the next call comes. So nobody
 * notices, until it is killed.
 */
export class HastyReplies implements Store {
  readonly #store: Store;
  /** Answered, not committed. */
  #early: Question | undefined;
  #head = 0n;
  #turn: Promise<unknown> = Promise.resolve();
  #tick = 0;
  /** By object: when the last call that may have changed it was answered. */
  readonly #changed = new Map<string, number>();
  #answeredEarly = 0;
  #state: "running" | "dying" | "dead" = "running";

  constructor(store: Store) {
    this.#store = store;
  }

  get answeredEarly(): number {
    return this.#answeredEarly;
  }

  /** It dies with the next put that it answers early, which is lost. */
  kill(): void {
    this.#state = "dying";
  }

  /** One after the other: so it knows the revision that a put will have. */
  ask(question: Question, deadlineMs: number): Promise<Reply> {
    const began = ++this.#tick;
    const reply = this.#turn.then(() => this.#answer(question, deadlineMs, began));
    this.#turn = reply;
    return reply;
  }

  async #answer(question: Question, deadlineMs: number, began: number): Promise<Reply> {
    // A deletion whose outcome is unknown would excuse a key that is gone.
    if (this.#state === "dead") return { kind: question.kind === "delete" ? "nothing" : "gone" };
    await this.#commitEarly();
    const object = objectOf(question);
    // Only where the value before was acknowledged before this put began can nothing excuse its loss.
    const isQuiet = (this.#changed.get(object) ?? 0) < began;
    if (question.kind === "put" && !question.previous && isQuiet) {
      this.#early = question;
      this.#answeredEarly++;
      this.#changed.set(object, ++this.#tick);
      if (this.#state === "dying") this.#state = "dead";
      const answer = { seen: seenPut(undefined), revision: ++this.#head, entries: [] };
      return { kind: "answered", answer };
    }
    const reply = await this.#forward(question, deadlineMs);
    this.#changed.set(object, ++this.#tick);
    return reply;
  }

  async #commitEarly(): Promise<void> {
    if (this.#early === undefined) return;
    const question = this.#early;
    this.#early = undefined;
    await this.#forward(question, Infinity);
  }

  async #forward(question: Question, deadlineMs: number): Promise<Reply> {
    const reply = await this.#store.ask(question, deadlineMs);
    if (reply.kind === "answered") this.#head = reply.answer.revision ?? this.#head;
    return reply;
  }
}
