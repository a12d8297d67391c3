/**
 * Hot entries on the main thread, bounded in bytes. It can never serve a stale value: an entry is
 * used only while the namespace's head, read from the file in the same call, is the head up to which
 * this thread has been told of every change; and a change takes its key out of here.
 */
import { LRUCache } from "lru-cache";
import { binaryText } from "../../foundation/bytes.js";
import type { Metrics } from "../../observability/metrics.js";
import type { Entry, Key, Namespace, Revision } from "../../storage/model.js";
import type { AppendedEntry } from "../log/local-log.js";
import { decodeBatches } from "../record/entry-codec.js";

/** What an entry costs beside its key and value: objects, map slots, numbers. */
const entryOverheadBytes = 400;
/** One entry may take at most this share of the cache. */
const largestShare = 1 / 16;

export class ValueCache {
  readonly #entries: LRUCache<string, Entry>;
  readonly #known = new Map<Namespace, Revision>();
  readonly #hits;
  readonly #misses;

  constructor(bytesMax: number, metrics: Metrics) {
    this.#entries = new LRUCache<string, Entry>({
      maxSize: Math.max(bytesMax, 1),
      maxEntrySize: Math.max(Math.floor(bytesMax * largestShare), 1),
      sizeCalculation: (entry) => entry.key.length + entry.value.length + entryOverheadBytes,
    });
    this.#hits = metrics.counter("cacheHits");
    this.#misses = metrics.counter("cacheMisses");
    const ratio = metrics.gauge("cacheHitRatio");
    metrics.beforeScrape(() => {
      ratio.set(this.#total === 0 ? 0 : this.#hit / this.#total);
    });
  }

  #hit = 0;
  #total = 0;

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** The entry as it is at `head`; `readHead` is asked only when there is something to serve. */
  get(
    namespace: Namespace,
    key: Key,
    readHead: () => Revision | undefined,
  ): { readonly head: Revision; readonly entry: Entry } | undefined {
    this.#total++;
    const entry = this.#entries.get(nameOf(namespace, key));
    const head = entry === undefined ? undefined : readHead();
    if (entry === undefined || head === undefined || head !== this.#known.get(namespace)) {
      this.#misses.add();
      return undefined;
    }
    this.#hit++;
    this.#hits.add();
    return { head, entry };
  }

  /** What was just read from the file at `head`. */
  keep(namespace: Namespace, head: Revision, entry: Entry): void {
    if (!this.#known.has(namespace)) this.#known.set(namespace, head);
    this.#entries.set(nameOf(namespace, entry.key), entry);
  }

  /** Nothing of it is served until it is read from the file again. */
  forgetNamespace(namespace: Namespace): void {
    this.#known.delete(namespace);
    const prefix = `${namespace}/`;
    for (const name of this.#entries.keys()) {
      if (name.startsWith(prefix)) this.#entries.delete(name);
    }
  }

  /** A commit of this namespace is on disk: what it changed is taken out. */
  noteCommit(appended: AppendedEntry): void {
    if (!this.#known.has(appended.namespace)) return;
    this.#known.set(appended.namespace, appended.last);
    if (this.#entries.size === 0) return;
    for (const batch of decodeBatches(appended.payload)) {
      for (const change of batch.changes) {
        this.#entries.delete(nameOf(appended.namespace, change.key));
      }
    }
  }
}

function nameOf(namespace: Namespace, key: Key): string {
  return `${namespace}/${binaryText(key)}`;
}
