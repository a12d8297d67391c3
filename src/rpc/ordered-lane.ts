/**
 * Lets the requests of one stream run together as far as nobody can tell: mutations keep their order
 * in the write queue, so many may be on their way at once; a read waits for the mutations before it,
 * and a mutation for the reads before it.
 */
export type LaneKind = "read" | "write";

interface Waiting {
  readonly kind: LaneKind;
  begin(): void;
}

export class OrderedLane {
  readonly #running: Record<LaneKind, number> = { read: 0, write: 0 };
  readonly #waiting: Waiting[] = [];

  /** Starts at once when it may, and then a plain answer costs no promise. */
  run<T>(kind: LaneKind, start: () => T | Promise<T>): T | Promise<T> {
    if (this.#waiting.length === 0 && this.#mayStart(kind)) return this.#begin(kind, start);
    return new Promise<T>((resolve, reject) => {
      const begin = (): void => {
        try {
          resolve(this.#begin(kind, start));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      this.#waiting.push({ kind, begin });
    });
  }

  #mayStart(kind: LaneKind): boolean {
    return this.#running[kind === "read" ? "write" : "read"] === 0;
  }

  #begin<T>(kind: LaneKind, start: () => T | Promise<T>): T | Promise<T> {
    const result = start();
    if (!(result instanceof Promise)) return result;
    this.#running[kind]++;
    return result.finally(() => {
      this.#running[kind]--;
      this.#next();
    });
  }

  #next(): void {
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      if (!this.#mayStart(head.kind)) return;
      this.#waiting.shift();
      head.begin();
    }
  }
}
