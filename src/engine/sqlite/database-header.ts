/**
 * The first hundred bytes of a SQLite database file, and the one fact behind them that start-up
 * needs: whether the schema is still empty.
 */
import { isPageSize, viewOf } from "./wal-format.js";

/** The file header and the start of the schema's b-tree page. */
export const databaseHeaderBytes = 108;

const magic = "SQLite format 3\0";
const leafTablePage = 0x0d;
/** Of the format in which the file is written and read: 1 = rollback journal, 2 = WAL. */
const walVersion = 2;

export interface DatabaseHeader {
  readonly pageBytes: number;
  /** The size the header states, in pages; undefined when an older SQLite left it stale. */
  readonly pages: number | undefined;
  readonly userVersion: number;
  readonly applicationId: number;
  /** False: a copy that SQLite made in one piece (VACUUM INTO), or a file that was never a store. */
  readonly isInWalMode: boolean;
  /** True: no table was ever made in it. */
  readonly schemaEmpty: boolean;
}

export type DatabaseHeaderReading =
  | { readonly kind: "valid"; readonly header: DatabaseHeader }
  /** The file starts with zeros where the magic should be: blanked, not written by somebody else. */
  | { readonly kind: "zeroed" }
  | { readonly kind: "not-sqlite" }
  /** The magic is there; what follows cannot be. */
  | { readonly kind: "damaged"; readonly reason: string };

/** Reads page 1, or as much of its start as there is. */
export function readDatabaseHeader(bytes: Uint8Array): DatabaseHeaderReading {
  const start = bytes.subarray(0, magic.length);
  if (start.length > 0 && start.every((byte) => byte === 0)) return { kind: "zeroed" };
  if (Buffer.from(start).toString("latin1") !== magic) return { kind: "not-sqlite" };
  if (bytes.length < databaseHeaderBytes) return { kind: "damaged", reason: "the header is cut" };
  const view = viewOf(bytes);
  const stored = view.getUint16(16);
  const pageBytes = stored === 1 ? 65_536 : stored;
  if (!isPageSize(pageBytes)) return { kind: "damaged", reason: "the page size is impossible" };
  // The page count is only kept up by a SQLite that also writes "version valid for".
  const counted = view.getUint32(24) === view.getUint32(92);
  return {
    kind: "valid",
    header: {
      pageBytes,
      pages: counted ? view.getUint32(28) : undefined,
      userVersion: view.getInt32(60),
      applicationId: view.getInt32(68),
      isInWalMode: view.getUint8(18) === walVersion && view.getUint8(19) === walVersion,
      schemaEmpty: view.getUint8(100) === leafTablePage && view.getUint16(103) === 0,
    },
  };
}
