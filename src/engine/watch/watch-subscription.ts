/**
 * One watch. It takes its seat at the hub first and then reads the log, so that the two overlap: what
 * the log has shown already is left out of what the hub has kept. When the consumer is slower than
 * the hub's commits, what was kept is dropped and read from the log again, so a slow consumer costs
 * one buffer and one page; when it stays away while something waits, it is cut.
 *
 * `#at` is the first revision that is not dealt with. Everything below it was given or was not
 * wanted; nothing at or above it was given. That is the whole proof of "no gap and no repetition".
 */
import { assert } from "../../foundation/assert.js";
import { BoundedQueue } from "../../foundation/bounded-queue.js";
import type { Cancel, Clock } from "../../foundation/clock.js";
import { EngineError } from "../../storage/errors.js";
import {
  watchBlockedMsMax,
  watchBufferBatchesMax,
  watchBufferBytesMax,
  watchPreviousPerTurnMax,
  watchResponseBytesMax,
} from "../../storage/limits.js";
import type { Entry, Header, Namespace, Revision } from "../../storage/model.js";
import type {
  WatchBatch,
  WatchEvent,
  WatchOptions,
  WatchStream,
} from "../../storage/storage-engine.js";
import { type SizedBatch, wantedOf } from "./interest.js";
import { type BatchPage, type LogPages, namespaceGone } from "./log-pages.js";
import type { Subscriber } from "./watch-group.js";
import type { Seat, WatchHub } from "./watch-hub.js";

/** The entries that changes replaced, where a namespace keeps them. */
export interface PreviousSource {
  /** Throws "history-off". */
  assertKept(namespace: Namespace): void;
  /** One per change. Throws "revision-compacted" when one was there and is not kept any more. */
  of(namespace: Namespace, batch: WatchBatch, keysOnly: boolean): readonly (Entry | undefined)[];
}

export interface SubscriptionPorts {
  readonly clock: Clock;
  readonly hub: WatchHub;
  readonly pages: LogPages;
  /** The head as the file has it now. Throws EngineError where the namespace cannot be watched. */
  head(namespace: Namespace): Revision | undefined;
  headerAt(namespace: Namespace, revision: Revision): Header;
  readonly previous: PreviousSource;
  onPage(): void;
  onCut(namespace: Namespace, resume: Revision): void;
}

export interface WatchedRange {
  readonly namespace: Namespace;
  /** Undefined = from now on. */
  readonly from: Revision | undefined;
  readonly options: WatchOptions;
}

const none = 0n as Revision;
const bytesOf = ({ bytes }: SizedBatch): number => bytes;

