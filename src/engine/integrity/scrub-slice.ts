/**
 * One slice of the scrubber's walk: a few rows of a table with their checksums and their way through
 * the unique index, or a few entries of an index with their way back. A slice is one statement, and
 * nothing is held open after it, so it pins the WAL for as long as it runs and no longer.
 */
import { int64Max, int64Min } from "../../storage/limits.js";
import { keyHashOf } from "../record/row-checksum.js";
import type { Connection } from "../sqlite/connection.js";
import { isSqliteError } from "../sqlite/result-codes.js";
import {
  type IndexRow,
  type IndexValue,
  type IndexWalk,
  indexAfterSql,
  indexWalks,
} from "../sqlite/scrub-statements.js";
import { prepareRows } from "../sqlite/statements.js";
import { type TableWalk, tableWalks } from "./checksum-walk.js";
import type { DamagedPlace } from "./page-places.js";

/** Where the walk goes on: the step, and what the last row or entry of the slice before was. */
export interface ScrubPlace {
  readonly step: number;
  /** Empty = from the beginning of the step. */
  readonly after: readonly IndexValue[];
}

export interface ScrubFinding {
  readonly table: string;
  readonly rowId: string;
  readonly problem: string;
  readonly place: DamagedPlace;
  /** Of the key, for rows and entries that have one. */
  readonly keyHash: string | undefined;
}

export interface ScrubSlice {
  /** Undefined: this was the last slice of the pass. */
  readonly next: ScrubPlace | undefined;
  readonly rows: number;
  readonly bytes: number;
  readonly findings: readonly ScrubFinding[];
}

