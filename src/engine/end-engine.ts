/**
 * The end of a store, in the one order that leaves nothing behind: no new work, the queue, the
 * snapshots and checks, the readers, the final checkpoint, then the guard, and the writer last,
 * because only the close of the last read-write connection takes the WAL files away. After a fault
 * nothing of this happens: a checkpoint would write pages that the disk may have lost.
 */
import { statSync } from "node:fs";
import { describeError } from "../observability/log.js";
import type { CheckpointRecord } from "../storage/maintenance.js";
import type { OpenStore } from "./assemble-engine.js";
import type { CommitQueue } from "./commit/commit-queue.js";
import type { DiskSpace } from "./disk/disk-space.js";
import type { ExpirySweeper } from "./expiry/expiry-sweeper.js";
import type { Housekeeper } from "./housekeeper.js";
import type { IntegrityChecker } from "./integrity/integrity-check.js";
import type { Scrubber } from "./integrity/scrubber.js";
import type { PointReads } from "./read/point-reads.js";
import type { ReaderPool } from "./read/reader-pool.js";
import type { SnapshotRegistry } from "./read/snapshot-registry.js";
import { writeCleanMarker } from "./recovery/clean-marker.js";
import type { MarkKeeper } from "./recovery/mark-keeper.js";
import type { Checkpointer } from "./wal/checkpointer.js";
import type { WalIndexReader } from "./wal/wal-index.js";

export interface EndingParts {
  readonly pool: ReaderPool;
  readonly points: PointReads;
  readonly snapshots: SnapshotRegistry;
  readonly walIndex: WalIndexReader;
  readonly checkpointer: Checkpointer;
  readonly queue: CommitQueue;
  readonly integrity: IntegrityChecker;
  readonly sweeper: ExpirySweeper;
  readonly housekeeper: Housekeeper;
  readonly marks: MarkKeeper;
  readonly disk: DiskSpace;
  readonly scrubber: Scrubber;
}

export async function endEngine(store: OpenStore, parts: EndingParts): Promise<void> {
  const { life, writer } = store;
  life.drain("the store is closing");
  await parts.sweeper.close();
  await parts.housekeeper.close();
  await parts.scrubber.close();
  await parts.disk.close();
  await parts.queue.drained();
  await parts.integrity.close();
  parts.snapshots.close();
  await parts.pool.close();
  if (life.is("failed")) return store.mark.close();
  const last = await lastCheckpoint(store, parts);
  if (life.is("failed")) return store.mark.close();
  parts.points.connection.close();
  const { commitSequence } = await writer.request({ kind: "close" });
  life.moveTo("closed", "the store is closed");
  await writer.terminate();
  parts.walIndex.close();
  store.damage.close();
  const emptied = last.outcome === "TRUNCATED" || last.outcome === "NOTHING_TO_DO";
  const clean = emptied && sizeOf(store.before.files.wal) === 0;
  await leaveMarks(store, parts.marks, { commitSequence, clean });
  store.before.lock.release();
}

/** A stop that finds the disk full uses the reserve: the next start makes it again. */
async function lastCheckpoint(
  { options, life }: OpenStore,
  { checkpointer, disk }: EndingParts,
): Promise<CheckpointRecord> {
  const last = await checkpointer.finish(options.busyBudgetMs);
  const again = last.code === "SQLITE_FULL" && !life.is("failed") && disk.giveUpReserve();
  return again ? checkpointer.finish(options.busyBudgetMs) : last;
}

async function leaveMarks(
  { before, opened, ports }: OpenStore,
  marks: MarkKeeper,
  { commitSequence, clean }: { readonly commitSequence: bigint; readonly clean: boolean },
): Promise<void> {
  const { storeId, epoch } = opened;
  const atMs = ports.clock.wallMs();
  try {
    await marks.close(commitSequence);
    if (clean) await writeCleanMarker(before.files, { storeId, epoch, commitSequence, atMs });
  } catch (cause) {
    // The data is closed and on disk. Without these the next start only knows less, or checks more.
    ports.log.event("engine.close-failed", { reason: describeError(cause) });
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
