/**
 * Keys by name. What is hot comes from memory; one key, or a few, are read right here on the main
 * thread's read-only connection: a read takes less than the way to another thread. Many keys go to a
 * reader thread. That connection is open for the whole life of the process, which also keeps the
 * writer's from being the last one: whatever ends the process, no hidden close checkpoints after a
 * fault.
 */
import type { Metrics } from "../../observability/metrics.js";
import { mainThreadReadKeysMax } from "../../storage/limits.js";
import type { ConnectionReading } from "../../storage/maintenance.js";
import type { Entry, Key, Namespace, Revision } from "../../storage/model.js";
import { eachPacked, HeldEntry, unpackEntries, unpackEntry } from "../../storage/packed-entries.js";
import type { MaybePromise, PointRead } from "../../storage/storage-engine.js";
import type { EngineOptions } from "../engine-options.js";
import type { EngineTime } from "../engine-time.js";
import type { AppendedEntry } from "../log/local-log.js";
import {
  attest,
  type Connection,
  type OpenConnection,
  openConnection,
} from "../sqlite/connection.js";
import { batchBytes } from "./batch-bytes.js";
import { packKeys } from "./packed-keys.js";
import { readable } from "./readable.js";
import type { ReaderPool } from "./reader-pool.js";
import { readAnew, readTwice } from "./second-look.js";
import { type Head, TableReader } from "./table-reader.js";
import { type Standing, ValueCache } from "./value-cache.js";

/** Undefined head = the namespace does not exist. Entries as such, or all of them packed. */
export type PointsRead = EntriesRead | PackedRead;

interface EntriesRead {
  readonly head: Revision | undefined;
  readonly entries: readonly (Entry | undefined)[];
}

interface PackedRead {
  readonly head: Revision | undefined;
  /** See storage/packed-entries.ts. */
  readonly packed: Uint8Array;
}

/** Several keys as they are at one moment. */
interface BatchRead extends PointRead {
  readonly nowMs: number;
}

/** What the cache knows of a batch. */
interface Known {
  readonly head: Revision;
  readonly entries: (Entry | undefined)[];
  /** Places of the keys that it does not know. */
  readonly missing: readonly number[];
}

interface TableOn {
  readonly connection: Connection;
  readonly table: TableReader;
}

/** Of a batch that a reader thread reads, each so many-th entry is kept. */
const keptOfBatch = 4;
const noValue = new Uint8Array(0);

export class PointReads {
  readonly connection: Connection;
  readonly #open: OpenConnection;
  readonly #verifyChecksums: boolean;
  readonly #reader: TableOn;
  readonly #onRepeated: (code: string) => void;
  readonly #cache: ValueCache;
  readonly #pool: ReaderPool;
  readonly #time: EngineTime;
  readonly #nowMs = (): number => this.#time.nowMs();
  /** Goes round, so that the entries kept of a batch are others the next time. */
  #turn = 0;

