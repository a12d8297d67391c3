/** Everything an operator may ask about the WAL, measured at the moment of the question. */
import { closeSync, openSync, readSync } from "node:fs";
import type { SnapshotReading, WalStatus } from "../../storage/maintenance.js";
import { readWalHeader, type WalHeader, walHeaderBytes } from "../sqlite/wal-format.js";
import type { Checkpointer } from "./checkpointer.js";
import type { WalIndexReader } from "./wal-index.js";

export interface WalStatusSources {
  readonly walFile: string;
  readonly index: WalIndexReader;
  readonly checkpointer: Checkpointer;
  readonly snapshots: { list(): readonly SnapshotReading[] };
}

export function walStatus(sources: WalStatusSources): WalStatus {
  const index = sources.index.read();
  const header = walHeaderOf(sources.walFile);
  return {
    ...sources.checkpointer.status(),
    frames: index?.frames ?? 0,
    framesBackfilled: index?.framesBackfilled ?? 0,
    salts: index?.salts ?? [0, 0],
    checkpointSequence: header?.checkpointSequence ?? 0,
    readMarks: index?.readMarks ?? [],
    snapshots: sources.snapshots.list(),
  };
}

/**
 * Undefined when the WAL is empty. Unlike the database and its `-shm`, the `-wal` carries no locks,
 * so closing a descriptor of it takes nothing away from SQLite.
 */
function walHeaderOf(walFile: string): WalHeader | undefined {
  const bytes = new Uint8Array(walHeaderBytes);
  let descriptor: number;
  try {
    descriptor = openSync(walFile, "r");
  } catch {
    // No WAL yet, or none any more: the status says so by its zeros.
    return undefined;
  }
  try {
    readSync(descriptor, bytes, 0, walHeaderBytes, 0);
  } finally {
    closeSync(descriptor);
  }
  const reading = readWalHeader(bytes);
  return reading.kind === "valid" ? reading.header : undefined;
}
