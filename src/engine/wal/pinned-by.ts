/** Who keeps the WAL from being emptied, as far as it can be known. */
import type { CheckpointPin, SnapshotReading } from "../../storage/maintenance.js";
import type { ForeignReader } from "./wal-index.js";

export interface PinSources {
  readonly snapshots: { oldest(): SnapshotReading | undefined };
  /** Readers of other processes, and the name of one that is a child of ours. */
  readonly foreignReaders: () => readonly ForeignReader[];
  readonly nameOfProcess: (pid: number) => string | undefined;
}

/** Our own oldest snapshot first: it is the one we can end. `frame` is where the file stands now. */
export function pinnedBy(frame: number, sources: PinSources): CheckpointPin | undefined {
  const { snapshots, foreignReaders, nameOfProcess } = sources;
  const own = snapshots.oldest();
  if (own !== undefined) {
    const { owner, ageMs } = own;
    return { frame, ageMs, owner, pid: process.pid };
  }
  const [foreign] = foreignReaders();
  if (foreign === undefined) return undefined;
  const { pid } = foreign;
  const owner = nameOfProcess(pid) ?? `process ${String(pid)}`;
  return { frame: foreign.frame, ageMs: 0, owner, pid };
}
