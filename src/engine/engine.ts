/**
 * The engine over SQLite: routes each verb to its mechanism, fills the header, and keeps the order
 * in which everything ends. open-engine.ts makes it; nothing else does.
 */
import type { LeaseReads } from "../storage/leases.js";
import type { Maintenance } from "../storage/maintenance.js";
import type { Header, Namespace, Revision, TxnRequest, TxnResult } from "../storage/model.js";
import type { NamespaceAdmin } from "../storage/namespaces.js";
import type {
  CallLimits,
  EngineCaps,
  Outcome,
  Page,
  PageRead,
  PointRead,
  RangeRead,
  StorageEngine,
  WatchOptions,
  WatchStream,
} from "../storage/storage-engine.js";
import type { CommitQueue } from "./commit/commit-queue.js";
import type { DiskSpace } from "./disk/disk-space.js";
import type { EngineOptions } from "./engine-options.js";
import type { EngineLife } from "./engine-state.js";
import type { DamageWatch } from "./integrity/damage-watch.js";
import { type LocalNamespaces, namespaceMissing } from "./namespace-admin.js";
import type { LeaseReader } from "./read/lease-reads.js";
import { PackedPage, PackedPoints } from "./read/packed-page.js";
import type { PointReads, PointsRead } from "./read/point-reads.js";
import type { PageOfRange, RangeReads } from "./read/range-reads.js";
import type { ScanPace } from "./read/scan-pace.js";
import { walLimit } from "./wal/wal-limits.js";
import type { Watches } from "./watch/watches.js";

export interface EngineParts {
  readonly options: EngineOptions;
  readonly identity: Pick<Header, "epoch" | "nodeId" | "storeId">;
  readonly life: EngineLife;
  readonly damage: DamageWatch;
  readonly queue: CommitQueue;
  readonly points: PointReads;
  readonly ranges: RangeReads;
  readonly pace: ScanPace;
  readonly watches: Watches;
  readonly maintenance: Maintenance;
  readonly namespaces: LocalNamespaces;
  readonly leases: LeaseReader;
  /** True while the WAL is at its hard limit and cannot be given back. */
  writesMustWait(): boolean;
  readonly disk: DiskSpace;
  /** Ends everything in order; called once. */
  end(): Promise<void>;
}

export class SqliteEngine implements StorageEngine {
  readonly caps: EngineCaps;
  readonly maintenance: Maintenance;
  readonly namespaces: NamespaceAdmin;
  readonly leases: LeaseReads;
  readonly #parts: EngineParts;
  #last: Header | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.caps = {
      valueBytesMax: parts.options.valueBytesMax,
      readsHistory: true,
      spansNamespaces: false,
    };
    this.maintenance = parts.maintenance;
    this.namespaces = parts.namespaces;
    this.leases = {
      get: (namespace, leaseId, keysMax) => {
        this.#assertReadable(namespace);
        const { ns, header } = this.#namespace(namespace);
        const info =
          ns === undefined
            ? undefined
            : this.#looking(() => parts.leases.get(ns, leaseId, keysMax));
        // Its keys may be those of a later moment than the header's, and are shown now.
        this.#namespace(namespace);
        return { header, info };
      },
      list: (namespace, page) => {
        this.#assertReadable(namespace);
        const { ns, header } = this.#namespace(namespace);
        const leases = ns === undefined ? [] : this.#looking(() => parts.leases.list(ns, page));
        return { header, leases };
      },
    };
  }

  commit(request: TxnRequest, call: CallLimits): Promise<Outcome<TxnResult>> {
    this.#parts.life.assertWritable();
    if (this.#parts.writesMustWait()) throw walLimit();
    this.#parts.disk.assertRoomFor(request.body);
    this.#parts.pace.noteCall();
    return this.#parts.queue.commit(request, call);
  }

  get(namespace: Namespace, read: PointRead): ReturnType<StorageEngine["get"]> {
    this.#assertReadable(namespace);
    this.#parts.pace.noteCall();
    const found = this.#parts.damage.watching(() => this.#parts.points.read(namespace, read));
    if (found instanceof Promise) return found.then((late) => this.#points(namespace, late));
    return this.#points(namespace, found);
  }

  async list(namespace: Namespace, read: PageRead, call: CallLimits): Promise<Page> {
    this.#assertReadable(namespace);
    this.#parts.pace.noteCall();
    const page = this.#parts.damage.watching(() => this.#parts.ranges.page(namespace, read, call));
    const { header, entries, more, count } = this.#page(namespace, await page);
    return { header, entries, more, count };
  }

  async *scan(
    namespace: Namespace,
    read: RangeRead,
    owner: string,
    call: CallLimits,
  ): AsyncIterable<Page> {
    this.#assertReadable(namespace);
    try {
      for await (const page of this.#parts.ranges.scan(namespace, read, owner, call)) {
        yield this.#page(namespace, page);
      }
    } catch (cause) {
      throw this.#parts.damage.noted(cause);
    }
  }

  watch(
    namespace: Namespace,
    from: Revision | undefined,
    options: WatchOptions,
    signal: AbortSignal,
  ): WatchStream {
    return this.#parts.watches.open(namespace, from, options, signal);
  }

  head(namespace: Namespace): Header {
    return this.#namespace(namespace).header;
  }

  close(): Promise<void> {
    this.#closed ??= this.#parts.end();
    return this.#closed;
  }

  #looking<T>(read: () => T): T {
    const { damage, points } = this.#parts;
    return damage.watching(() => points.looking(read));
  }

  #assertReadable(namespace: Namespace): void {
    this.#parts.life.assertReadable();
    this.#parts.namespaces.assertReadable(namespace);
  }

  #namespace(namespace: Namespace): { readonly ns: number | undefined; readonly header: Header } {
    this.#parts.life.assertReadable();
    const found = this.#parts.damage.watching(() => this.#parts.points.namespace(namespace));
    return { ns: found?.ns, header: this.#header(namespace, found?.revision) };
  }

  #points(namespace: Namespace, found: PointsRead): Awaited<ReturnType<StorageEngine["get"]>> {
    const header = this.#header(namespace, found.head);
    if ("packed" in found) return new PackedPoints(header, found.packed);
    return { header, entries: found.entries };
  }

  #page(namespace: Namespace, page: PageOfRange): Page {
    return new PackedPage(this.#header(namespace, page.head), page);
  }

  /** A namespace that is not there yet reads as empty where a write would make it. */
  #header(namespace: Namespace, head: Revision | undefined): Header {
    if (head === undefined && !this.#parts.options.namespaceAutoCreate) {
      throw namespaceMissing(namespace);
    }
    const revision = head ?? (0n as Revision);
    // One header for all reads of one head: whoever encodes it need not do so again.
    if (this.#last?.namespace === namespace && this.#last.revision === revision) return this.#last;
    const { epoch, nodeId, storeId } = this.#parts.identity;
    this.#last = { namespace, revision, epoch, nodeId, storeId };
    return this.#last;
  }
}
