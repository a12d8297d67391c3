/**
 * Callers that all work on the same few keys at once. What they do comes from one seed, how they
 * meet is the machine's. Registers stand for themselves, counters are only added to, and the keys of
 * a group are read and written together as well as one by one.
 */
import type { Clock } from "../../src/foundation/clock.js";
import type { Random } from "../../src/foundation/random.js";
import type { Question, Sighting } from "./questions.js";
import type { Recorder } from "./recorder.js";
import type { Answer, Store } from "./store.js";

export interface Plan {
  readonly callers: number;
  /** Together; fewer only when the store is gone. */
  readonly calls: number;
  /** One mutation in so many is given a deadline that it may miss; undefined: none is. */
  readonly hastyOneIn?: number;
}

/** What the callers know, and where their time and chance come from. */
export interface WorkloadParts {
  readonly recorder: Recorder;
  readonly random: Random;
  readonly clock: Clock;
  /** Read past revisions too. */
  readonly past: boolean;
  /** So many times as many keys as for a handful of callers; undefined: once. */
  readonly crowd?: number;
}

const registersPerCrowd = 8;
const countersPerCrowd = 3;
const groupsPerCrowd = 3;
const namesInGroup = ["a", "b", "c"];
const hastyMsMax = 4;
const absent: Sighting = { value: undefined, revision: 0n };

/** Questions by how often they are asked, of a hundred. */
const mix: readonly (readonly [weight: number, kind: Question["kind"]])[] = [
  [22, "get"],
  [16, "put"],
  [6, "delete"],
  [16, "cas"],
  [10, "increment"],
  [12, "txn"],
  [6, "batch"],
  [8, "list"],
  [4, "past"],
];

