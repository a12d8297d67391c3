/**
 * Ends a start between two of its requests to the file system: at the moment in which the n-th has
 * been answered and nothing that follows from it has begun, what is in the files is taken. The requests
 * of a start come one after the other, so the number says where, whatever the speed of the disk.
 */
import { type AsyncHook, createHook } from "node:async_hooks";

const requestKinds = new Set(["FSREQPROMISE", "FSREQCALLBACK", "FILEHANDLECLOSEREQ"]);

export class OpeningDeath {
  readonly #hook: AsyncHook;
  readonly #requests = new Set<number>();
  #left: number;

  constructor(afterRequests: number, take: () => void) {
    this.#left = afterRequests;
    this.#hook = createHook({
      init: (id, kind) => {
        if (requestKinds.has(kind)) this.#requests.add(id);
      },
      before: (id) => {
        if (!this.#requests.delete(id) || this.#left < 0) return;
        this.#left--;
        if (this.#left < 0) take();
      },
    });
    this.#hook.enable();
  }

  get hasCome(): boolean {
    return this.#left < 0;
  }

  /** It does not come any more. */
  end(): void {
    this.#hook.disable();
  }
}
