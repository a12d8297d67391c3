/**
 * The way to the writer. While one group is in its hands, the next one forms from whatever arrives,
 * and an idle writer is given what one turn of the event loop has brought: a lone caller waits for
 * nobody, and a crowd shares its syncs. Bounded in requests and bytes; refusal comes before waiting,
 * never after.
 */
import { assert } from "../../foundation/assert.js";
import type { Cancel, Clock } from "../../foundation/clock.js";
import type { Random } from "../../foundation/random.js";
import { EngineError, type Refusal } from "../../storage/errors.js";
import { writeQueueBytesMax, writeQueueWaitMsMax } from "../../storage/limits.js";
import type { Header, TxnRequest, TxnResult } from "../../storage/model.js";
import type { CallLimits, Outcome } from "../../storage/storage-engine.js";
import { decodeOutcomes } from "../record/outcome-codec.js";
import { requestBytes } from "../record/request-codec.js";
import { CommitGroup, type Waiter } from "./commit-group.js";
import { diskFull } from "./disk-full-refusal.js";
import type { GroupReply, LatchedFault } from "./writer-protocol.js";

export interface CommitQueuePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly requestsMax: number;
  /** How long a request may wait for a lock that another process holds. */
  readonly busyBudgetMs: number;
  readonly identity: Pick<Header, "epoch" | "nodeId" | "storeId">;
  send(group: {
    readonly requests: Uint8Array<ArrayBuffer>;
    readonly count: number;
    readonly skip: readonly number[];
  }): Promise<GroupReply>;
  /** Before the writer is given more: what decides whether it may be, and what a checkpoint does. */
  onWritten(reply: GroupReply & { kind: "done" }): void;
  /** Before the callers are told: what others must know first (caches, watchers, gauges). */
  onCommitted(reply: GroupReply & { kind: "done" }, requests: number): void;
  onBusy(code: string): void;
  /** Why a request that still waits must not go to the writer now; undefined = it may. */
  refusalOf(request: TxnRequest): EngineError | undefined;
  onDiskFull(code: string): void;
  /** A request was refused because it met damage. Returns it with what is known of the place. */
  onDamage(refusal: Refusal): Refusal;
  /** The writer will not work again. */
  onFault(fault: LatchedFault): void;
}

const busyPauseMs = 20;
/** Weight of the newest group in what a group takes: the last three or four decide. */
const newestShare = 0.3;
const busyPauseJitterMs = 20;

export class CommitQueue {
  readonly #ports: CommitQueuePorts;
  /** Forming and full groups, the oldest first. */
  readonly #groups: CommitGroup[] = [];
  readonly #idle: (() => void)[] = [];
  #requests = 0;
  #bytes = 0;
  #sending = false;
  /** The writer is idle, and gets what this turn brings at its end. */
  #gathering = false;
  /** Caches and watchers know of every commit that was answered. */
  #followed = true;
  #sentMs = 0;
  /** What a group takes lately. */
  #groupMs = 0;
  #fault: LatchedFault | undefined;
  /** Out of the row, but not done: it goes to the writer again after a pause. */
  #retrying: { readonly group: CommitGroup; readonly cancel: Cancel } | undefined;

  constructor(ports: CommitQueuePorts) {
    this.#ports = ports;
  }

