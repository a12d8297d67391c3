/**
 * The reader threads: who is asked next, how many may wait, and a new thread for one that died. A
 * request that was lost with its thread is a read, so it can simply be asked again by its caller.
 */

import type { ThreadFailure } from "../../foundation/thread-host.js";
import { type StartThread, ThreadExitError, ThreadLink } from "../../foundation/thread-link.js";
import { describeError, type Log } from "../../observability/log.js";
import { EngineError, type EngineErrorKind, type RefusalFacts } from "../../storage/errors.js";
import { readerStartsMax, readQueueRequestsMax } from "../../storage/limits.js";
import type { ConnectionReading } from "../../storage/maintenance.js";
import type { EngineOptions } from "../engine-options.js";
import type { FromReader, ReaderReplies, ReaderStart, ToReader } from "./reader-protocol.js";

export type ReaderLink = ThreadLink<ToReader, ReaderReplies, FromReader>;

export interface ReaderPoolPorts {
  readonly log: Log;
  readonly startThread: StartThread;
  /** A read of a thread failed once and was right the second time. */
  onRepeated(code: string): void;
  /** There are no threads for readers, and no more are tried. */
  onLost(reason: string): void;
}

export class ReaderPool {
  readonly #options: EngineOptions;
  readonly #ports: ReaderPoolPorts;
  readonly #links: ReaderLink[] = [];
  #started = 0;
  /** Threads in a row that ended with an error before they said anything. */
  #stillborn = 0;
  #lost = false;
  #closing = false;

  constructor(options: EngineOptions, ports: ReaderPoolPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /**
   * Starts the threads. Not at construction: a store serves before its readers have loaded, and
   * whoever needs one earlier starts them by asking. Twice is fine.
   */
  start(): void {
    if (this.#started > 0 || this.#closing) return;
    for (let count = 0; count < this.#options.readerThreads; count++) this.#add();
  }

  get waiting(): number {
    return this.#links.reduce((sum, link) => sum + link.pending, 0);
  }

  /**
   * The thread with the least to do. Throws "overloaded" when too much waits already, "storage-fault"
   * when no thread can be started.
   */
  pick(): ReaderLink {
    if (this.waiting >= readQueueRequestsMax) {
      throw new EngineError("overloaded", "too many reads wait for a reader thread", {
        hint: "retry after a pause; run fewer scans at once",
        facts: { limit: "read_queue_requests", max: `${readQueueRequestsMax}` },
      });
    }
    this.start();
    if (this.#lost) throw noThreads();
    const first = this.#links[0];
    if (first === undefined || this.#closing) throw new ThreadExitError("the readers are closed");
    return this.#links.reduce(
      (least, link) => (link.pending < least.pending ? link : least),
      first,
    );
  }

  async attest(): Promise<ConnectionReading[]> {
    this.start();
    const all = await Promise.all(this.#links.map((link) => link.request({ kind: "attest" })));
    return all.flat();
  }

  /** Closes every connection, then ends the threads. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(
      this.#links.map(async (link) => {
        // A thread that is gone has closed its connections already.
        await link.request({ kind: "close" }).catch((cause: unknown) => {
          if (!(cause instanceof ThreadExitError)) throw cause;
        });
        await link.terminate();
      }),
    );
    this.#links.length = 0;
  }

  #add(): void {
    if (this.#lost) return;
    try {
      this.#links.push(this.#startThread(`reader-${this.#started + 1}`));
      this.#started++;
    } catch (cause) {
      this.#lose(describeError(cause));
    }
  }

  #lose(reason: string): void {
    this.#lost = true;
    this.#ports.onLost(`no reader thread can be started: ${reason}`);
  }

  #startThread(name: string): ReaderLink {
    const start: ReaderStart = { options: this.#options, name };
    const link: ReaderLink = ThreadLink.start<ToReader, ReaderReplies, FromReader>({
      name,
      startThread: this.#ports.startThread,
      entry: new URL("./reader-thread.js", import.meta.url),
      workerData: start,
      onEvent: ({ code }) => {
        this.#ports.onRepeated(code);
      },
      onExit: (exitCode, error) => {
        this.#replace(link, { name, exitCode, error });
      },
      revive: reviveEngineError,
    });
    return link;
  }

  #replace(
    link: ReaderLink,
    exit: { readonly name: string; readonly exitCode: number; readonly error: Error | undefined },
  ): void {
    if (this.#closing) return;
    this.#links.splice(this.#links.indexOf(link), 1);
    this.#ports.log.event("engine.thread-exited", {
      thread: exit.name,
      exitCode: exit.exitCode,
      reason: exit.error?.message,
    });
    const works = this.#links.some(({ hasAnswered }) => hasAnswered);
    if (exit.error === undefined || link.hasAnswered || works) this.#stillborn = 0;
    else if (++this.#stillborn >= readerStartsMax) this.#lose(describeError(exit.error));
    this.#add();
  }
}

function noThreads(): EngineError {
  return new EngineError("storage-fault", "the store has stopped: it has no thread to read with", {
    hint: "nothing was changed; the daemon restarts, then retry",
  });
}

/** What a thread refused becomes the same refusal here; anything else stays what it was. */
export function reviveEngineError(failure: ThreadFailure): Error {
  const { kind, hint, facts } = failure.fields as {
    kind?: EngineErrorKind;
    hint?: string;
    facts?: RefusalFacts;
  };
  if (failure.name === "EngineError" && kind !== undefined) {
    return new EngineError(kind, failure.message, {
      hint: hint ?? "",
      facts: facts ?? {},
    });
  }
  const error = new Error(`${failure.name}: ${failure.message}`);
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
