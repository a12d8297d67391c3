/**
 * Requests and answers over a worker thread. The invariant: every request is answered exactly
 * once. When the thread ends, for whatever reason, everyone who still waits is told at once, and
 * so is everyone who asks later; a promise that never settles is how a daemon hangs.
 *
 * The other end of the link, inside the thread, is thread-host.ts.
 */
import { type Transferable, Worker } from "node:worker_threads";
import type { FromThread, Kinded, ThreadFailure, ToThread } from "./thread-host.js";

/** The thread is gone. What it had in its hands may or may not have happened. */
export class ThreadExitError extends Error {
  override readonly name = "ThreadExitError";
}

/** The thread answered that it failed, and nobody gave the link a better error to make of it. */
class ThreadRequestError extends Error {
  override readonly name = "ThreadRequestError";
  readonly failure: ThreadFailure;

  constructor(failure: ThreadFailure) {
    super(`${failure.name}: ${failure.message}`);
    this.failure = failure;
  }
}

export interface ThreadStart {
  /** For messages and for the thread's title. */
  readonly name: string;
  /** The compiled thread file: `new URL("./writer-thread.js", import.meta.url)`. */
  readonly entry: URL;
  readonly workerData: unknown;
}

/** What a link needs of a thread: a Worker as it is, or whatever carries the same messages. */
export interface RunningThread {
  /** Throws when the message cannot be cloned. */
  postMessage(message: ToThread, transfer: readonly Transferable[]): void;
  on(event: "message", listener: (message: FromThread) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "messageerror", listener: (error: Error) => void): unknown;
  /** The last one of a thread, once, whatever ended it. */
  on(event: "exit", listener: (exitCode: number) => void): unknown;
  /** Resolves when it has ended. Twice is fine. */
  terminate(): Promise<unknown>;
}

/** How a thread comes to be: a worker, or in a simulation its body in the same thread. */
export type StartThread = (start: ThreadStart) => RunningThread;

export function startWorker({ name, entry, workerData }: ThreadStart): RunningThread {
  return new Worker(entry, { name, workerData });
}

export interface ThreadLinkOptions<Event> extends ThreadStart {
  readonly startThread: StartThread;
  /** What the thread pushes without being asked, in order. */
  onEvent(event: Event): void;
  /** Once, after all waiters were told. The error is undefined after a clean exit. */
  onExit(exitCode: number, error: Error | undefined): void;
  /** Makes a typed error of what the thread reported. */
  revive?(failure: ThreadFailure): Error;
}

interface Waiter {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** To: what may be asked, by kind. Replies: per kind what comes back. Event: what is pushed. */
export class ThreadLink<
  To extends Kinded,
  Replies extends Readonly<Record<To["kind"], unknown>>,
  Event = never,
> {
  readonly #options: ThreadLinkOptions<Event>;
  readonly #thread: RunningThread;
  readonly #waiters = new Map<number, Waiter>();
  readonly #exited: Promise<number>;
  #nextId = 1;
  #answered = false;
  #error: Error | undefined;
  #exit: ThreadExitError | undefined;

  private constructor(options: ThreadLinkOptions<Event>) {
    this.#options = options;
    const { name, entry, workerData, startThread } = options;
    this.#thread = startThread({ name, entry, workerData });
    this.#thread.on("message", (message) => {
      this.#receive(message);
    });
    this.#thread.on("error", (error) => {
      this.#error = error instanceof Error ? error : new Error(String(error));
    });
    // An answer that cannot be read cannot be matched to its waiter: end the thread, tell all.
    this.#thread.on("messageerror", (error) => {
      this.#error = error;
      void this.#thread.terminate();
    });
    this.#exited = new Promise((resolve) => {
      this.#thread.on("exit", (exitCode) => {
        this.#end(exitCode);
        resolve(exitCode);
      });
    });
  }

  /** Starts the thread. It may be asked at once: requests wait until it listens. */
  static start<
    To extends Kinded,
    Replies extends Readonly<Record<To["kind"], unknown>>,
    Event = never,
  >(options: ThreadLinkOptions<Event>): ThreadLink<To, Replies, Event> {
    return new ThreadLink<To, Replies, Event>(options);
  }

  /**
   * Asks, and resolves with the answer. Rejects with the revived failure when the thread refused,
   * with ThreadExitError when it ended before it answered. Buffers in the transfer list move to
   * the thread and are empty here afterwards.
   */
  request<Message extends To>(
    message: Message,
    transfer: readonly Transferable[] = [],
  ): Promise<Replies[Message["kind"]]> {
    return new Promise((resolve, reject) => {
      if (this.#exit !== undefined) {
        reject(this.#exit);
        return;
      }
      const id = this.#nextId++;
      const posted: ToThread = { id, message };
      // Throws when the message cannot be cloned: then nobody waits.
      this.#thread.postMessage(posted, transfer);
      this.#waiters.set(id, { resolve: resolve as (reply: unknown) => void, reject });
    });
  }

  /** Whether anything has come from the thread: then it has started. */
  get hasAnswered(): boolean {
    return this.#answered;
  }

  /** How many requests are not answered yet. */
  get pending(): number {
    return this.#waiters.size;
  }

  /** Resolves with the exit code when the thread has ended; it never rejects. */
  exited(): Promise<number> {
    return this.#exited;
  }

  /** Ends the thread by force; a native call in progress runs to its end first. Twice is fine. */
  async terminate(): Promise<void> {
    await this.#thread.terminate();
    await this.#exited;
  }

  #receive(message: FromThread): void {
    this.#answered = true;
    if (message.type === "event") {
      this.#options.onEvent(message.event as Event);
      return;
    }
    const waiter = this.#waiters.get(message.id);
    if (waiter === undefined) return;
    this.#waiters.delete(message.id);
    if (message.type === "reply") waiter.resolve(message.reply);
    else waiter.reject(this.#revive(message.failure));
  }

  #revive(failure: ThreadFailure): Error {
    return this.#options.revive?.(failure) ?? new ThreadRequestError(failure);
  }

  #end(exitCode: number): void {
    const why = this.#error === undefined ? `exit code ${String(exitCode)}` : this.#error.message;
    const exit = new ThreadExitError(`thread ${this.#options.name} has ended: ${why}`, {
      cause: this.#error,
    });
    this.#exit = exit;
    for (const waiter of this.#waiters.values()) waiter.reject(exit);
    this.#waiters.clear();
    this.#options.onExit(exitCode, this.#error);
  }
}
