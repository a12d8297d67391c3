/**
 * Puts the parts of an open store together: who hands what to whom. Every fault of the writer ends
 * here, in one place: the engine latches, tells its callers, and asks the process to exit.
 */
import type { EngineEvents } from "../observability/events.js";
import { describeError } from "../observability/log.js";
import { EngineError } from "../storage/errors.js";
import type { RecoveryReport } from "../storage/maintenance.js";
import type { Header, Namespace } from "../storage/model.js";
import type { AlarmBoard } from "./alarm-board.js";
import {
  makeHousekeeper,
  makeIntegrity,
  makeMarkKeeper,
  makeNamespaces,
  makeScrubber,
  makeSweeper,
} from "./assemble-upkeep.js";
import { CommitQueue } from "./commit/commit-queue.js";
import type { GroupReply, LatchedFault, Opened } from "./commit/writer-protocol.js";
import type { DiskSpace } from "./disk/disk-space.js";
import { followDisk } from "./disk/follow-disk.js";
import { endEngine } from "./end-engine.js";
import { SqliteEngine } from "./engine.js";
import type { EngineOptions, EnginePorts } from "./engine-options.js";
import type { EngineLife } from "./engine-state.js";
import { EngineTime } from "./engine-time.js";
import type { DamageWatch } from "./integrity/damage-watch.js";
import type { IntegrityChecker } from "./integrity/integrity-check.js";
import { PagePlaces } from "./integrity/page-places.js";
import { LocalMaintenance } from "./local-maintenance.js";
import { namespaceMissing } from "./namespace-admin.js";
import type { OpenedParts } from "./opened-parts.js";
import { LeaseReader } from "./read/lease-reads.js";
import { PointReads } from "./read/point-reads.js";
import { PreviousEntries } from "./read/previous-entries.js";
import { RangeReads } from "./read/range-reads.js";
import { ReaderPool } from "./read/reader-pool.js";
import { ScanPace } from "./read/scan-pace.js";
import { SnapshotRegistry } from "./read/snapshot-registry.js";
import type { HighWaterMark } from "./recovery/high-water-mark.js";
import type { MarkKeeper } from "./recovery/mark-keeper.js";
import type { PreOpenReport } from "./recovery/recover.js";
import { Checkpointer } from "./wal/checkpointer.js";
import { WalIndexReader } from "./wal/wal-index.js";
import { walLimit } from "./wal/wal-limits.js";
import { Watches } from "./watch/watches.js";
import type { WriterLink } from "./writer-link.js";

export interface OpenStore {
  readonly options: EngineOptions;
  readonly ports: EnginePorts;
  readonly events: EngineEvents;
  readonly life: EngineLife;
  readonly alarms: AlarmBoard;
  readonly damage: DamageWatch;
  readonly before: PreOpenReport;
  readonly writer: WriterLink;
  readonly opened: Opened;
  readonly recovery: RecoveryReport;
  readonly mark: HighWaterMark;
  /** For a start that fails from here on; endEngine knows its own order. */
  readonly parts: OpenedParts;
}

export interface AssembledEngine {
  readonly engine: SqliteEngine;
  readonly integrity: IntegrityChecker;
  readonly disk: DiskSpace;
  readonly readers: ReaderPool;
  readonly onWriterExit: (code: number, error: Error | undefined) => void;
}

export function assembleEngine(store: OpenStore): AssembledEngine {
  const { options, ports, life, opened, damage } = store;
  const { clock, log } = ports;
  const identity = { epoch: opened.epoch, nodeId: opened.nodeId, storeId: opened.storeId };
  const time = new EngineTime(clock, opened.timeFloorMs);
  const { pool, points } = makeReads(store, time);
  const snapshots = makeSnapshots(store, () => {
    checkpointer.noteSnapshotsEnded();
  });
  const walIndex = openWalIndex(store);
  const fail = (fault: LatchedFault): void => {
    queue.fail(fault);
  };
  const integrity = makeIntegrity(store, { fail });
  const disk = followDisk(store, { time, fail, points, checkpointer: () => checkpointer });
  const marks = makeMarkKeeper(store, { fail, disk });
  const checkpointer = makeCheckpointer(store, { snapshots, walIndex, integrity, fail, disk });
  const watches = makeWatches(store, {
    identity,
    points,
    pool,
    assertReadable: (namespace) => {
      namespaces.assertReadable(namespace);
    },
  });
  const queue = makeQueue(store, { identity, points, watches, checkpointer, time, marks, disk });
  const writesMustWait = (): boolean => checkpointer.writesMustWait();
  const beside = { points, time, fail, disk, writesMustWait };
  const namespaces = makeNamespaces(store, { ...beside, watches });
  const housekeeper = makeHousekeeper(store, { ...beside, namespaces });
  followDepths(store, queue, pool);
  const parts = {
    pool,
    points,
    snapshots,
    walIndex,
    checkpointer,
    queue,
    integrity,
    sweeper: makeSweeper(store, { points, queue, housekeeper, time }),
    housekeeper,
    marks,
    disk,
    scrubber: makeScrubber(store),
  };
  const maintenance = new LocalMaintenance({ ...store, ...parts, ...ports, identity, namespaces });
  const engine = new SqliteEngine({
    options,
    identity,
    life,
    damage,
    queue,
    points,
    ...makeRanges(store, { pool, points, snapshots, time }),
    watches,
    maintenance,
    namespaces,
    leases: new LeaseReader(points.connection, time),
    writesMustWait,
    disk,
    end: () => endEngine(store, parts),
  });
  const onWriterExit = (code: number, error: Error | undefined): void => {
    if (life.is("closed")) return;
    const message = error === undefined ? `exit code ${code}` : describeError(error);
    log.event("engine.thread-exited", { thread: "writer", exitCode: code, reason: message });
    fail({ kind: "io", code: "WRITER_LOST", message, outcomeUnknown: false });
  };
  return { engine, integrity, disk, readers: pool, onWriterExit };
}

