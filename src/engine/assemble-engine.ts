/**
 * Puts the parts of an open store together: who hands what to whom. Every fault of the writer ends
 * here, in one place: the engine latches, tells its callers, and asks the process to exit.
 */
import type { EngineEvents } from "../observability/events.js";
import { describeError } from "../observability/log.js";
import type { RecoveryReport } from "../storage/maintenance.js";
import type { AlarmBoard } from "./alarm-board.js";
import { CommitQueue } from "./commit/commit-queue.js";
import type { GroupReply, LatchedFault, Opened } from "./commit/writer-protocol.js";
import { endEngine } from "./end-engine.js";
import { SqliteEngine } from "./engine.js";
import type { EngineOptions, EnginePorts } from "./engine-options.js";
import type { EngineLife } from "./engine-state.js";
import { IntegrityChecker } from "./integrity/integrity-check.js";
import { LocalMaintenance } from "./local-maintenance.js";
import { LocalNamespaces } from "./namespace-admin.js";
import { PointReads } from "./read/point-reads.js";
import { RangeReads } from "./read/range-reads.js";
import { ReaderPool } from "./read/reader-pool.js";
import { SnapshotRegistry } from "./read/snapshot-registry.js";
import type { PreOpenReport } from "./recovery/recover.js";
import { Checkpointer } from "./wal/checkpointer.js";
import { WalIndexReader } from "./wal/wal-index.js";
import type { WriterLink } from "./writer-link.js";

export interface OpenStore {
  readonly options: EngineOptions;
  readonly ports: EnginePorts;
  readonly events: EngineEvents;
  readonly life: EngineLife;
  readonly alarms: AlarmBoard;
  readonly before: PreOpenReport;
  readonly writer: WriterLink;
  readonly opened: Opened;
  readonly recovery: RecoveryReport;
}

export interface AssembledEngine {
  readonly engine: SqliteEngine;
  readonly integrity: IntegrityChecker;
  onWriterExit(code: number, error: Error | undefined): void;
}

export function assembleEngine(store: OpenStore): AssembledEngine {
  const { options, ports, events, life, alarms, before, writer, opened } = store;
  const { clock, log, metrics, random } = ports;
  const identity = { epoch: opened.epoch, nodeId: opened.nodeId, storeId: opened.storeId };
  const onFault = faultHandler(store);
  const pool = ReaderPool.start({ ...options, file: before.files.database }, log);
  const points = new PointReads(
    { ...options, file: before.files.database },
    { pool, clock, metrics },
  );
  const snapshots = new SnapshotRegistry({ clock, log, idleMsMax: options.snapshotIdleMsMax });
  const walIndex = WalIndexReader.open(before.files.shm);
  const checkpointer = Checkpointer.start(
    options,
    {
      run: async (mode) => {
        const { raw, fault } = await writer.request({ kind: "checkpoint", mode });
        if (fault !== undefined) queue.fail(fault);
        return raw;
      },
      snapshots: {
        count: () => snapshots.count(),
        oldest: () => snapshots.oldest(),
        cancelAll: (reason) => snapshots.cancelAll(reason) + integrity.cancel(reason),
      },
      foreignReaders: () => walIndex.foreignReaders(),
      nameOfProcess: (pid) => integrity.nameOfProcess(pid),
      clock,
      random,
      log,
      metrics,
      events,
    },
    opened.checkpoint.after,
  );
  checkpointer.noteStartup(opened.checkpoint, before.walBytesFound > 0);
  const observe = commitObserver(store);
  const queue = new CommitQueue({
    clock,
    random,
    requestsMax: options.writeQueueRequestsMax,
    busyBudgetMs: options.busyBudgetMs,
    identity,
    send: ({ requests, count, skip, nowMs }) =>
      writer.request({ kind: "commit-group", requests, count, skip, nowMs }, [requests.buffer]),
    onCommitted: (reply, requests) => {
      points.noteCommit(reply.entries);
      checkpointer.noteCommit(reply.gauge);
      observe(reply, requests);
    },
    onBusy: (code) => {
      log.event("engine.file-locked", { code });
    },
    onDiskFull: (code) => {
      log.event("engine.disk-full", { code });
    },
    onFault,
  });
  const namespaces = new LocalNamespaces({
    connection: points.connection,
    clock,
    log,
    create: (name, settings, nowMs) =>
      writer.request({ kind: "create-namespace", name, settings, nowMs }),
    onFault: (fault) => {
      queue.fail(fault);
    },
  });
  const integrity = new IntegrityChecker({
    file: before.files.database,
    failuresBefore: opened.integrityFailures,
    countFailure: () => writer.request({ kind: "count-integrity-failure", nowMs: clock.wallMs() }),
    clock,
    log,
    metrics,
    events,
  });
  metrics.counter("startupRecoveries").add(opened.recoveries);
  const depth = metrics.gauge("queueDepth", { queue: "commit" });
  const reads = metrics.gauge("queueDepth", { queue: "read" });
  metrics.beforeScrape(() => {
    depth.set(queue.depth.requests);
    reads.set(pool.waiting);
  });
  const ranges = new RangeReads({ pool, snapshots, clock });
  const maintenance = new LocalMaintenance({
    clock,
    files: before.files,
    identity,
    opened,
    recovery: store.recovery,
    life,
    events,
    writer,
    queue,
    points,
    pool,
    namespaces,
    checkpointer,
    integrity,
    walIndex,
    snapshots,
    alarms: () => [...alarms.list(), ...[checkpointer.alarm() ?? []].flat()],
  });
  const parts = { pool, points, snapshots, walIndex, checkpointer, queue, integrity };
  const engine = new SqliteEngine({
    options,
    clock,
    identity,
    life,
    queue,
    points,
    ranges,
    maintenance,
    namespaces,
    writesMustWait: () => checkpointer.writesMustWait(),
    end: () => endEngine(store, parts),
  });
  return {
    engine,
    integrity,
    onWriterExit: (code, error) => {
      if (life.state === "closed") return;
      const message = error === undefined ? `exit code ${code}` : describeError(error);
      log.event("engine.thread-exited", { thread: "writer", exitCode: code, reason: message });
      queue.fail({ kind: "io", code: "WRITER_LOST", message, outcomeUnknown: false });
    },
  };
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