  get depth(): { readonly requests: number; readonly bytes: number } {
    return { requests: this.#requests, bytes: this.#bytes };
  }

  /** Throws "overloaded" or "storage-fault" before queueing; afterwards it resolves or rejects. */
  commit(request: TxnRequest, call: CallLimits): Promise<Outcome<TxnResult>> {
    const bytes = requestBytes(request);
    this.#admit(bytes, call);
    return new Promise((resolve, reject) => {
      const enqueuedMs = this.#ports.clock.monotonicMs();
      const group = this.#groupFor(bytes);
      const before = group.bytes;
      group.add({ request, call, enqueuedMs, resolve, reject });
      this.#requests++;
      this.#bytes += group.bytes - before;
      if (this.#isWriterFree && !this.#gathering) this.#gather();
    });
  }

  /** Resolves when nothing waits and nothing is in the writer's hands. */
  drained(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  /** The writer is gone: what it held has an unknown outcome, what waited did not happen. */
  fail(fault: LatchedFault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    const refusal = this.#faultError(fault);
    const groups = this.#groups.splice(0);
    if (this.#retrying !== undefined) {
      this.#retrying.cancel();
      groups.unshift(this.#retrying.group);
      this.#retrying = undefined;
    }
    for (const group of groups) {
      for (const waiter of group.waiting) waiter.reject(refusal);
    }
    this.#requests = 0;
    this.#bytes = 0;
    this.#ports.onFault(fault);
    this.#tellIdle();
  }

  get #isWriterFree(): boolean {
    return !this.#sending && this.#retrying === undefined;
  }

  get #isIdle(): boolean {
    return this.#isWriterFree && this.#groups.length === 0;
  }

  /** A socket's data holds many requests: sent with the first, the others would wait for its sync. */
  #gather(): void {
    this.#gathering = true;
    setImmediate(() => {
      this.#gathering = false;
      if (this.#isWriterFree) this.#sendNext();
    });
  }

  #admit(bytes: number, call: CallLimits): void {
    if (this.#fault !== undefined) throw this.#faultError(this.#fault);
    if (this.#requests >= this.#ports.requestsMax || this.#bytes >= writeQueueBytesMax) {
      const max = `${this.#ports.requestsMax}`;
      throw overloaded("the write queue is full", { limit: "write_queue_requests", max });
    }
    if (this.#isLate(bytes)) {
      const max = `${writeQueueWaitMsMax}`;
      throw overloaded("writes wait too long", { limit: "write_queue_wait_ms", max });
    }
    const gone = this.#whyGone({ call });
    if (gone !== undefined) throw gone;
  }

  /**
   * What fits into the group that goes next is always taken, so a disk that pauses refuses nobody
   * for that. Beyond it a crowd would only wait in line: more of them would not be written sooner.
   */
  #isLate(bytes: number): boolean {
    const [next] = this.#groups;
    if (next === undefined || (this.#groups.length === 1 && next.fits(bytes))) return false;
    const runningMs = this.#sending ? this.#ports.clock.monotonicMs() - this.#sentMs : 0;
    return this.#groups.length * Math.max(this.#groupMs, runningMs) > writeQueueWaitMsMax;
  }

  #groupFor(bytes: number): CommitGroup {
    const last = this.#groups.at(-1);
    if (last?.fits(bytes) === true) return last;
    const group = new CommitGroup(bytes);
    this.#groups.push(group);
    return group;
  }

  #sendNext(): void {
    const group = this.#groups.shift();
    if (group === undefined) {
      this.#tellIdle();
      return;
    }
    this.#send(group, group.encoded());
  }

  #send(group: CommitGroup, requests: Uint8Array<ArrayBuffer>): void {
    const bytes = requests.length;
    const skip = group.withdraw(
      (waiter) => this.#whyGone(waiter) ?? this.#ports.refusalOf(waiter.request),
    );
    if (skip.length === group.count) {
      this.#release(group, bytes);
      this.#sendNext();
      return;
    }
    this.#sending = true;
    this.#sentMs = this.#ports.clock.monotonicMs();
    this.#ports.send({ requests, count: group.count, skip }).then(
      (reply) => {
        this.#sending = false;
        const tookMs = this.#ports.clock.monotonicMs() - this.#sentMs;
        this.#groupMs += (tookMs - this.#groupMs) * newestShare;
        this.#finish(group, bytes, reply);
      },
      (cause: unknown) => {
        this.#sending = false;
        const message = cause instanceof Error ? cause.message : "the writer thread has ended";
        this.#finish(group, bytes, {
          kind: "latched",
          fault: { kind: "io", code: "WRITER_LOST", message, outcomeUnknown: true },
        });
      },
    );
  }

  #finish(group: CommitGroup, bytes: number, reply: GroupReply): void {
    if (reply.kind === "busy" && this.#fault === undefined) {
      this.#ports.onBusy(reply.code);
      this.#retryLater(group, reply.requests);
      return;
    }
    this.#release(group, bytes);
    const { waiting } = group;
    switch (reply.kind) {
      case "done":
        this.#settle(waiting, reply);
        // The writer may have its next group already.
        if (this.#isWriterFree) this.#sendNext();
        return;
      case "disk-full":
        this.#ports.onDiskFull(reply.code);
        for (const waiter of waiting) waiter.reject(diskFull());
        break;
      case "latched":
        for (const waiter of waiting) this.#answerLatched(waiter, reply.fault);
        this.fail(reply.fault);
        break;
      case "busy":
        // The writer failed over something else meanwhile: there is nobody to try again with.
        for (const waiter of waiting) waiter.reject(storageBusy());
        break;
    }
    this.#sendNext();
  }

  /**
   * It is on disk: a bug in who else is told leaves no caller without an answer, here or behind. The
   * writer goes on with the next group meanwhile.
   */
  #settle(waiting: readonly Waiter[], reply: GroupReply & { kind: "done" }): void {
    if (!this.#followed) {
      for (const { resolve, request } of waiting) {
        resolve({ kind: "unknown", requestId: request.requestId });
      }
      return;
    }
    let fault = faultIn(() => {
      this.#ports.onWritten(reply);
    });
    if (fault === undefined && this.#groups.length > 0) this.#sendNext();
    fault ??= faultIn(() => {
      this.#ports.onCommitted(reply, waiting.length);
    });
    this.#answer(waiting, reply);
    // A cache or a watcher may have missed it, so nothing more may be built on what they know.
    if (fault === undefined) return;
    this.#followed = false;
    this.fail(fault);
  }

  #answer(waiting: readonly Waiter[], reply: GroupReply & { kind: "done" }): void {
    const namespaces = waiting.map((waiter) => waiter.request.namespace);
    const outcomes = decodeOutcomes(reply.outcomes, namespaces, this.#ports.identity);
    for (const [index, waiter] of waiting.entries()) {
      const outcome = outcomes[index];
      assert(outcome !== undefined, "every request of a group has its outcome");
      const isDamage = outcome.kind === "refused" && outcome.refusal.kind === "corrupt";
      waiter.resolve(
        isDamage ? { kind: "refused", refusal: this.#ports.onDamage(outcome.refusal) } : outcome,
      );
    }
  }

  /** Nothing happened; whoever has waited too long is told, the others try again. */
  #retryLater(group: CommitGroup, requests: Uint8Array<ArrayBuffer>): void {
    const { clock, random, busyBudgetMs } = this.#ports;
    group.withdraw((waiter) =>
      clock.monotonicMs() - waiter.enqueuedMs >= busyBudgetMs ? storageBusy() : undefined,
    );
    const cancel = clock.after(busyPauseMs + random.below(busyPauseJitterMs), () => {
      this.#retrying = undefined;
      this.#send(group, requests);
    });
    this.#retrying = { group, cancel };
  }

  #answerLatched(waiter: Waiter, fault: LatchedFault): void {
    if (fault.outcomeUnknown) {
      waiter.resolve({ kind: "unknown", requestId: waiter.request.requestId });
    } else {
      waiter.reject(this.#faultError(fault));
    }
  }

  #release(group: CommitGroup, bytes: number): void {
    if (this.#fault !== undefined) return;
    this.#requests -= group.count;
    this.#bytes -= bytes;
    assert(this.#requests >= 0 && this.#bytes >= 0, "what leaves the queue was in it");
  }

  #whyGone(waiter: { readonly call: CallLimits }): EngineError | undefined {
    if (waiter.call.deadlineMs <= this.#ports.clock.wallMs()) {
      return new EngineError("deadline", "the deadline passed before the write began", {
        hint: "the write did not happen; allow more time, or send fewer writes at once",
      });
    }
    if (waiter.call.cancelled()) {
      return new EngineError("cancelled", "the caller went away before the write began", {
        hint: "the write did not happen",
      });
    }
    return undefined;
  }

  #faultError(fault: LatchedFault): EngineError {
    return new EngineError("storage-fault", `the store has stopped: ${fault.code}`, {
      hint: "the write did not happen; the daemon restarts and recovers, then retry",
      facts: { code: fault.code },
    });
  }

  #tellIdle(): void {
    if (!this.#isIdle) return;
    for (const tell of this.#idle.splice(0)) tell();
  }
}

/** What is told when those who must know of a commit could not be told. */
function faultIn(tell: () => void): LatchedFault | undefined {
  try {
    tell();
    return undefined;
  } catch (cause) {
    const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    return { kind: "io", code: "COMMIT_NOT_FOLLOWED", message, outcomeUnknown: false };
  }
}

function overloaded(message: string, facts: Readonly<Record<string, string>>): EngineError {
  const hint = "retry after a pause; send fewer writes at once, or more in one batch";
  return new EngineError("overloaded", message, { hint, facts });
}

function storageBusy(): EngineError {
  return new EngineError("storage-busy", "another process holds the database", {
    hint: "the write did not happen; end the other program, then retry",
  });
}