function makeReads(
  { options, ports, damage, life, parts }: OpenStore,
  time: EngineTime,
): { readonly pool: ReaderPool; readonly points: PointReads } {
  const { log, metrics, startThread } = ports;
  const onRepeated = (code: string): void => {
    damage.noteRepeated(code);
  };
  const onLost = (reason: string): void => {
    if (life.is("failed", "closed")) return;
    life.moveTo("failed", reason);
    ports.onFatal({ kind: "thread", reason });
  };
  const pool = new ReaderPool(options, { log, startThread, onRepeated, onLost });
  parts.works(() => pool.close());
  const points = new PointReads(options, { pool, time, metrics, onRepeated });
  parts.reads(() => points.connection.close());
  damage.nameBy(new PagePlaces(options.file, () => points.connection));
  return { pool, points };
}

function openWalIndex({ before, parts }: OpenStore): WalIndexReader {
  const walIndex = WalIndexReader.open(before.files.shm);
  parts.holds(() => {
    walIndex.close();
  });
  return walIndex;
}

function makeRanges(
  { ports }: OpenStore,
  parts: {
    readonly pool: ReaderPool;
    readonly points: PointReads;
    readonly snapshots: SnapshotRegistry;
    readonly time: EngineTime;
  },
): { readonly ranges: RangeReads; readonly pace: ScanPace } {
  const pace = new ScanPace(ports.clock);
  const ranges = new RangeReads({
    ...parts,
    pace,
    clock: ports.clock,
    saw: (namespace, head) => {
      parts.points.saw(namespace, head);
    },
  });
  return { ranges, pace };
}

function makeSnapshots(store: OpenStore, onNoneLeft: () => void): SnapshotRegistry {
  const { clock, log } = store.ports;
  const idleMsMax = store.options.snapshotIdleMsMax;
  const snapshots = new SnapshotRegistry({ clock, log, idleMsMax, onNoneLeft });
  store.parts.works(() => {
    snapshots.close();
  });
  return snapshots;
}

function makeCheckpointer(
  store: OpenStore,
  parts: {
    readonly snapshots: SnapshotRegistry;
    readonly walIndex: WalIndexReader;
    readonly integrity: IntegrityChecker;
    readonly disk: DiskSpace;
    fail(fault: LatchedFault): void;
  },
): Checkpointer {
  const { options, ports, events, before, writer, opened } = store;
  const { snapshots, walIndex, integrity } = parts;
  const { gate } = snapshots;
  const checkpointer = Checkpointer.start(
    options,
    {
      ...ports,
      events,
      run: async (mode) => {
        store.life.assertSound();
        const { raw, fault } = await writer.request({ kind: "checkpoint", mode });
        if (fault !== undefined) parts.fail(fault);
        if (raw.kind === "threw" && raw.code === "SQLITE_FULL") parts.disk.noteFull(raw.code);
        return raw;
      },
      snapshots: {
        count: () => snapshots.count(),
        oldest: () => snapshots.oldest(),
        hold: (forMs) => {
          gate.hold(forMs);
        },
        release: () => {
          gate.release();
        },
        cancelAll: (reason) => snapshots.cancelAll(reason) + integrity.cancel(reason),
      },
      foreignReaders: () => walIndex.foreignReaders(),
      nameOfProcess: (pid) => integrity.nameOfProcess(pid),
    },
    opened.checkpoint.after,
  );
  store.parts.works(() => checkpointer.close());
  checkpointer.noteStartup(opened.checkpoint, before.walBytesFound > 0);
  return checkpointer;
}

