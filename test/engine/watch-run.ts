/**
 * A random run: writers that commit at once, watchers of random ranges and tempers, restarts and
 * compactions in between. What writers were answered is the history; what watchers were given is
 * kept as it came. Every choice comes from one seed; the interleaving is the machine's.
 */
import { prefixEnd } from "../../src/foundation/bytes.js";
import type { Random } from "../../src/foundation/random.js";
import { EngineError } from "../../src/storage/errors.js";
import type { Operation, Revision } from "../../src/storage/model.js";
import type { WatchEvent } from "../../src/storage/storage-engine.js";
import {
  bytesOf,
  keyOf,
  okOf,
  putOf,
  type TempEngine,
  testNamespace,
} from "../support/temp-engine.js";
import { pause } from "../support/wait.js";
import { everything } from "./watch-reader.js";
import { type Seen, type SeenChange, seenChange, type Wanted } from "./watch-validator.js";

export interface Plan {
  readonly writers: number;
  readonly commitsPerWriter: number;
  readonly watchers: number;
  readonly restarts: number;
  readonly compactions: number;
  readonly valueBytesMax: number;
}

export interface Watched {
  readonly wanted: Wanted;
  readonly seen: readonly Seen[];
  readonly resumes: number;
}

export interface Outcome {
  readonly history: ReadonlyMap<bigint, readonly SeenChange[]>;
  readonly watched: readonly Watched[];
}

const keyLetters = ["a", "b", "c", "d"];
/** How long a watcher with this temper looks at each event. */
const tempers = ["eager", "yielding", "slow", "asleep"] as const;

export class WatchRun {
  readonly #temp: TempEngine;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #history = new Map<bigint, readonly SeenChange[]>();
  readonly #compacted: bigint[] = [];
  #head = 0n;
  #committed = 0;
  #written = false;
  /** While a restart is under way there is no engine to ask. */
  #open: Promise<void> = Promise.resolve();

  private constructor(temp: TempEngine, random: Random, plan: Plan) {
    this.#temp = temp;
    this.#random = random;
    this.#plan = plan;
  }

