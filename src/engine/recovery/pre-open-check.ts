/**
 * Decides by the bytes on disk whether SQLite may open the files at all. Opening is not harmless:
 * with the database missing or empty, SQLite deletes a good WAL and reports an empty database; with
 * a damaged WAL header it ignores the whole WAL; with a WAL of another file it replays it. None of
 * these is an error to SQLite, and integrity_check says ok after each.
 *
 * The judgement is a pure function over facts. Gathering them opens and closes the files, which is
 * safe only here: no connection exists yet that could lose its locks.
 */
import { open, stat } from "node:fs/promises";
import type { OpenErrorKind } from "../../storage/errors.js";
import type { Synchronous } from "../engine-options.js";
import {
  type DatabaseHeader,
  type DatabaseHeaderReading,
  databaseHeaderBytes,
  readDatabaseHeader,
} from "../sqlite/database-header.js";
import type { CleanMarkerReading } from "./clean-marker.js";
import type { DataFiles } from "./data-directory.js";
import { absentOnly } from "./file-errors.js";
import type { WalScan } from "./wal-tail.js";

/** What makes a database file ours. */
export interface StoreFormat {
  readonly applicationId: number;
  readonly formatVersionMax: number;
}

export interface DatabaseFacts {
  /** Undefined: there is no file. */
  readonly bytes: number | undefined;
  /** Undefined: no file, or an empty one. */
  readonly header: DatabaseHeaderReading | undefined;
  readonly journalBytes: number;
}

export interface PreOpenFacts {
  readonly database: DatabaseFacts;
  readonly wal: WalScan;
  readonly cleanMarker: CleanMarkerReading["kind"];
  /** A high-water mark is there: this directory has held a store. */
  readonly marked: boolean;
  /** The operator accepts that acknowledged writes are gone. */
  readonly acceptLostWrites: boolean;
  /** The weakest level at which commits in this WAL may have been made; undefined = unknown. */
  readonly synchronous: Synchronous | undefined;
}

export type PreOpenVerdict =
  | {
      readonly kind: "open";
      readonly createsNew: boolean;
      /** No WAL belongs to the file yet: it is new, or a copy that SQLite made in one piece. */
      readonly beginsWal: boolean;
      /** Opening will end what the tail of the WAL holds: copy it first. */
      readonly copyWalAside: boolean;
      readonly remarks: readonly string[];
    }
  | {
      readonly kind: "refuse";
      readonly error: OpenErrorKind;
      readonly reason: string;
      readonly hint: string;
      /** False for files that are not ours to copy. */
      readonly quarantine: boolean;
    };

type Refusal = Extract<PreOpenVerdict, { kind: "refuse" }>;

export async function inspectDatabase(files: DataFiles): Promise<DatabaseFacts> {
  const journalBytes = (await stat(files.journal).catch(absentOnly))?.size ?? 0;
  const handle = await open(files.database, "r").catch(absentOnly);
  if (handle === undefined) return { bytes: undefined, header: undefined, journalBytes };
  try {
    const { size } = await handle.stat();
    if (size === 0) return { bytes: 0, header: undefined, journalBytes };
    const start = new Uint8Array(databaseHeaderBytes);
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    return { bytes: size, header: readDatabaseHeader(start.subarray(0, bytesRead)), journalBytes };
  } finally {
    await handle.close();
  }
}

/** Rows of one table, in order: the first that fits decides. Pure. */
export function judgePreOpen(facts: PreOpenFacts, format: StoreFormat): PreOpenVerdict {
  const { database, wal } = facts;
  if (database.bytes === undefined || database.bytes === 0) return judgeMissing(facts);
  if (database.journalBytes > 0 && database.header?.kind !== "valid") {
    return opened({ remarks: ["a rollback journal is there: SQLite rolls it back first"] });
  }
  const reading = database.header;
  if (reading?.kind !== "valid") return refuseHeader(reading);
  const header = reading.header;
  if (header.applicationId !== 0 && header.applicationId !== format.applicationId) {
    return foreign("the database belongs to another application");
  }
  const damage = judgeWal(facts, header);
  if (damage !== undefined) return damage;
  const identity = judgeIdentity(wal.databaseHeader ?? header, format);
  if (identity !== undefined) return identity;
  // A journal that is there knows how long the file was: a first page may have been cut in two.
  if (database.bytes < header.pageBytes && database.journalBytes === 0) {
    return damaged("the database file is shorter than a page", restoreHint);
  }
  // A checkpoint that was under way may have left the file longer or shorter than it will be.
  const size =
    wal.frames === 0 && database.journalBytes === 0 ? judgeSize(database, header) : undefined;
  if (size !== undefined) return size;
  const createsNew = isBlank(wal.databaseHeader ?? header);
  return opened({
    createsNew,
    beginsWal: createsNew || !header.isInWalMode,
    copyWalAside: wal.tail === "ambiguous" || wal.tail === "damaged",
    remarks: remarksOf(facts),
  });
}