  constructor(
    options: EngineOptions,
    ports: {
      readonly pool: ReaderPool;
      readonly time: EngineTime;
      readonly metrics: Metrics;
      onRepeated(code: string): void;
    },
  ) {
    this.#open = { file: options.file, role: "reader", pragmas: options };
    this.#verifyChecksums = options.verifyChecksumsOnRead;
    this.#reader = this.#fresh();
    this.connection = this.#reader.connection;
    this.#onRepeated = (code) => {
      ports.onRepeated(code);
    };
    this.#cache = new ValueCache(options.cacheBytes, ports.metrics);
    this.#pool = ports.pool;
    this.#time = ports.time;
  }

  /** Throws EngineError. */
  read(namespace: Namespace, read: PointRead): MaybePromise<PointsRead> {
    const { keys, at } = read;
    const [key] = keys;
    if (at === undefined && key !== undefined && keys.length === 1) {
      return this.#one(namespace, key, read);
    }
    // One moment for all of them, wherever each is read: what runs out together ends together.
    const batch = { ...read, nowMs: this.#time.nowMs() };
    if (at !== undefined) return this.#uncached(namespace, batch);
    const standing = this.#cache.current(namespace);
    if (standing === undefined) {
      this.#cache.count(0, keys.length);
      return this.#uncached(namespace, batch);
    }
    const known = this.#knownOf(standing, batch);
    const { missing, entries, head } = known;
    this.#cache.count(keys.length - missing.length, missing.length);
    if (missing.length > mainThreadReadKeysMax) return this.#many(namespace, batch, known);
    if (missing.length > 0) {
      const wanted = missing.map((place) => keys[place] as Key);
      const found = this.#few(namespace, { ...batch, keys: wanted });
      // A commit came between: what is known is not of the same moment.
      if (found.head !== head) return this.#uncached(namespace, batch);
      fill(known, found.entries);
    }
    const bound = batchBytes(keys.length);
    for (const entry of entries) bound(entry?.value.length ?? 0);
    return { head, entries };
  }

  /** Undefined = it does not exist. */
  namespace(namespace: Namespace): Head {
    const head = this.#twice((table) => table.head(namespace));
    this.#cache.saw(namespace, head?.revision);
    return head;
  }

  /** Other reads on this connection: what looks damaged is read anew before it is believed. */
  looking<T>(read: () => T): T {
    return readAnew(this.connection, read, this.#onRepeated);
  }

  /** Somebody is about to be shown what was read elsewhere, at this head. */
  saw(namespace: Namespace, head: Revision | undefined): void {
    this.#cache.saw(namespace, head);
  }

  forgetNamespace(namespace: Namespace): void {
    this.#cache.forgetNamespace(namespace);
  }

  /** Before anybody is told of the commit. */
  noteCommit(entries: readonly AppendedEntry[]): void {
    for (const entry of entries) this.#cache.noteCommit(entry);
  }

  attest(): ConnectionReading {
    const pragmas = attest(this.connection, this.#open);
    return { name: "point-reader", role: "reader", thread: "main", pragmas };
  }

  #one(namespace: Namespace, key: Key, read: PointRead): PointsRead {
    const { keysOnly } = read;
    const standing = this.#cache.current(namespace);
    const cached = standing === undefined ? undefined : this.#cache.find(standing, key);
    if (cached !== undefined && standing !== undefined) {
      this.#cache.count(1, 0);
      return { head: standing.told, entries: [asAsked(cached, keysOnly, this.#nowMs)] };
    }
    this.#cache.count(0, 1);
    const nowMs = this.#time.nowMs();
    const found = this.#twice((table) => table.point(namespace, key, { keysOnly, nowMs }));
    const head = found.head?.revision;
    const [entry] = found.entries;
    const now = this.#cache.saw(namespace, head);
    if (entry !== undefined && head !== undefined && now !== undefined && !keysOnly) {
      if (isCacheable(entry)) this.#cache.keep(namespace, now, head, new HeldEntry(entry));
    }
    return { head, entries: found.entries };
  }

  #uncached(namespace: Namespace, read: BatchRead): MaybePromise<PointsRead> {
    if (read.keys.length > mainThreadReadKeysMax) return this.#many(namespace, read, undefined);
    return this.#few(namespace, read);
  }

  #few(namespace: Namespace, read: BatchRead): EntriesRead {
    const { keysOnly, at, keys, nowMs } = read;
    const points = this.#twice((table) => table.points(namespace, keys, { keysOnly, at, nowMs }));
    const head = points.head?.revision;
    const standing = this.#cache.saw(namespace, head);
    this.#keepAll(namespace, standing, { head, entries: points.entries }, read);
    return { head, entries: points.entries };
  }

  async #many(
    namespace: Namespace,
    read: BatchRead,
    known: Known | undefined,
  ): Promise<PointsRead> {
    const before = this.#cache.current(namespace);
    const keys = packKeys(read.keys);
    const asked = this.#pool.pick().request(
      {
        kind: "points",
        namespace,
        keys,
        missing: known && { head: known.head, places: Uint32Array.from(known.missing) },
        keysOnly: read.keysOnly,
        at: read.at,
        nowMs: read.nowMs,
      },
      [keys.buffer],
    );
    const { head, packed, missingOnly } = await readable(asked);
    this.#cache.saw(namespace, head);
    if (before !== undefined && head !== undefined) {
      this.#keepSome(namespace, before, { head, packed }, read);
    }
    if (!missingOnly || known === undefined) return { head, packed };
    fill(known, unpackEntries(packed));
    const bound = batchBytes(read.keys.length);
    for (const entry of known.entries) bound(entry?.value.length ?? 0);
    return { head, entries: known.entries };
  }

  #knownOf(standing: Standing, { keys, keysOnly, nowMs }: BatchRead): Known {
    const missing: number[] = [];
    const entries = keys.map((key, place) => {
      const cached = this.#cache.find(standing, key);
      if (cached === undefined) missing.push(place);
      return cached === undefined ? undefined : asAsked(cached, keysOnly, () => nowMs);
    });
    return { head: standing.told, entries, missing };
  }

  /**
   * Of a large batch only a part is kept: one that never comes again would cost more to keep than to
   * read, and push out what is hot; one that is hot is here after a few times.
   */
  #keepSome(
    namespace: Namespace,
    standing: Standing,
    { head, packed }: PackedRead & { readonly head: Revision },
    { keysOnly, at }: PointRead,
  ): void {
    if (keysOnly || at !== undefined) return;
    eachPacked(packed, ({ from, end }) => {
      if (++this.#turn % keptOfBatch !== 0) return;
      const entry = unpackEntry(packed, from, end);
      if (entry === undefined || !isCacheable(entry)) return;
      this.#cache.keep(namespace, standing, head, new HeldEntry(entry));
    });
  }

  #keepAll(
    namespace: Namespace,
    standing: Standing | undefined,
    { head, entries }: EntriesRead,
    { keysOnly, at }: PointRead,
  ): void {
    if (standing === undefined || head === undefined || keysOnly || at !== undefined) return;
    for (const entry of entries) {
      if (entry === undefined || !isCacheable(entry)) continue;
      this.#cache.keep(namespace, standing, head, new HeldEntry(entry));
    }
  }

  #twice<T>(read: (table: TableReader) => T): T {
    return readTwice(this.#reader, {
      fresh: () => this.#fresh(),
      read: ({ table }) => read(table),
      onRepeated: this.#onRepeated,
    });
  }

  #fresh(): TableOn {
    const connection = openConnection(this.#open);
    const verifyChecksums = this.#verifyChecksums;
    try {
      return { connection, table: new TableReader(connection, { verifyChecksums }) };
    } catch (cause) {
      connection.close();
      throw cause;
    }
  }
}

/** Undefined = it has run out. Most never do, and asking for the time costs as much as finding them. */
function asAsked(entry: Entry, keysOnly: boolean, nowMs: () => number): Entry | undefined {
  const { expiresAtMs } = entry;
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs()) return undefined;
  return keysOnly ? { ...entry, value: noValue } : entry;
}

/** Keeping a lease alive is no commit of its keys: what is bound to one is read each time. */
function isCacheable(entry: Entry): boolean {
  return entry.leaseId === undefined;
}

/** What was read of the same head goes where it was missing. */
function fill({ entries, missing }: Known, found: readonly (Entry | undefined)[]): void {
  for (const [index, place] of missing.entries()) entries[place] = found[index];
}
