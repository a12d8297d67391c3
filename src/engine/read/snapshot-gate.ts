/**
 * Readers that follow each other without a gap keep the WAL from ever being reset, as one reader that
 * never ends would. So now and then new snapshots are made to wait for a moment, until the old ones
 * have ended and the WAL was reset, or the moment is over.
 */
import type { Cancel, Clock } from "../../foundation/clock.js";

export class SnapshotGate {
  readonly #clock: Clock;
  #open: Promise<void> | undefined;
  #letIn: () => void = () => undefined;
  #cancel: Cancel = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who comes from now on waits, for this long at most. */
  hold(forMs: number): void {
    if (this.#open !== undefined) return;
    this.#open = new Promise((resolve) => {
      this.#letIn = resolve;
    });
    this.#cancel = this.#clock.after(forMs, () => {
      this.release();
    });
  }

  /** Whoever waits goes on. Twice is fine. */
  release(): void {
    this.#cancel();
    this.#open = undefined;
    this.#letIn();
  }

  /** Undefined = go on at once. */
  passed(): Promise<void> | undefined {
    return this.#open;
  }
}
