/**
 * Hot entries on the main thread, bounded in bytes. It answers without a look at the file, and yet
 * shows nothing older than what anybody has seen: the reasons are in
 * docs/decisions/0025-cache-at-the-told-head.md, the bookkeeping is Standing.
 */
import { LRUCache } from "lru-cache";
import type { Metrics } from "../../observability/metrics.js";
import { keyBytesMax } from "../../storage/limits.js";
import type { Entry, Key, Namespace, Revision } from "../../storage/model.js";
import type { AppendedEntry } from "../log/local-log.js";
import { eachChangedKey } from "../record/entry-codec.js";

/** What an entry costs beside its key and value: objects, map slots, numbers. Measured. */
const entryOverheadBytes = 640;
/** One entry may take at most this share of the cache. */
const largestShare = 1 / 16;
/** Stands before each key in the cache, so that namespaces share nothing. */
const prefixBytes = 6;

/**
 * What this thread knows of one life of a namespace. Entries are right at every revision from the
 * one they were read at up to `told`, because what a told commit changed was taken out.
 */
export class Standing {
  readonly prefix: number;
  /** Every commit up to here was told, or lies before whatever is kept. */
  told: Revision;
  /** The highest head that any read has shown to anybody. */
  seen: Revision;

  constructor(prefix: number, head: Revision) {
    this.prefix = prefix;
    this.told = head;
    this.seen = head;
  }
}

export class ValueCache {
  readonly #entries: LRUCache<string, Entry>;
  readonly #standings = new Map<Namespace, Standing>();
  readonly #name = Buffer.alloc(prefixBytes + keyBytesMax);
  /** Whose prefix stands before the key now. */
  #named: Standing | undefined;
  #prefixes = 0;
  #hits = 0;
  #misses = 0;

  constructor(bytesMax: number, metrics: Metrics) {
    this.#entries = new LRUCache<string, Entry>({
      maxSize: Math.max(bytesMax, 1),
      maxEntrySize: Math.max(Math.floor(bytesMax * largestShare), 1),
      // The key lies in the entry, and in the name under which that is found.
      sizeCalculation: ({ key, value }) => 2 * key.length + value.length + entryOverheadBytes,
    });
    followCounts(metrics, () => ({ hits: this.#hits, misses: this.#misses }));
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /**
   * Undefined = nothing of this namespace may be answered from here now: nothing is known of it, or a
   * read has shown a commit that this thread was not told of yet.
   */
  current(namespace: Namespace): Standing | undefined {
    const standing = this.#standings.get(namespace);
    return standing !== undefined && standing.told >= standing.seen ? standing : undefined;
  }

  /** The entry as it is at the standing's told head. The standing is the current one. */
  find(standing: Standing, key: Key): Entry | undefined {
    return this.#entries.get(this.#nameOf(standing, key));
  }

  /** How many keys a read found here, and how many it did not. */
  count(hits: number, misses: number): void {
    this.#hits += hits;
    this.#misses += misses;
  }

  /**
   * A read shows this head, and is about to show what it read; undefined = there is no namespace.
   * Whatever is answered from here on is not older.
   */
  saw(namespace: Namespace, head: Revision | undefined): Standing | undefined {
    const standing = this.#standings.get(namespace);
    if (head === undefined) {
      this.forgetNamespace(namespace);
      return undefined;
    }
    if (standing === undefined) return this.#begin(namespace, head);
    if (head > standing.seen) standing.seen = head;
    return standing;
  }

  /**
   * Keeps what was read at `head`. Whoever read it elsewhere passes the standing of before: a commit
   * or an end of the namespace that was told meanwhile makes it worthless. The entry owns its bytes.
   */
  keep(namespace: Namespace, standing: Standing, head: Revision, entry: Entry): void {
    if (head < standing.told || this.#standings.get(namespace) !== standing) return;
    this.#entries.set(this.#nameOf(standing, entry.key), entry);
  }

  /** What is kept of it can be found no more, and goes as others need the room. */
  forgetNamespace(namespace: Namespace): void {
    this.#standings.delete(namespace);
  }

  /** A commit of this namespace is on disk, and nobody was told of it: what it changed is taken out. */
  noteCommit({ namespace, first, last, payload }: AppendedEntry): void {
    const standing = this.#standings.get(namespace);
    if (standing === undefined || first > standing.told + 1n) {
      // With a revision missing between, nothing that is kept can be trusted.
      this.#begin(namespace, last);
      return;
    }
    if (last > standing.told) standing.told = last;
    if (this.#entries.size === 0) return;
    eachChangedKey(payload, (key) => this.#entries.delete(this.#nameOf(standing, key)));
  }

  #begin(namespace: Namespace, head: Revision): Standing {
    const standing = new Standing(++this.#prefixes, head);
    this.#standings.set(namespace, standing);
    return standing;
  }

  /** One character per byte. The native call costs the same for any key; a loop here would not. */
  #nameOf(standing: Standing, key: Key): string {
    if (this.#named !== standing) {
      this.#named = standing;
      this.#name.writeUIntLE(standing.prefix, 0, prefixBytes);
    }
    this.#name.set(key, prefixBytes);
    return this.#name.toString("latin1", 0, prefixBytes + key.length);
  }
}

/** Counted as plain numbers, because a counter's own addition costs as much as a look-up here. */
function followCounts(
  metrics: Metrics,
  counts: () => { readonly hits: number; readonly misses: number },
): void {
  const hits = metrics.counter("cacheHits");
  const misses = metrics.counter("cacheMisses");
  const ratio = metrics.gauge("cacheHitRatio");
  let told = { hits: 0, misses: 0 };
  metrics.beforeScrape(() => {
    const now = counts();
    hits.add(now.hits - told.hits);
    misses.add(now.misses - told.misses);
    const total = now.hits + now.misses;
    ratio.set(total === 0 ? 0 : now.hits / total);
    told = now;
  });
}
