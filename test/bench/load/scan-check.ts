/** Looks at the pages of a scan as they come: every value of the span, each once, in order. */
import { valueBytes, type Workload } from "../workload/keys.js";

export class ScanCheck {
  readonly #workload: Workload;
  readonly #end: number;
  #next: number;

  constructor(workload: Workload, first: number, count: number) {
    this.#workload = workload;
    this.#next = first;
    this.#end = first + count;
  }

  /** How many keys are still to come. */
  get left(): number {
    return this.#end - this.#next;
  }

  get next(): number {
    return this.#next;
  }

  take(page: Buffer): void {
    let from = 0;
    while (this.#next < this.#end) {
      const at = page.indexOf(this.#workload.value(this.#next), from);
      if (at < 0) return;
      from = at + valueBytes;
      this.#next += 1;
    }
  }

  failure(): string | undefined {
    if (this.left === 0) return undefined;
    return `the scan ended before key ${String(this.#next)}, ${String(this.left)} keys early`;
  }
}
