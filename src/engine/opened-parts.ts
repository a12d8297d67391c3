/**
 * What has been opened of a store that is still starting, so that a start that fails halfway leaves
 * no timer, thread, connection or file behind. Files that SQLite locks are closed after the last
 * connection: closing one of them lets go of all locks that this process has on it.
 */
import { describeError, type Log } from "../observability/log.js";

type Close = () => unknown;

export class OpenedParts {
  readonly #log: Log;
  readonly #working: Close[] = [];
  readonly #connections: Close[] = [];
  readonly #files: Close[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** Does something by itself: a timer, a thread. */
  works(stop: Close): void {
    this.#working.push(stop);
  }

  /** A connection to the database. */
  reads(close: Close): void {
    this.#connections.push(close);
  }

  /** A file that is no connection's, closed after all of those. */
  holds(close: Close): void {
    this.#files.push(close);
  }

  /** The newest first. What cannot be stopped is logged, and keeps nothing else open. */
  async stopWorking(): Promise<void> {
    await this.#closeAll(this.#working);
  }

  /** Connections, then files. */
  async letGo(): Promise<void> {
    await this.#closeAll(this.#connections);
    await this.#closeAll(this.#files);
  }

  async #closeAll(parts: Close[]): Promise<void> {
    for (const close of parts.splice(0).reverse()) {
      try {
        await close();
      } catch (cause) {
        this.#log.event("engine.close-failed", { reason: describeError(cause) });
      }
    }
  }
}
