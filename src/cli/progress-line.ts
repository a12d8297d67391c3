/**
 * How far something has come, on stderr: one line that draws over itself on a terminal, a plain line
 * now and then elsewhere.
 */
import type { Clock } from "../foundation/clock.js";
import type { Output } from "./output.js";

const redrawMs = 100;
const plainLineMs = 2_000;

export class ProgressLine {
  readonly #out: Output;
  readonly #clock: Clock;
  readonly #everyMs: number;
  #shownAtMs: number | undefined;
  #drawn = false;

  constructor(out: Output, clock: Clock) {
    this.#out = out;
    this.#clock = clock;
    this.#everyMs = out.noteColumns === undefined ? plainLineMs : redrawMs;
  }

  /** Shows the text, unless the last one is too fresh; `text` is asked only when it is shown. */
  show(text: (columns: number | undefined) => string): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#shownAtMs !== undefined && nowMs - this.#shownAtMs < this.#everyMs) return;
    this.#shownAtMs = nowMs;
    this.#draw(text(this.#out.noteColumns));
  }

  /** Leaves a last text standing, or clears the line. */
  end(text?: string): void {
    if (this.#drawn) this.#out.draw("\r\u001b[K");
    this.#drawn = false;
    if (text !== undefined) this.#out.note(text);
  }

  #draw(text: string): void {
    const { noteColumns } = this.#out;
    if (noteColumns === undefined) {
      this.#out.note(text);
      return;
    }
    // A line that wraps could not be drawn over.
    this.#out.draw(`\r\u001b[K${text.slice(0, Math.max(0, noteColumns - 1))}`);
    this.#drawn = true;
  }
}
