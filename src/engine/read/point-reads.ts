/**
 * Keys by name. One key, or a few, are read right here on the main thread's read-only connection: a
 * read takes less than the way to another thread. Many keys go to a reader thread. That connection
 * is open for the whole life of the process, which also keeps the writer's from being the last one:
 * whatever ends the process, no hidden close checkpoints after a fault.
 */
import type { Metrics } from "../../observability/metrics.js";
import { mainThreadReadKeysMax } from "../../storage/limits.js";
import type { ConnectionReading } from "../../storage/maintenance.js";
import type { Entry, Key, Namespace, Revision } from "../../storage/model.js";
import type { MaybePromise, PointRead } from "../../storage/storage-engine.js";
import type { EngineOptions } from "../engine-options.js";
import type { EngineTime } from "../engine-time.js";
import type { AppendedEntry } from "../log/local-log.js";
import { decodeEntries } from "../record/page-codec.js";
import {
  attest,
  type Connection,
  type OpenConnection,
  openConnection,
} from "../sqlite/connection.js";
import { isLive } from "../state/kv-row.js";
import { readable } from "./readable.js";
import type { ReaderPool } from "./reader-pool.js";
import { readAnew, readTwice } from "./second-look.js";
import { type Head, TableReader } from "./table-reader.js";
import { ValueCache } from "./value-cache.js";

/** Undefined head = the namespace does not exist. */
export interface PointsRead {
  readonly head: Revision | undefined;
  readonly entries: readonly (Entry | undefined)[];
}

interface TableOn {
  readonly connection: Connection;
  readonly table: TableReader;
}

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
    const [key] = read.keys;
    if (key !== undefined && read.keys.length === 1) return this.#one(namespace, key, read);
    if (read.keys.length > mainThreadReadKeysMax) return this.#many(namespace, read);
    return this.#few(namespace, read);
  }

  /** Undefined = it does not exist. */
  namespace(namespace: Namespace): Head {
    return this.#twice((table) => table.head(namespace));
  }

  /** Other reads on this connection: what looks damaged is read anew before it is believed. */
  looking<T>(read: () => T): T {
    return readAnew(this.connection, read, this.#onRepeated);
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

  #few(namespace: Namespace, read: PointRead): PointsRead {
    const { keysOnly, at, keys } = read;
    const nowMs = this.#time.nowMs();
    const points = this.#twice((table) => table.points(namespace, keys, { keysOnly, at, nowMs }));
    return { head: points.head?.revision, entries: points.entries };
  }

  #one(namespace: Namespace, key: Key, read: PointRead): PointsRead {
    if (read.at !== undefined) return this.#few(namespace, read);
    const nowMs = this.#time.nowMs();
    const cached = this.#cache.get(namespace, key, () => this.namespace(namespace)?.revision);
    if (cached !== undefined) {
      const { entry, head } = cached;
      const asked = read.keysOnly ? { ...entry, value: noValue } : entry;
      return {
        head,
        entries: [isLive({ ...entry, leaseDeadlineMs: undefined }, nowMs) ? asked : undefined],
      };
    }
    const { keysOnly } = read;
    const { head, entries } = this.#twice((table) =>
      table.point(namespace, key, { keysOnly, nowMs }),
    );
    const [entry] = entries;
    // Keeping a lease alive is no commit of its keys: what is bound to one is read each time.
    const cacheable = entry?.leaseId === undefined && !keysOnly;
    if (entry !== undefined && head !== undefined && cacheable) {
      this.#cache.keep(namespace, head.revision, entry);
    }
    return { head: head?.revision, entries };
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
    return { connection, table: new TableReader(connection, { verifyChecksums }) };
  }

  async #many(namespace: Namespace, read: PointRead): Promise<PointsRead> {
    const asked = this.#pool.pick().request({
      kind: "points",
      namespace,
      keys: read.keys.map((key) => new Uint8Array(key) as Key),
      keysOnly: read.keysOnly,
      at: read.at,
      nowMs: this.#time.nowMs(),
    });
    const reply = await readable(asked);
    return { head: reply.head, entries: decodeEntries(reply.entries) };
  }
}
