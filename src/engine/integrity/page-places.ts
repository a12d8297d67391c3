/**
 * The pages that damage is on, for people who have to find it on a disk: a page's number times its
 * size is its place in the database file. Only the file is looked at and not the WAL, whose frames
 * carry checksums of SQLite's own; a row that only the WAL holds has no page here.
 *
 * The file is opened once and kept open: closing any descriptor of a database drops SQLite's locks
 * in the process. So close() comes after the last connection is closed.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { damagePagesReadMax, damagePagesShownMax } from "../../storage/limits.js";
import type { Connection } from "../sqlite/connection.js";
import { readDatabaseHeader } from "../sqlite/database-header.js";
import { brokenPage, type PageSource, pagesOfRow } from "../sqlite/page-walk.js";
import { prepareNumber } from "../sqlite/statements.js";

export type DamagedPlace =
  /** A row that was read. */
  | { readonly kind: "row"; readonly table: string; readonly rowId: bigint }
  /** A table or an index that could not be read behind a row, or from its beginning. */
  | { readonly kind: "behind"; readonly tree: string; readonly rowId: bigint | undefined }
  /** A page of whatever a read of keys needs. */
  | { readonly kind: "somewhere" };

const treesOfReads = ["kv", "sqlite_autoindex_kv_1", "namespace", "lease", "log"];

const reservedAt = 20;
const headerBytes = 108;

export class PagePlaces {
  readonly #file: string;
  readonly #connection: () => Connection;
  #descriptor: number | undefined;

  /** The connection is asked where a table begins. */
  constructor(file: string, connection: () => Connection) {
    this.#file = file;
    this.#connection = connection;
  }

  /**
   * The pages, as "17" or "17, 20-34"; undefined = not known. Reads so many pages at most, and never
   * throws: it only adds to a report of damage, and what it reads is damaged.
   */
  textOf(place: DamagedPlace): string | undefined {
    try {
      const source = this.#source();
      if (source === undefined) return undefined;
      if (place.kind === "row") return this.#ofRow(source, place);
      const trees = place.kind === "behind" ? [place.tree] : treesOfReads;
      const after = place.kind === "behind" ? place.rowId : undefined;
      const pagesMax = Math.floor(damagePagesReadMax / trees.length);
      for (const tree of trees) {
        const root = this.#rootOf(tree);
        const page = root === undefined ? root : brokenPage(source, root, { after, pagesMax });
        if (page !== undefined) return `${page}`;
      }
      return undefined;
    } catch {
      // The schema itself may be what is damaged; the report then names no page.
      return undefined;
    }
  }

  /** Twice is fine. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #ofRow(source: PageSource, place: DamagedPlace & { kind: "row" }): string | undefined {
    const root = this.#rootOf(place.table);
    if (root === undefined) return undefined;
    const look = { rowId: place.rowId, overflowMax: damagePagesReadMax };
    const found = pagesOfRow(source, root, look);
    if (found === undefined) return undefined;
    return `${rangesText([found.leaf, ...found.overflow])}${found.whole ? "" : ", …"}`;
  }

  #rootOf(name: string): number | undefined {
    const sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
    return prepareNumber<[string]>(this.#connection(), sql).get(name);
  }

  #source(): PageSource | undefined {
    this.#descriptor ??= openSync(this.#file, "r");
    const descriptor = this.#descriptor;
    const head = Buffer.alloc(headerBytes);
    readSync(descriptor, head, 0, headerBytes, 0);
    const reading = readDatabaseHeader(head);
    if (reading.kind !== "valid") return undefined;
    const { pageBytes } = reading.header;
    return {
      pages: Math.floor(fstatSync(descriptor).size / pageBytes),
      usableBytes: pageBytes - head.readUInt8(reservedAt),
      read: (page) => {
        const bytes = Buffer.alloc(pageBytes);
        try {
          const read = readSync(descriptor, bytes, 0, pageBytes, (page - 1) * pageBytes);
          return read === pageBytes ? bytes : undefined;
        } catch {
          // The disk cannot read it: that is the page that is looked for.
          return undefined;
        }
      },
    };
  }
}

/** Pages in their order, neighbours joined: a chain mostly lies in one piece. */
export function rangesText(pages: readonly number[]): string {
  const ranges: { readonly from: number; to: number }[] = [];
  for (const page of pages) {
    const last = ranges.at(-1);
    if (last !== undefined && page === last.to + 1) last.to = page;
    else ranges.push({ from: page, to: page });
  }
  const shown = ranges
    .slice(0, damagePagesShownMax)
    .map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  return ranges.length > shown.length ? `${shown.join(", ")}, …` : shown.join(", ");
}