function judgeMissing(facts: PreOpenFacts): PreOpenVerdict {
  const { database, wal, cleanMarker, marked } = facts;
  const state = database.bytes === undefined ? "missing" : "empty";
  if (wal.bytes > 0) {
    return damaged(
      `the database file is ${state} beside a WAL of ${String(wal.bytes)} bytes, which SQLite would delete`,
      "put the database file back beside its WAL, or restore a backup",
    );
  }
  if ((cleanMarker !== "absent" || marked) && !facts.acceptLostWrites) {
    return damaged(
      `the database file is ${state}, but a store has been here`,
      "check that the right volume is mounted; to begin anew, use an empty directory",
    );
  }
  const remarks = database.journalBytes > 0 ? ["a rollback journal is there"] : [];
  return opened({ createsNew: true, beginsWal: true, remarks });
}

function refuseHeader(
  reading: Exclude<DatabaseHeaderReading, { kind: "valid" }> | undefined,
): Refusal {
  switch (reading?.kind) {
    case "not-sqlite":
      return foreign("the file is not a SQLite database");
    case "damaged":
      return damaged(`the database header is damaged: ${reading.reason}`, restoreHint);
    case "zeroed":
    case undefined:
      return damaged("the database header is blank", restoreHint);
  }
}

function judgeWal({ wal, synchronous }: PreOpenFacts, header: DatabaseHeader): Refusal | undefined {
  if (wal.header !== undefined && wal.header.pageBytes !== header.pageBytes) {
    return damaged(
      `the WAL has pages of ${String(wal.header.pageBytes)} bytes, the database of ${String(header.pageBytes)}: ` +
        "they do not belong together",
      "put the WAL that belongs to this database back, or restore a backup",
    );
  }
  if (wal.tail !== "damaged") return undefined;
  // At NORMAL and OFF an honest power cut can look like this: it may be what was accepted then.
  const provable = synchronous !== "NORMAL" && synchronous !== "OFF";
  if (wal.header !== undefined && !provable) return undefined;
  return damaged(`the WAL is damaged: ${wal.reason}`, restoreHint);
}

function judgeIdentity(header: DatabaseHeader, format: StoreFormat): Refusal | undefined {
  if (isBlank(header)) return undefined;
  if (header.applicationId !== format.applicationId) {
    return foreign("the file is a SQLite database, but not one of kvdb");
  }
  // Both are written in one transaction, so somebody else has written one of them since.
  if (header.userVersion < 1) {
    return damaged(
      `the database is one of kvdb and says that it has format ${String(header.userVersion)}`,
      restoreHint,
    );
  }
  if (header.userVersion <= format.formatVersionMax) return undefined;
  return {
    kind: "refuse",
    error: "newer-format",
    reason:
      `the database has format ${String(header.userVersion)}; ` +
      `this kvdb knows formats up to ${String(format.formatVersionMax)}`,
    hint: "start the kvdb that wrote it, or a newer one",
    quarantine: false,
  };
}

function judgeSize(database: DatabaseFacts, header: DatabaseHeader): Refusal | undefined {
  const bytes = database.bytes ?? 0;
  if (bytes % header.pageBytes !== 0) {
    return damaged(
      `the database file ends in the middle of a page (${String(bytes)} bytes)`,
      restoreHint,
    );
  }
  if (header.pages !== undefined && header.pages > bytes / header.pageBytes) {
    return damaged(
      `the database file has ${String(bytes / header.pageBytes)} pages, its header says ${String(header.pages)}`,
      restoreHint,
    );
  }
  return undefined;
}

/** Made, but killed before its first table: the same as new. */
function isBlank(header: DatabaseHeader): boolean {
  return header.schemaEmpty && header.applicationId === 0 && header.userVersion === 0;
}

function remarksOf({ database, wal, cleanMarker }: PreOpenFacts): string[] {
  const remarks: string[] = [];
  if (database.journalBytes > 0) remarks.push("a rollback journal is there: SQLite rolls it back");
  if (wal.tail === "ambiguous") remarks.push(`the end of the WAL is doubtful: ${wal.reason}`);
  if (wal.tail === "damaged") {
    remarks.push(`the WAL was not written with FULL sync, so this proves nothing: ${wal.reason}`);
  }
  if (cleanMarker === "unreadable") remarks.push("the marker of the last stop cannot be read");
  return remarks;
}

const restoreHint = "keep the copies in the quarantine directory and restore the last good backup";

function opened(found: {
  readonly createsNew?: boolean;
  readonly beginsWal?: boolean;
  readonly copyWalAside?: boolean;
  readonly remarks: readonly string[];
}): PreOpenVerdict {
  return {
    kind: "open",
    createsNew: found.createsNew ?? false,
    beginsWal: found.beginsWal ?? false,
    copyWalAside: found.copyWalAside ?? false,
    remarks: found.remarks,
  };
}

function damaged(reason: string, hint: string): Refusal {
  return { kind: "refuse", error: "damaged", reason, hint, quarantine: true };
}

function foreign(reason: string): Refusal {
  const hint = "point KVDB_SQLITE_FILE at a kvdb database, or at a file that does not exist yet";
  return { kind: "refuse", error: "foreign", reason, hint, quarantine: false };
}
