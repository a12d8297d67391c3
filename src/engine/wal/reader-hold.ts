/**
 * Our own readers, one after the other without a gap, keep the WAL from being reset though each of
 * them is short. After some runs in a row that met one, new ones are made to wait for a moment: a
 * gap that is made for the checkpoint.
 */
import { checkpointAttemptsBeforeHold, snapshotHoldMsMax } from "../../storage/limits.js";
import type { CheckpointRecord } from "../../storage/maintenance.js";

export interface HeldReaders {
  count(): number;
  /** New ones wait, for this long at most, or until release(). */
  hold(forMs: number): void;
  release(): void;
}

export class ReaderHold {
  readonly #readers: HeldReaders;
  /** Runs in a row after which a reader of ours still kept the WAL from being reset. */
  #heldUp = 0;
  #holding = false;

  constructor(readers: HeldReaders) {
    this.#readers = readers;
  }

  get holding(): boolean {
    return this.#holding;
  }

  /** After every run. */
  note(record: CheckpointRecord): void {
    const met = this.#readers.count() > 0;
    this.#heldUp = met && record.outcome !== "FAILED" ? this.#heldUp + 1 : 0;
    if (this.#heldUp < checkpointAttemptsBeforeHold) return;
    this.#heldUp = 0;
    this.begin();
  }

  begin(): void {
    this.#holding = true;
    this.#readers.hold(snapshotHoldMsMax);
  }

  /** When the climb that followed the last reader's end is over, whatever came of it. */
  letIn(): void {
    if (!this.#holding || this.#readers.count() > 0) return;
    this.#holding = false;
    this.#readers.release();
  }
}
