/** What operators may ask: measured now, on the connection or file it is about. */
import { statfsSync, statSync } from "node:fs";
import type { Cancel } from "../foundation/clock.js";
import type { EngineEvents } from "../observability/events.js";
import { namespacesMax } from "../storage/limits.js";
import type {
  Alarm,
  CheckpointMode,
  CheckpointRecord,
  CompactionReport,
  EngineEvent,
  EngineState,
  EngineStatus,
  IntegrityMode,
  IntegrityProgress,
  IntegrityReport,
  Maintenance,
  PragmaStatus,
  RecoveryReport,
  VacuumProgress,
  WalStatus,
} from "../storage/maintenance.js";
import type { Header, Namespace, Revision } from "../storage/model.js";
import type { NamespaceAdmin } from "../storage/namespaces.js";
import type { AlarmBoard } from "./alarm-board.js";
import type { CommitQueue } from "./commit/commit-queue.js";
import type { Opened } from "./commit/writer-protocol.js";
import type { EngineLife } from "./engine-state.js";
import { followEvents } from "./event-stream.js";
import type { Housekeeper } from "./housekeeper.js";
import type { IntegrityChecker } from "./integrity/integrity-check.js";
import type { Scrubber } from "./integrity/scrubber.js";
import type { PointReads } from "./read/point-reads.js";
import type { ReaderPool } from "./read/reader-pool.js";
import type { SnapshotRegistry } from "./read/snapshot-registry.js";
import type { PreOpenReport } from "./recovery/recover.js";
import { formatVersion } from "./sqlite/schema.js";
import type { Checkpointer } from "./wal/checkpointer.js";
import type { WalIndexReader } from "./wal/wal-index.js";
import { walStatus } from "./wal/wal-status.js";
import type { WriterLink } from "./writer-link.js";

export interface MaintenanceParts {
  readonly before: PreOpenReport;
  readonly identity: Pick<Header, "epoch" | "nodeId" | "storeId">;
  readonly opened: Opened;
  readonly recovery: RecoveryReport;
  readonly life: EngineLife;
  readonly events: EngineEvents;
  readonly writer: WriterLink;
  readonly queue: CommitQueue;
  readonly points: PointReads;
  readonly pool: ReaderPool;
  readonly namespaces: NamespaceAdmin;
  readonly checkpointer: Checkpointer;
  readonly integrity: IntegrityChecker;
  readonly housekeeper: Housekeeper;
  readonly walIndex: WalIndexReader;
  readonly snapshots: SnapshotRegistry;
  readonly alarms: AlarmBoard;
  readonly scrubber: Scrubber;
}

/** Said with every reading, because the word promises more than the mode gives. */
const synchronousNote =
  "synchronous is per connection; EXTRA syncs the WAL at every commit exactly as FULL does, and " +
  "adds a directory sync when a rollback journal is deleted";

export class LocalMaintenance implements Maintenance {
  readonly #parts: MaintenanceParts;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  status(): EngineStatus {
    this.#parts.life.assertOpen();
    const { before, life, identity, opened, queue, recovery } = this.#parts;
    const { files } = before;
    const disk = statfsSync(files.directory);
    const pages = (pragma: string): number =>
      this.#parts.points.connection.pragma(pragma, { simple: true }) as number;
    return {
      state: life.state,
      reason: life.reason,
      ...identity,
      sqliteVersion: opened.sqliteVersion,
      formatVersion,
      databaseBytes: sizeOf(files.database),
      walBytes: sizeOf(files.wal),
      freelistBytes: pages("freelist_count") * pages("page_size"),
      diskFreeBytes: disk.bavail * disk.bsize,
      diskTotalBytes: disk.blocks * disk.bsize,
      heads: this.#parts.namespaces
        .list({ after: "", rowsMax: namespacesMax })
        .map(({ name, head }) => ({ namespace: name, head })),
      alarms: this.#alarms(),
      recovery,
      scrub: this.#parts.scrubber.status(),
      queue: queue.depth,
    };
  }

  onState(listener: (state: EngineState, reason: string) => void): Cancel {
    return this.#parts.life.onMove(listener);
  }

  async probe(): Promise<void> {
    this.#parts.life.assertReadable();
    this.#parts.points.connection.prepare("SELECT count(*) FROM store").get();
    await this.#parts.writer.request({ kind: "ping" });
  }

  async pragmas(): Promise<PragmaStatus> {
    this.#parts.life.assertOpen();
    const { writer, points, pool, opened } = this.#parts;
    const [ofWriter, ofReaders] = await Promise.all([
      writer.request({ kind: "attest" }),
      pool.attest(),
    ]);
    return {
      connections: [ofWriter, points.attest(), ...ofReaders],
      compileOptions: opened.compileOptions,
      note: synchronousNote,
    };
  }

  wal(): WalStatus {
    const { checkpointer, walIndex: index, snapshots, before } = this.#parts;
    return walStatus({ walFile: before.files.wal, index, checkpointer, snapshots });
  }

  compact(namespace: Namespace, upTo: Revision): Promise<CompactionReport> {
    return this.#parts.housekeeper.compact(namespace, upTo);
  }

  vacuum(signal: AbortSignal): AsyncIterable<VacuumProgress> {
    return this.#parts.housekeeper.vacuum(signal);
  }

  async checkpoint(mode: CheckpointMode): Promise<CheckpointRecord> {
    this.#parts.life.assertSound();
    return this.#parts.checkpointer.request(mode);
  }

  checkIntegrity(
    mode: IntegrityMode,
    signal: AbortSignal,
  ): AsyncIterable<IntegrityProgress | IntegrityReport> {
    return this.#parts.integrity.check(mode, signal);
  }

  lastIntegrityReport(): IntegrityReport | undefined {
    return this.#parts.integrity.lastReport();
  }

  events(after: number, signal: AbortSignal): AsyncIterable<EngineEvent> {
    return followEvents(this.#parts.events, after, signal);
  }

  drain(reason: string): void {
    this.#parts.life.drain(reason);
  }

  resume(): void {
    this.#parts.life.resume();
  }

  #alarms(): Alarm[] {
    const growth = this.#parts.checkpointer.alarm();
    return [...this.#parts.alarms.list(), ...(growth === undefined ? [] : [growth])];
  }
}

/** `stat` is the one thing that may be done to these files while connections are open. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
