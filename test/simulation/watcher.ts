/**
 * One watch beside the model: every wanted change of every revision, once, in order and whole, and
 * never one that is not committed. Some consumers stay away for a while after each event.
 */
import assert from "node:assert/strict";
import { EngineError } from "../../src/storage/errors.js";
import type { Namespace, Revision } from "../../src/storage/model.js";
import type {
  StorageEngine,
  WatchBatch,
  WatchEvent,
  WatchOptions,
} from "../../src/storage/storage-engine.js";
import { same } from "../model/same.js";
import type { Logged } from "../support/model-attempt.js";
import { type Beside, differs } from "./beside.js";

export interface Watch {
  readonly namespace: Namespace;
  readonly from: bigint | undefined;
  readonly options: WatchOptions;
  readonly isSlow: boolean;
}

export class Watcher {
  readonly watch: Watch;
  readonly #beside: Beside;
  readonly #ending = new AbortController();
  /** Everything wanted up to here was given. */
  #at = 0n;
  #resume: (() => void) | undefined;
  #standing = false;
  ended = false;
  /** Why the engine ended it; undefined = it did not. */
  reason: string | undefined;
  /** Why it must be refused; undefined = it begins. */
  readonly refusedFor: string | undefined;
  readonly #blocksBefore: number;

  constructor(watch: Watch, beside: Beside) {
    this.watch = watch;
    this.#beside = beside;
    this.refusedFor = refusalOf(watch, beside);
    this.#blocksBefore = beside.blocksOf(watch.namespace);
  }

  /** An operator has blocked reads since it began. */
  get wasBlocked(): boolean {
    return this.#beside.blocksOf(this.watch.namespace) > this.#blocksBefore;
  }

  /** The first revision that it was not given. */
  get next(): bigint {
    return this.#at + 1n;
  }

  /** Rejects with the first difference. */
  async run(engine: StorageEngine, note: (event: WatchEvent) => void): Promise<void> {
    const { namespace, from, options, isSlow } = this.watch;
    try {
      const revision = from as Revision | undefined;
      for await (const event of engine.watch(namespace, revision, options, this.#ending.signal)) {
        note(event);
        this.#check(event);
        if (isSlow) await this.#hold();
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.reason = error.kind;
    } finally {
      this.ended = true;
    }
  }

  get isHeld(): boolean {
    return this.#resume !== undefined;
  }

  resume(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  end(): void {
    this.#ending.abort();
    this.resume();
  }

  /** Once nothing is under way: the last wanted change was given. */
  assertComplete(): void {
    if (this.ended || this.isHeld) return;
    const { namespace } = this.watch;
    const head = this.#beside.oracle.model.head(namespace);
    assert.ok(this.#standing, "a watch stands when nothing is under way");
    this.#assertNothingBetween(this.#at, head + 1n, "is at rest");
  }

  #check(event: WatchEvent): void {
    const { namespace } = this.watch;
    assert.equal(this.refusedFor, undefined, "a watch that must be refused begins");
    assert.ok(!this.#beside.blocksReads(namespace), "a watch goes on though reads are blocked");
    const { revision } = event.header;
    const head = this.#beside.oracle.model.head(namespace);
    const last = this.#beside.lastRevision(namespace);
    const isThere = revision <= head || revision <= last;
    assert.ok(isThere, `a watch is at ${revision}, and ${last} is the last commit`);
    if (event.kind === "standing") {
      this.#standing = true;
      // A deleted namespace has no head; what is made under its name goes on above its last revision.
      this.#at = this.watch.from === undefined && last > revision ? last : revision;
      return;
    }
    if (event.kind === "compacted") this.#checkOldest(event.oldest);
    if (event.kind === "batches") for (const batch of event.batches) this.#take(batch);
    this.#assertNothingBetween(this.#at, revision + 1n, `names ${revision}`);
    this.#at = revision > this.#at ? revision : this.#at;
  }

  /** The page was read before, and the log may have been cut once more since. */
  #checkOldest(oldest: bigint): void {
    const { namespace } = this.watch;
    const { model } = this.#beside.oracle;
    assert.ok(oldest > this.next, `revision ${this.next} is there, and ${oldest} is the oldest`);
    if (!model.namespaces.includes(namespace)) return;
    const present = model.namespace(namespace).oldest;
    assert.ok(oldest <= present, `${present} is the oldest revision, and a watch says ${oldest}`);
  }

  #take(batch: WatchBatch): void {
    const { namespace } = this.watch;
    assert.ok(batch.revision > this.#at, `revision ${batch.revision} comes after ${this.#at}`);
    this.#assertNothingBetween(this.#at, batch.revision, `gives ${batch.revision}`);
    const expected = this.#wanted(batch.revision);
    const given = batch.changes.map((change, at) => {
      const { key, value, cause, createRevision, version, expiresAtMs, leaseId } = change;
      const life = { createRevision, modRevision: batch.revision, version, expiresAtMs, leaseId };
      const entry = value === null ? undefined : { key, value, ...life };
      return { key, entry, cause, previous: batch.previous[at] };
    });
    if (!same(given, expected)) {
      throw differs(`a watch of ${namespace} gives ${batch.revision}`, given, expected);
    }
    this.#at = batch.revision;
  }

  #assertNothingBetween(after: bigint, before: bigint, what: string): void {
    for (let revision = after + 1n; revision < before; revision++) {
      const missed = this.#wanted(revision);
      if (missed.length > 0) throw differs(`a watch ${what} without ${revision}`, [], missed);
    }
  }

  #wanted(revision: bigint): readonly Logged[] {
    const { namespace, options } = this.watch;
    const { range, puts, deletions, keysOnly, previous } = options;
    const matching = this.#beside.changesAt(namespace, revision).filter(({ key, entry }) => {
      const { start, end } = range;
      const isInside =
        Buffer.compare(key, start) >= 0 && (end === undefined || Buffer.compare(key, end) < 0);
      return isInside && (entry === undefined ? deletions : puts);
    });
    const shown = (entry: Logged["entry"]): Logged["entry"] =>
      entry && keysOnly ? { ...entry, value: new Uint8Array(0) } : entry;
    return matching.map((change) => ({
      ...change,
      entry: shown(change.entry),
      previous: previous ? shown(change.previous) : undefined,
    }));
  }

  #hold(): Promise<void> {
    if (this.#ending.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }
}

/** What a watch is told at once, as the file is at this moment. */
function refusalOf({ namespace, from, options }: Watch, beside: Beside): string | undefined {
  const { model } = beside.oracle;
  if (beside.blocksReads(namespace)) return "namespace-blocked";
  if (options.previous && model.readableSince(namespace) === undefined) return "history-off";
  return from !== undefined && from > model.head(namespace) + 1n ? "revision-in-future" : undefined;
}