export class Workload {
  readonly #parts: WorkloadParts;
  readonly #registers: readonly string[];
  readonly #counters: readonly string[];
  readonly #groups: readonly string[];
  /** Registers and the keys of groups. */
  readonly #oldKeys: readonly string[];
  /** The last two sightings of each key, by whomever: the older one makes conditions that fail. */
  readonly #sightings = new Map<string, readonly [newer: Sighting, older: Sighting]>();
  #newest = 0n;
  #unique = 0;
  #asked = 0;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    const crowd = parts.crowd ?? 1;
    this.#registers = named("r", registersPerCrowd * crowd);
    this.#counters = named("n", countersPerCrowd * crowd);
    this.#groups = named("g", groupsPerCrowd * crowd).map((name) => `${name}/`);
    this.#oldKeys = [...this.#registers, ...this.#groups.flatMap(keysOf)];
  }

  /** Questions asked so far, in all runs. */
  get asked(): number {
    return this.#asked;
  }

  /** Resolves when all calls were made and have ended, or the store is gone. */
  async run(store: Store, plan: Plan): Promise<void> {
    const end = this.#asked + plan.calls;
    await Promise.all(Array.from({ length: plan.callers }, () => this.#call(store, plan, end)));
  }

  /** Every key once, so that nothing that was lost can go unnoticed. */
  async readBack(store: Store): Promise<void> {
    for (const key of [...this.#registers, ...this.#counters]) {
      await this.#ask(store, { kind: "get", key }, Infinity);
    }
    for (const object of this.#groups) await this.#ask(store, { kind: "list", object }, Infinity);
  }

  async #call(store: Store, { hastyOneIn }: Plan, end: number): Promise<void> {
    while (this.#asked < end) {
      const question = this.#question();
      const hasty = hastyOneIn !== undefined && this.#parts.random.below(hastyOneIn) === 0;
      const deadlineMs = hasty ? this.#hastyDeadline(question) : Infinity;
      if (!(await this.#ask(store, question, deadlineMs))) return;
    }
  }

  #hastyDeadline({ kind }: Question): number {
    if (kind === "get" || kind === "past" || kind === "list") return Infinity;
    return this.#parts.clock.wallMs() + 1 + this.#parts.random.below(hastyMsMax);
  }

  /** False: there is nobody any more to ask. */
  async #ask(store: Store, question: Question, deadlineMs: number): Promise<boolean> {
    this.#asked++;
    const reply = await this.#parts.recorder.ask(store, question, deadlineMs);
    if (reply.kind === "answered") this.#learn(question, reply.answer);
    return reply.kind !== "gone";
  }

  #question(): Question {
    const kind = this.#kind();
    switch (kind) {
      case "get":
        return { kind, key: this.#pick([...this.#oldKeys, ...this.#counters]) };
      case "past": {
        const newest = Number(this.#newest);
        const revision = BigInt(newest - this.#parts.random.below(Math.min(newest, 200)));
        return { kind, key: this.#pick(this.#oldKeys), revision };
      }
      case "list":
        return { kind, object: this.#pick(this.#groups) };
      case "put": {
        const previous = this.#parts.random.below(2) === 0;
        return { kind, key: this.#pick(this.#oldKeys), value: this.#value(), previous };
      }
      case "delete":
        return { kind, key: this.#pick(this.#oldKeys) };
      case "cas": {
        const key = this.#pick(this.#oldKeys);
        return { kind, key, expected: this.#sighting(key), value: this.#value() };
      }
      case "increment":
        // Each adds another amount, so that the sum tells which of them have happened.
        return { kind, key: this.#pick(this.#counters), delta: BigInt(++this.#unique) };
      case "txn":
        return this.#txn(this.#pick(this.#groups));
      case "batch":
        return this.#batch(this.#pick(this.#groups));
    }
  }

  #kind(): Question["kind"] {
    let dice = this.#parts.random.below(100);
    for (const [weight, kind] of mix) {
      dice -= weight;
      const possible = kind !== "past" || (this.#parts.past && this.#newest > 0n);
      if (dice < 0) return possible ? kind : "get";
    }
    return "get";
  }

  /** Compares some keys of a group, writes others. */
  #txn(group: string): Question {
    const keys = keysOf(group);
    const compared = keys.slice(0, 1 + this.#parts.random.below(2));
    const written = keys.slice(this.#parts.random.below(2));
    return {
      kind: "txn",
      compares: compared.map((key) => [key, this.#sighting(key).value]),
      puts: written.map((key) => [key, this.#value()]),
    };
  }

  /** Writes the first keys of a group, deletes the others. */
  #batch(group: string): Question {
    const keys = keysOf(group);
    const written = 1 + this.#parts.random.below(keys.length);
    const puts = keys.slice(0, written).map((key) => [key, this.#value()] as const);
    return { kind: "batch", puts, deletes: keys.slice(written) };
  }

  #sighting(key: string): Sighting {
    const [newer, older] = this.#sightings.get(key) ?? [absent, absent];
    return this.#parts.random.below(4) === 0 ? older : newer;
  }

  #learn(question: Question, { seen, revision, entries }: Answer): void {
    if (revision !== undefined && revision > this.#newest) this.#newest = revision;
    if (question.kind === "past") return;
    for (const { key, value, modRevision } of entries) {
      const known = value !== undefined || modRevision === 0n;
      if (known) this.#sight(key, { value, revision: modRevision });
    }
    if (revision === undefined || seen.startsWith("refused")) return;
    if (question.kind === "delete") this.#sight(question.key, absent);
    if (question.kind === "put" || question.kind === "cas") {
      this.#sight(question.key, { value: question.value, revision });
    }
    if (question.kind === "batch") {
      for (const key of question.deletes) this.#sight(key, absent);
    }
    if (question.kind === "txn" || question.kind === "batch") {
      for (const [key, value] of question.puts) this.#sight(key, { value, revision });
    }
  }

  /** The newer one is the one that was learnt later. */
  #sight(key: string, sighting: Sighting): void {
    const [newer] = this.#sightings.get(key) ?? [absent];
    if (sighting.revision === newer.revision) return;
    this.#sightings.set(key, [sighting, newer]);
  }

  #value(): string {
    return `v${++this.#unique}`;
  }

  #pick<Value>(values: readonly Value[]): Value {
    const value = values[this.#parts.random.below(values.length)];
    if (value === undefined) throw new Error("there is something to pick from");
    return value;
  }
}

function named(letter: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_none, at) => `${letter}${at}`);
}

function keysOf(group: string): readonly string[] {
  return namesInGroup.map((name) => group + name);
}
