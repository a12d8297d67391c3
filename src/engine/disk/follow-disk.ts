/** The state of the disk in its surroundings: what it asks of the store, and who is told of it. */
import { statfsSync, statSync } from "node:fs";
import { describeError } from "../../observability/log.js";
import { refusalOf } from "../../storage/errors.js";
import type { OpenStore } from "../assemble-engine.js";
import type { AdminMessage } from "../commit/writer-admin.js";
import type { AdminReply, LatchedFault } from "../commit/writer-protocol.js";
import type { EngineTime } from "../engine-time.js";
import type { PointReads } from "../read/point-reads.js";
import { ReserveFile } from "../recovery/reserve-file.js";
import type { Connection } from "../sqlite/connection.js";
import type { Checkpointer } from "../wal/checkpointer.js";
import { walLimit } from "../wal/wal-limits.js";
import { DiskSpace } from "./disk-space.js";

export interface DiskSurroundings {
  readonly time: EngineTime;
  readonly points: PointReads;
  /** Asked for when it is needed: the two know each other. */
  checkpointer(): Checkpointer;
  fail(fault: LatchedFault): void;
}

export function followDisk(store: OpenStore, parts: DiskSurroundings): DiskSpace {
  const { options, ports, alarms, life, before, writer } = store;
  const { directory, database, reserve } = before.files;
  const pageBytes = pragmaOf(parts.points.connection, "page_size");
  const ask = async (message: Asked): Promise<AdminReply> => {
    const reply = await writer.request({ ...message, nowMs: parts.time.nowMs() });
    if (reply.kind === "latched") parts.fail(reply.fault);
    return reply;
  };
  const disk = new DiskSpace({
    ...ports,
    alarms,
    reserve: new ReserveFile(reserve, ports.random),
    reserveBytes: options.diskReserveBytes,
    space: () => {
      const { bavail, blocks, bsize } = statfsSync(directory);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    },
    usable: () => !life.is("failed", "closed"),
    relieve: () => parts.checkpointer().relieve(),
    growthBytes: () => {
      const pages = pragmaOf(parts.points.connection, "page_count");
      return Math.max(0, pages * pageBytes - statSync(database).size);
    },
    vacuumSlice: async (pagesMax) => {
      const reply = await ask({ kind: "vacuum-slice", pagesMax });
      return reply.kind !== "done" || reply.finished;
    },
    probe: async () => (await ask({ kind: "probe-write" })).kind === "done",
    onChange: (reason) => {
      life.remark(reason);
    },
    onFault: (cause) => {
      const message = describeError(cause);
      parts.fail({ kind: "io", code: "DISK_RESERVE", message, outcomeUnknown: false });
    },
  });
  store.parts.works(() => disk.close());
  return disk;
}

type Asked =
  | { readonly kind: "vacuum-slice"; readonly pagesMax: number }
  | { readonly kind: "probe-write" };

function pragmaOf(connection: Connection, name: "page_size" | "page_count"): number {
  return connection.pragma(name, { simple: true }) as number;
}

/** What the writer is asked beside groups; a full disk that it meets is the store's to know. */
export function askingWriter(
  store: OpenStore,
  { disk, writesMustWait }: { readonly disk: DiskSpace; readonly writesMustWait: () => boolean },
): (message: AdminMessage) => Promise<AdminReply> {
  return async (message) => {
    if (writesMustWait()) return { kind: "refused", refusal: refusalOf(walLimit()) };
    const reply = await store.writer.request(message);
    if (reply.kind === "refused" && reply.refusal.kind === "disk-full") {
      disk.noteFull("SQLITE_FULL");
    }
    return reply;
  };
}