function makeQueue(
  store: OpenStore,
  parts: {
    readonly identity: Pick<Header, "epoch" | "nodeId" | "storeId">;
    readonly points: PointReads;
    readonly watches: Watches;
    readonly checkpointer: Checkpointer;
    readonly time: EngineTime;
    readonly marks: MarkKeeper;
    readonly disk: DiskSpace;
  },
): CommitQueue {
  const { options, ports, writer } = store;
  const { clock, random, log } = ports;
  const observe = commitObserver(store);
  return new CommitQueue({
    clock,
    random,
    requestsMax: options.writeQueueRequestsMax,
    busyBudgetMs: options.busyBudgetMs,
    identity: parts.identity,
    send: ({ requests, count, skip }) => {
      const nowMs = parts.time.nowMs();
      const message = { kind: "commit-group", requests, count, skip, nowMs } as const;
      return writer.request(message, [requests.buffer]);
    },
    onWritten: (reply) => {
      parts.marks.note(reply.commitSequence);
      parts.checkpointer.noteCommit(reply.gauge);
    },
    onCommitted: (reply, requests) => {
      parts.points.noteCommit(reply.entries);
      parts.watches.publish(reply.entries);
      observe(reply, requests);
    },
    onBusy: (code) => {
      log.event("engine.file-locked", { code });
    },
    refusalOf: ({ body }) => {
      // What is damaged, or cannot be read, is not written to while the last answers leave.
      if (store.life.is("failed")) return stopped();
      return parts.checkpointer.writesMustWait() ? walLimit() : parts.disk.refusalOf(body);
    },
    onDamage: (refusal) => {
      const pages = store.damage.note(refusal);
      return pages === undefined ? refusal : { ...refusal, facts: { ...refusal.facts, pages } };
    },
    onDiskFull: (code) => {
      parts.disk.noteFull(code);
    },
    onFault: faultHandler(store),
  });
}

function stopped(): EngineError {
  return new EngineError("storage-fault", "the store has stopped", {
    hint: "the write did not happen; the daemon ends and says why in its log, then retry",
  });
}

/** Watches follow the store's life: while it takes no calls, there are none. */
function makeWatches(
  store: OpenStore,
  parts: {
    readonly identity: Pick<Header, "epoch" | "nodeId" | "storeId">;
    readonly points: PointReads;
    readonly pool: ReaderPool;
    assertReadable(namespace: Namespace): void;
  },
): Watches {
  const { options, ports, life, damage } = store;
  const { identity, points, pool } = parts;
  const watches = new Watches({
    ...ports,
    head: (namespace) => {
      life.assertReadable();
      parts.assertReadable(namespace);
      const head = points.namespace(namespace)?.revision;
      if (head === undefined && !options.namespaceAutoCreate) throw namespaceMissing(namespace);
      return head;
    },
    headerAt: (namespace, revision) => ({ namespace, revision, ...identity }),
    readPage: (request) =>
      damage.watching(async () => {
        const page = await pool.pick().request({ kind: "log-page", ...request });
        const last = page.kind === "entries" ? page.entries.at(-1)?.last : undefined;
        if (last !== undefined) points.saw(request.namespace, last);
        return page;
      }),
    previous: new PreviousEntries(points.connection, {
      verifyChecksums: options.verifyChecksumsOnRead,
      onRepeated: (code) => {
        damage.noteRepeated(code);
      },
    }),
  });
  life.onMove(() => {
    watches.recheckAll(() => {
      life.assertReadable();
    });
  });
  return watches;
}

function followDepths(store: OpenStore, queue: CommitQueue, pool: ReaderPool): void {
  const { metrics } = store.ports;
  metrics.counter("startupRecoveries").add(store.opened.recoveries);
  const commits = metrics.gauge("queueDepth", { queue: "commit" });
  const reads = metrics.gauge("queueDepth", { queue: "read" });
  metrics.beforeScrape(() => {
    commits.set(queue.depth.requests);
    reads.set(pool.waiting);
  });
}

/** Fails closed: nothing more is written, checkpointed or closed; the process is asked to exit. */
function faultHandler(store: OpenStore): (fault: LatchedFault) => void {
  const { life, ports } = store;
  return ({ kind, code, message }) => {
    const reason = `${code}: ${message}`;
    life.moveTo("failed", reason);
    ports.log.event("engine.latched", { reason, code, db: store.before.files.database });
    ports.onFatal({ kind, reason });
  };
}

function commitObserver(
  store: OpenStore,
): (reply: GroupReply & { kind: "done" }, requests: number) => void {
  const duration = store.ports.metrics.histogram("commitDuration");
  const size = store.ports.metrics.histogram("groupCommitSize");
  return (reply, requests) => {
    duration.observe(reply.durationMs / 1000);
    size.observe(requests);
  };
}
