/**
 * Keeps the high-water mark beside a running store: after a commit has returned its number is
 * written, at most every so often. Losses of the last moments before a crash can go unnoticed by it;
 * what it names has certainly been on disk.
 */
import type { Cancel, Clock } from "../../foundation/clock.js";
import { highWaterMarkMs } from "../../storage/limits.js";
import type { Epoch, StoreId } from "../../storage/model.js";
import { isNoSpace } from "./file-errors.js";
import type { HighWaterMark } from "./high-water-mark.js";

export interface MarkKeeperPorts {
  readonly mark: HighWaterMark;
  readonly clock: Clock;
  readonly storeId: StoreId;
  readonly epoch: Epoch;
  /** There is no room for the mark: it is written again, and again, until there is. */
  onNoSpace(): void;
  /** The disk failed under the mark: nothing it says later can be trusted. */
  onError(cause: unknown): void;
}

export class MarkKeeper {
  readonly #ports: MarkKeeperPorts;
  #newest: bigint;
  #written: bigint;
  #cancel: Cancel | undefined;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(ports: MarkKeeperPorts, commitSequence: bigint) {
    this.#ports = ports;
    this.#newest = commitSequence;
    this.#written = commitSequence - 1n;
    this.#schedule();
  }

  /** This commit has returned. */
  note(commitSequence: bigint): void {
    this.#newest = commitSequence;
    if (this.#cancel === undefined) this.#schedule();
  }

  /** Writes the last commit and closes the file. Not after a fault. Twice is fine. */
  async close(commitSequence: bigint): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel?.();
    await this.#writing;
    this.#newest = commitSequence;
    await this.#write();
    await this.#ports.mark.close();
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancel = this.#ports.clock.after(highWaterMarkMs, () => {
      this.#writing = this.#write().then(
        () => {
          this.#cancel = undefined;
          if (this.#newest !== this.#written) this.#schedule();
        },
        (cause: unknown) => {
          this.#cancel = undefined;
          if (isNoSpace(cause)) {
            this.#ports.onNoSpace();
            this.#schedule();
            return;
          }
          this.#closed = true;
          this.#ports.onError(cause);
        },
      );
    });
  }

  async #write(): Promise<void> {
    const commitSequence = this.#newest;
    if (commitSequence === this.#written) return;
    const { mark, storeId, epoch, clock } = this.#ports;
    await mark.write({ storeId, epoch, commitSequence, atMs: clock.wallMs() });
    this.#written = commitSequence;
  }
}