  static async play(temp: TempEngine, random: Random, plan: Plan): Promise<Outcome> {
    const run = new WatchRun(temp, random, plan);
    const watchers = Array.from({ length: plan.watchers }, (_none, at) => run.#watch(at));
    const writers = Array.from({ length: plan.writers }, () => run.#write());
    const upheaval = run.#upset();
    await Promise.all(writers);
    await upheaval;
    // One more commit that everybody ends with, whatever range they watch.
    await run.#commitAll();
    run.#written = true;
    return { history: run.#history, watched: await Promise.all(watchers) };
  }

  /** A key that every range has one of: each watcher sees the last revision. */
  #commitAll(): Promise<void> {
    return this.#commit(keyLetters.map((letter) => putOf(`${letter}-last`, "end")));
  }

  async #write(): Promise<void> {
    for (let count = 0; count < this.#plan.commitsPerWriter; count++) {
      await this.#commit(this.#operations());
      if (this.#random.below(4) === 0) await pause(this.#random.below(3));
    }
  }

  #operations(): Operation[] {
    const keys = new Set(Array.from({ length: 1 + this.#random.below(4) }, () => this.#key()));
    return [...keys].map((key) => {
      if (this.#random.below(4) > 0) return putOf(key, this.#value());
      return { kind: "delete", span: { kind: "key", key: keyOf(key) }, returnPrevious: false };
    });
  }

  #key(): string {
    const letter = keyLetters[this.#random.below(keyLetters.length)] ?? "a";
    return `${letter}${String(this.#random.below(6))}`;
  }

  #value(): string {
    return "v".repeat(1 + this.#random.below(this.#plan.valueBytesMax)) + String(this.#committed);
  }

  /** Until it is committed: an engine that closes refuses before it queues, so nothing is doubled. */
  async #commit(operations: readonly Operation[]): Promise<void> {
    for (;;) {
      await this.#open;
      try {
        const { header, value } = okOf(await this.#temp.commit(operations));
        const changes = operations.flatMap((operation, at) =>
          changeOf(operation, value.responses[at]),
        );
        changes.sort((a, b) => (a.key < b.key ? -1 : 1));
        if (changes.length > 0) this.#history.set(header.revision, changes);
        if (header.revision > this.#head) this.#head = header.revision;
        this.#committed++;
        return;
      } catch (error) {
        if (!isTransient(error)) throw error;
        await pause(1);
      }
    }
  }

  /** Restarts and compactions, spread over the run. */
  async #upset(): Promise<void> {
    const { restarts, compactions, writers, commitsPerWriter } = this.#plan;
    const acts = [
      ...Array.from({ length: restarts }, () => () => this.#restart()),
      ...Array.from({ length: compactions }, () => () => this.#compact()),
    ];
    for (const [at, act] of acts.entries()) {
      const due = ((at + 1) * writers * commitsPerWriter) / (acts.length + 1);
      while (this.#committed < due) await pause(1);
      await act();
    }
  }

  async #restart(): Promise<void> {
    this.#open = this.#temp.reopen();
    await this.#open;
  }

  async #compact(): Promise<void> {
    const upTo = (this.#head - BigInt(this.#random.below(40))) as Revision;
    if (upTo < 1n) return;
    this.#compacted.push(upTo);
    await this.#temp.engine.maintenance.compact(testNamespace, upTo);
  }

  /** One logical watch: started, ended by whatever happens, resumed, until the run is over. */
  async #watch(at: number): Promise<Watched> {
    while (this.#head < BigInt(at * 3)) await pause(1);
    const temper = tempers[this.#random.below(tempers.length)] ?? "eager";
    const from = 1n + BigInt(this.#random.below(Number(this.#head) + 1));
    const wanted = this.#wanted(from);
    const seen: Seen[] = [];
    let next = from;
    let resumes = -1;
    while (!this.#written || next <= this.#head) {
      resumes++;
      next = await this.#follow(next, wanted, temper, seen);
    }
    return { wanted, seen, resumes };
  }

  /** Returns where to go on. */
  async #follow(
    start: bigint,
    wanted: Wanted,
    temper: (typeof tempers)[number],
    seen: Seen[],
  ): Promise<bigint> {
    await this.#open;
    const controller = new AbortController();
    let next = start;
    try {
      const options = { ...everything, ...wanted, progressIntervalMs: 100 };
      const { engine } = this.#temp;
      for await (const event of engine.watch(
        testNamespace,
        start as Revision,
        options,
        controller.signal,
      )) {
        next = keep(event, next, seen);
        await this.#dwell(temper);
        if (this.#written && next > this.#head) break;
        // Some go of their own accord, and come back.
        if (this.#random.below(60) === 0) controller.abort();
      }
    } catch (error) {
      if (!isTransient(error)) throw error;
      await pause(1);
    }
    return next;
  }

  async #dwell(temper: (typeof tempers)[number]): Promise<void> {
    if (temper === "eager") return;
    if (temper === "yielding") await pause(0);
    else if (temper === "slow") await pause(this.#random.below(15));
    else while (!this.#written && this.#random.below(10) > 0) await pause(20);
  }

  #wanted(from: bigint): Wanted {
    const kind = this.#random.below(8);
    const letter = bytesOf(keyLetters[this.#random.below(keyLetters.length)] ?? "a");
    const range =
      this.#random.below(3) === 0
        ? { start: new Uint8Array(0), end: undefined }
        : { start: letter, end: prefixEnd(letter) };
    return { range, puts: kind !== 0, deletions: kind !== 1, from };
  }
}

/** Writes the event down; returns the first revision that is not dealt with. */
function keep(event: WatchEvent, next: bigint, seen: Seen[]): bigint {
  if (event.kind === "compacted") {
    if (event.oldest <= next) throw new Error("compacted, but what comes next is still retained");
    seen.push({ kind: "compacted", oldest: event.oldest });
    return event.oldest;
  }
  const batches =
    event.kind === "batches"
      ? event.batches.map(({ revision, changes }) => ({
          revision,
          changes: changes.map(seenChange),
        }))
      : [];
  seen.push({ kind: "response", complete: event.header.revision, batches });
  return event.header.revision + 1n;
}

function changeOf(operation: Operation, response: unknown): SeenChange[] {
  const seen = response as { readonly kind: string; readonly count?: number };
  if (operation.kind === "put") return [seenChange(operation)];
  if (operation.kind !== "delete" || operation.span.kind !== "key" || seen.count === 0) return [];
  return [seenChange({ key: operation.span.key, value: null })];
}

function isTransient(error: unknown): boolean {
  return error instanceof EngineError && ["draining", "not-ready"].includes(error.kind);
}
