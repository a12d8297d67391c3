/** What happened, step by step, as lines: their digest is the trace of a seed, their end is shown. */
import { createHash } from "node:crypto";
import { crc32c } from "../../src/foundation/crc32c.js";
import { canonical } from "../support/canonical.js";

const linesKept = 40;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #tail: string[] = [];
  /** All lines, where two traces are to be compared. */
  readonly lines: string[] | undefined;
  #muted = false;

  constructor(options: { readonly keepsAll: boolean }) {
    this.lines = options.keepsAll ? [] : undefined;
  }

  /** From here on nothing is told: what a dead process would still do is of no interest. */
  mute(muted: boolean): void {
    this.#muted = muted;
  }

  note(line: string): void {
    if (this.#muted) return;
    this.#hash.update(line).update("\n");
    this.lines?.push(line);
    this.#tail.push(line);
    if (this.#tail.length > linesKept) this.#tail.shift();
  }

  /** The digest of everything that was noted; ends the trace. */
  end(): string {
    return this.#hash.digest("hex");
  }

  get tail(): readonly string[] {
    return this.#tail;
  }
}

/** Short, and the same for what says the same. Where an error was thrown says nothing. */
export function digestOf(value: unknown): string {
  return crc32c(Buffer.from(canonical(value))).toString(16);
}