export class WatchSubscription implements Subscriber, WatchStream {
  readonly interest: WatchOptions;
  readonly ended: AbortSignal;
  readonly #ports: SubscriptionPorts;
  readonly #watched: WatchedRange;
  readonly #signal: AbortSignal;
  readonly #ending = new AbortController();
  /** What the hub has kept since #liveFrom. */
  readonly #live = new BoundedQueue<SizedBatch>({
    itemsMax: watchBufferBatchesMax,
    bytesMax: watchBufferBytesMax,
    bytesOf,
  });
  /** What is left of the last page of the log; a page is bounded where it is read. */
  readonly #page = new BoundedQueue<SizedBatch>({
    itemsMax: Infinity,
    bytesMax: Infinity,
    bytesOf,
  });
  #at: Revision = none;
  /** The log is read at least up to here before the hub's batches follow. */
  #target: Revision = none;
  /** The last revision of the page. */
  #pageEnd: Revision = none;
  /** #live has every wanted batch from here on; undefined = it has overflowed and is empty. */
  #liveFrom: Revision | undefined;
  #seat: Seat | undefined;
  /** Set while there is nothing to do but wait. */
  #wake: (() => void) | undefined;
  /** The hub has been told to wake it. */
  #woken = false;
  /** The consumer has an event and has not asked for the next one. */
  #held = false;
  #cancelCut: Cancel | undefined;
  #lastEventMs = 0;
  #reason: Error | undefined;

  constructor(ports: SubscriptionPorts, watched: WatchedRange, signal: AbortSignal) {
    this.#ports = ports;
    this.#watched = watched;
    this.interest = watched.options;
    this.#signal = signal;
    this.ended = this.#ending.signal;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent, void, undefined> {
    assert(this.#seat === undefined, "a watch is read once");
    this.#begin();
    try {
      yield this.#passing({ kind: "standing", header: this.#header() });
      this.#takenBack();
      while (!this.#signal.aborted) {
        if (this.#reason !== undefined) throw this.#reason;
        const event = await this.#next();
        if (event === undefined) continue;
        const whole = await this.#withPrevious(event);
        // Ended meanwhile: the reason is thrown above.
        if (whole === undefined) continue;
        yield this.#passing(whole);
        this.#takenBack();
        if (event.kind === "compacted") return;
      }
    } finally {
      this.#close();
    }
  }

  receive(batches: readonly SizedBatch[]): boolean {
    if (this.#liveFrom !== undefined) this.#keep(batches);
    if (this.#held) this.#setCut();
    const waits = this.#wake !== undefined && !this.#woken;
    if (waits) this.#woken = true;
    return waits;
  }

  wake(): void {
    this.#woken = false;
    this.#wake?.();
  }

  end(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#close();
    this.#ending.abort();
    this.#wake?.();
  }

  /** Everything here happens in one turn, so no commit falls between the head and the seat. */
  #begin(): void {
    const { namespace, from, options } = this.#watched;
    const head = this.#headNow();
    if (options.previous) this.#ports.previous.assertKept(namespace);
    this.#at = from ?? ((head + 1n) as Revision);
    if (this.#at > head + 1n) throw inFuture(this.#at, head);
    this.#seat = this.#ports.hub.subscribe(namespace, this, head);
    this.#joinAt(head);
    this.#signal.addEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.#wake?.();
  };

  #close(): void {
    this.#seat?.leave();
    this.#cancelCut?.();
    this.#live.drain();
    this.#page.drain();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  /** Undefined = look again. */
  async #next(): Promise<WatchEvent | undefined> {
    const found = this.#collect(this.#page, this.#pageEnd);
    if (found !== undefined) return found;
    if (this.#liveFrom === undefined) this.#joinAt(this.#headNow());
    if (this.#at <= this.#target) return this.#readPage();
    assert(this.#liveFrom !== undefined && this.#liveFrom <= this.#at, "log and hub overlap");
    const live = this.#takeLive();
    if (live !== undefined) return live;
    await this.#waitForMore();
    // Ended meanwhile: what the hub had kept was dropped, so nothing is complete any more.
    return this.#reason === undefined ? (this.#takeLive() ?? this.#progress()) : undefined;
  }

  /** From here on the hub's batches are kept, and the log is to be read up to the head at least. */
  #joinAt(head: Revision): void {
    const seat = this.#seat;
    assert(seat !== undefined, "a watch joins from its seat");
    this.#liveFrom = (seat.published + 1n) as Revision;
    this.#target = head;
  }

  #keep(batches: readonly SizedBatch[]): void {
    for (const batch of batches) {
      if (this.#live.offer(batch) === "queued") continue;
      this.#live.drain();
      this.#liveFrom = undefined;
      return;
    }
  }

  async #readPage(): Promise<WatchEvent | undefined> {
    const { namespace } = this.#watched;
    const page = await this.#readUnlessEnded();
    switch (page?.kind) {
      case undefined:
        return undefined;
      case "trimmed":
        return { kind: "compacted", header: this.#header(), oldest: page.oldest };
      case "missing":
        throw namespaceGone(namespace);
      case "batches":
        break;
    }
    for (const batch of page.batches) {
      const wanted = wantedOf(batch, this.interest);
      if (wanted !== undefined) this.#page.offer(wanted);
    }
    this.#pageEnd = page.last;
    return this.#collect(this.#page, page.last) ?? this.#progress();
  }

  /** Undefined = the watch has ended meanwhile: whatever became of the page is of no interest. */
  async #readUnlessEnded(): Promise<BatchPage | undefined> {
    this.#ports.onPage();
    try {
      const page = await this.#ports.pages.read(this.#watched.namespace, this.#at);
      return this.#reason === undefined ? page : undefined;
    } catch (cause) {
      if (this.#reason === undefined) throw cause;
      return undefined;
    }
  }

  #takeLive(): WatchEvent | undefined {
    const { published } = this.#seat ?? { published: this.#at };
    return this.#liveFrom === undefined ? undefined : this.#collect(this.#live, published);
  }

  /** As many revisions as one response takes; `end` is dealt with once the queue is empty. */
  #collect(queue: BoundedQueue<SizedBatch>, end: Revision): WatchEvent | undefined {
    const batches: WatchBatch[] = [];
    let bytes = 0;
    for (let batch = queue.peek(); batch !== undefined; batch = queue.peek()) {
      const known = batch.revision < this.#at;
      if (!known && batches.length > 0 && bytes + batch.bytes > watchResponseBytesMax) break;
      queue.take();
      if (known) continue;
      bytes += batch.bytes;
      batches.push(batch);
      this.#at = (batch.revision + 1n) as Revision;
    }
    if (queue.items === 0 && end >= this.#at) this.#at = (end + 1n) as Revision;
    if (batches.length === 0) return undefined;
    return { kind: "batches", header: this.#header(), batches };
  }

  /** A revision may have changed a hundred thousand keys: a part of them is looked up per turn. */
  async #withPrevious(event: WatchEvent): Promise<WatchEvent | undefined> {
    const { namespace, options } = this.#watched;
    if (!options.previous || event.kind !== "batches") return event;
    const batches: WatchBatch[] = [];
    for (const batch of event.batches) {
      const previous: (Entry | undefined)[] = [];
      for (const part of partsOf(batch)) {
        if (previous.length > 0) await nextTurn();
        if (this.#reason !== undefined || this.#signal.aborted) return undefined;
        previous.push(...this.#ports.previous.of(namespace, part, options.keysOnly));
      }
      batches.push({ ...batch, previous });
    }
    return { ...event, batches };
  }

  #headNow(): Revision {
    return this.#ports.head(this.#watched.namespace) ?? none;
  }

  /** Until something was received, the time for progress has come, or the watch is over. */
  #waitForMore(): Promise<void> {
    const { clock } = this.#ports;
    const { progressIntervalMs } = this.#watched.options;
    return new Promise((resolve) => {
      const idleMs = clock.monotonicMs() - this.#lastEventMs;
      const wake = (): void => {
        cancel?.();
        this.#wake = undefined;
        resolve();
      };
      const cancel =
        progressIntervalMs === undefined
          ? undefined
          : clock.after(Math.max(0, progressIntervalMs - idleMs), wake);
      this.#wake = wake;
    });
  }

  #progress(): WatchEvent | undefined {
    const { progressIntervalMs = Infinity } = this.#watched.options;
    const idleMs = this.#ports.clock.monotonicMs() - this.#lastEventMs;
    return idleMs < progressIntervalMs ? undefined : { kind: "progress", header: this.#header() };
  }

  #header(): Header {
    return this.#ports.headerAt(this.#watched.namespace, (this.#at - 1n) as Revision);
  }

  #passing(event: WatchEvent): WatchEvent {
    this.#held = true;
    this.#lastEventMs = this.#ports.clock.monotonicMs();
    const behind = this.#liveFrom === undefined || this.#at <= this.#target;
    if (behind || this.#page.items + this.#live.items > 0) this.#setCut();
    return event;
  }

  #takenBack(): void {
    this.#held = false;
    this.#cancelCut?.();
    this.#cancelCut = undefined;
  }

  /** Something waits, and the consumer does not come for it. */
  #setCut(): void {
    this.#cancelCut ??= this.#ports.clock.after(watchBlockedMsMax, () => {
      this.#ports.onCut(this.#watched.namespace, this.#at);
      this.end(tooSlow(this.#at));
    });
  }
}

function* partsOf(batch: WatchBatch): Generator<WatchBatch, void, undefined> {
  for (let from = 0; from < batch.changes.length; from += watchPreviousPerTurnMax) {
    yield { ...batch, changes: batch.changes.slice(from, from + watchPreviousPerTurnMax) };
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function inFuture(from: Revision, head: Revision): EngineError {
  return new EngineError("revision-in-future", `revision ${from} is above the next one to come`, {
    hint: "start at most one above the head, or leave the start out to watch from now on",
    facts: { head: `${head}` },
  });
}

function tooSlow(resume: Revision): EngineError {
  return new EngineError("slow-consumer", "changes have waited too long for the watcher", {
    hint: "read faster or watch less, and start again with resume_revision",
    facts: { resume_revision: `${resume}` },
  });
}
