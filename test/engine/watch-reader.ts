/** Watches as tests read them: options filled in, events taken one by one, and always ended. */
import type { KeyRange, Namespace, Revision } from "../../src/storage/model.js";
import type {
  WatchBatch,
  WatchEvent,
  WatchOptions,
  WatchStream,
} from "../../src/storage/storage-engine.js";
import type { Ending } from "../support/temp-directory.js";
import { bytesOf, type TempEngine, testNamespace, textOf } from "../support/temp-engine.js";

export const everything: WatchOptions = {
  range: { start: new Uint8Array(0), end: undefined },
  puts: true,
  deletions: true,
  keysOnly: false,
  previous: false,
  progressIntervalMs: undefined,
};

export class WatchReader {
  readonly stream: WatchStream;
  readonly #events: AsyncIterator<WatchEvent>;
  readonly #controller = new AbortController();

  private constructor(temp: TempEngine, watched: Watched) {
    const { from, namespace = testNamespace, ...options } = watched;
    this.stream = temp.engine.watch(
      namespace as Namespace,
      from as Revision | undefined,
      { ...everything, ...options },
      this.#controller.signal,
    );
    this.#events = this.stream[Symbol.asyncIterator]();
  }

  /** Resolves once the watch stands. */
  static async open(ending: Ending, temp: TempEngine, watched: Watched = {}): Promise<WatchReader> {
    const reader = new WatchReader(temp, watched);
    ending.after(() => reader.close());
    const event = await reader.next();
    if (event?.kind !== "standing") throw new Error("the first event says that the watch stands");
    return reader;
  }

  /** Undefined after the end. */
  async next(): Promise<WatchEvent | undefined> {
    const next = await this.#events.next();
    return next.done === true ? undefined : next.value;
  }

  /** Reads on until the revision is dealt with; all batches up to there. */
  async through(revision: bigint): Promise<WatchBatch[]> {
    const batches: WatchBatch[] = [];
    for (;;) {
      const event = await this.next();
      if (event === undefined) throw new Error("the watch ended too early");
      if (event.kind === "batches") batches.push(...event.batches);
      if (event.kind !== "compacted" && event.header.revision >= revision) return batches;
    }
  }

  abort(): void {
    this.#controller.abort();
  }

  async close(): Promise<void> {
    this.abort();
    await this.#events.return?.();
  }
}

export interface Watched extends Partial<WatchOptions> {
  readonly from?: bigint;
  readonly namespace?: string;
}

/** "revision key=value", "revision -key" for a deletion: one text per change. */
export function shownOf(batches: readonly WatchBatch[]): string[] {
  return batches.flatMap(({ revision, changes }) =>
    changes.map(({ key, value }) => {
      const name = textOf(key);
      return value === null ? `${revision} -${name}` : `${revision} ${name}=${textOf(value)}`;
    }),
  );
}

export function rangeOf(start: string, end: string | undefined): KeyRange {
  return { start: bytesOf(start), end: end === undefined ? undefined : bytesOf(end) };
}
