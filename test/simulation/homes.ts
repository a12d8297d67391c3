/** Where each life of a simulated engine has its files. A life that ends leaves the next one a copy. */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

export class Homes {
  readonly #root: string;
  #lives = 1;
  /** There is a copy that a lie has made, older than the files are. */
  #isStale = false;

  constructor(root: string) {
    this.#root = root;
    mkdirSync(this.present, { recursive: true, mode: 0o700 });
  }

  get present(): string {
    return this.#at(this.#lives);
  }

  /** Made by `leave`. */
  get next(): string {
    return this.#at(this.#lives + 1);
  }

  /** Everything that is in the files at this moment is all that the next life will find. */
  leave(): void {
    copyStore(this.#isStale ? this.#stale : this.present, this.next);
  }

  /** The next life begins. */
  move(): void {
    this.#lives++;
    this.#isStale = false;
  }

  /** What is left will be the files as they are now. */
  keepStale(): void {
    rmSync(this.#stale, { recursive: true, force: true });
    copyStore(this.present, this.#stale);
    this.#isStale = true;
  }

  get #stale(): string {
    return join(this.#root, "stale");
  }

  #at(life: number): string {
    return join(this.#root, `life-${String(life)}`);
  }
}

export function fileIn(directory: string): string {
  return join(directory, "kv.db");
}

/** The files as they are; the shared memory of a process that is gone is not among them. */
function copyStore(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (file) => !file.endsWith("-shm") });
}