export interface SliceBounds {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

export const scrubSteps: readonly string[] = [
  ...tableWalks.map(({ table }) => `rows of ${table}`),
  ...indexWalks.map(({ table }) => `index of ${table}`),
];

/** A place as it was kept. Undefined: another version walks in other steps, or by other columns. */
export function placeIn(step: string, after: readonly IndexValue[]): ScrubPlace | undefined {
  const index = scrubSteps.indexOf(step);
  if (index < 0) return undefined;
  const walk = indexWalks[index - tableWalks.length];
  const fits =
    walk === undefined
      ? after.length === 1 && typeof after[0] === "bigint"
      : after.length === walk.columns.length;
  return after.length === 0 || fits ? { step: index, after } : undefined;
}

const rowOverheadBytes = 64;
const firstRowId = int64Min;
const lastRowId = int64Max;

/** Throws what SQLite throws; a damaged page in the way is for skipDamage. */
export function scrubSlice(
  connection: Connection,
  place: ScrubPlace,
  bounds: SliceBounds,
): ScrubSlice {
  const table = tableWalks[place.step];
  if (table !== undefined) return tableSlice(connection, table, place, bounds);
  const index = indexWalks[place.step - tableWalks.length];
  if (index === undefined) return { next: undefined, rows: 0, bytes: 0, findings: [] };
  return indexSlice(connection, index, place, bounds);
}

/**
 * A slice that cannot be read, on this connection and on another, is a finding; the walk goes on
 * behind it: in a table after the first row id that can be read again, in an index with the next step.
 */
export function skipDamage(
  connection: Connection,
  place: ScrubPlace,
  cause: Error & { readonly code: string },
): ScrubSlice {
  const table = tableWalks[place.step];
  const index = indexWalks[place.step - tableWalks.length];
  const after = (place.after[0] as bigint | undefined) ?? firstRowId;
  const rowId = table === undefined ? undefined : after;
  const finding: ScrubFinding = {
    table: table?.table ?? index?.table ?? "",
    rowId: rowId === undefined ? "" : `${rowId}`,
    place: { kind: "behind", tree: table?.table ?? index?.index ?? "", rowId },
    problem: `it cannot be read behind this place (${cause.code})`,
    keyHash: undefined,
  };
  const behind = table === undefined ? undefined : readableAfter(connection, table, after);
  const next =
    behind === undefined ? nextStep(place) : { step: place.step, after: [behind] as const };
  return { next, rows: 0, bytes: 0, findings: [finding] };
}

function readableAfter(connection: Connection, walk: TableWalk, from: bigint): bigint | undefined {
  const rows = prepareRows<[bigint], [bigint]>(connection, walk.sql);
  const start = from === firstRowId ? 0n : from;
  for (let leap = 1n; start + leap < lastRowId; leap *= 2n) {
    try {
      for (const _row of rows.iterate(start + leap)) return start + leap;
      return undefined;
    } catch (cause) {
      if (!isSqliteError(cause)) throw cause;
    }
  }
  return undefined;
}

function tableSlice(
  connection: Connection,
  walk: TableWalk,
  place: ScrubPlace,
  bounds: SliceBounds,
): ScrubSlice {
  const rows = prepareRows<[bigint], [rowId: bigint, ...rest: unknown[]]>(connection, walk.sql);
  const findings: ScrubFinding[] = [];
  let after = (place.after[0] as bigint | undefined) ?? firstRowId;
  let count = 0;
  let bytes = 0;
  for (const row of rows.iterate(after)) {
    const [rowId] = row;
    const disorder = rowId <= after ? ["the rows around it are out of order"] : [];
    for (const problem of [...disorder, ...walk.check(row as never)]) {
      findings.push(findingOf({ table: walk.table, rowId, problem, columns: row }));
    }
    if (disorder.length > 0) return { next: nextStep(place), rows: count, bytes, findings };
    after = rowId;
    count++;
    bytes += bytesOf(row);
    if (count >= bounds.rowsMax || bytes >= bounds.bytesMax) {
      return { next: { step: place.step, after: [after] }, rows: count, bytes, findings };
    }
  }
  return { next: nextStep(place), rows: count, bytes, findings };
}

function indexSlice(
  connection: Connection,
  walk: IndexWalk,
  place: ScrubPlace,
  bounds: SliceBounds,
): ScrubSlice {
  const sql = indexAfterSql(walk, place.after.length === 0 ? "first" : "after");
  const entries = prepareRows<IndexValue[], IndexRow>(connection, sql);
  const findings: ScrubFinding[] = [];
  let count = 0;
  let bytes = 0;
  for (const [rowId, same, ...columns] of entries.iterate(...place.after)) {
    if (same !== 1n) {
      const problem =
        same === null ? "its index names a row that is not there" : "its index names another row";
      findings.push(findingOf({ table: walk.table, rowId, problem, columns }));
    }
    count++;
    bytes += bytesOf(columns);
    if (count >= bounds.rowsMax || bytes >= bounds.bytesMax) {
      return { next: { step: place.step, after: columns }, rows: count, bytes, findings };
    }
  }
  return { next: nextStep(place), rows: count, bytes, findings };
}

function nextStep({ step }: ScrubPlace): ScrubPlace | undefined {
  return step + 1 < scrubSteps.length ? { step: step + 1, after: [] } : undefined;
}

function findingOf(found: {
  readonly table: string;
  readonly rowId: bigint;
  readonly problem: string;
  readonly columns: readonly unknown[];
}): ScrubFinding {
  const { table, rowId, problem, columns } = found;
  const place = { kind: "row", table, rowId } as const;
  return { table, rowId: `${rowId}`, problem, place, keyHash: keyHashIn(columns) };
}

/** The first bytes of a row are its key, in every table that has one. */
function keyHashIn(columns: readonly unknown[]): string | undefined {
  const key = columns.find((column) => column instanceof Uint8Array);
  return key === undefined ? undefined : keyHashOf(key);
}

function bytesOf(columns: readonly unknown[]): number {
  let bytes = rowOverheadBytes;
  for (const column of columns) if (column instanceof Uint8Array) bytes += column.length;
  return bytes;
}
