/**
 * Rows for readers, packed by SQLite itself: each row is one run of bytes, and a page of rows is one
 * value, because what crosses from SQLite to JavaScript costs by the value and not by the byte. The
 * facts stand in front as decimal numbers, then key and value follow. Nothing is trusted: lengths are
 * those of the bytes that follow, whatever type a damaged column claims to have, and no column can
 * make a row vanish. The reader is read/packed-rows.ts, and the two change together.
 */
import {
  afterStart,
  beforeEnd,
  leaseOfRowSql,
  type RangeEnd,
  type RangeStart,
} from "./statements.js";

/**
 * Values up to here come with their row. A longer one is asked for by its row's id, so that a page
 * that SQLite puts together stays small whatever is stored.
 */
export const inlineValueBytesMax = 4_096;
/** Keys that one statement looks up; fewer are filled up with keys that are nowhere. */
export const pointsPerStatement = [8, 64] as const;

const lease = `CASE WHEN k.lease_id IS NULL THEN ',,' ELSE coalesce(${leaseOfRowSql}, ',,') END`;

export interface PackedRow {
  readonly from: "kv" | "past";
  readonly values: boolean;
}

/** One row as one value, never NULL. Of a replaced version the lease is not asked any more. */
function packed({ from, values }: PackedRow): string {
  const facts = `k.id, ${from === "kv" ? 0 : 1}, k.create_rev, k.mod_rev, k.version, k.expires_ms,
    k.lease_id, ${from === "kv" ? lease : "',,'"}, k.codec, k.value_crc, k.checksum,
    octet_length(k.value), coalesce(octet_length(k.key), 0)`;
  const form = "%s,%d,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s;";
  const value = `CASE WHEN octet_length(k.value) <= ${inlineValueBytesMax} THEN k.value ELSE '' END`;
  return `format('${form}', ${facts}) || coalesce(k.key, '')${values ? ` || ${value}` : ""}`;
}

/** The namespace's id and head, and the row: NULL = there is none. One statement, so one snapshot. */
export function packedPointSql(values: boolean): string {
  return `SELECT n.id, n.head_rev, CASE WHEN k.id IS NULL THEN NULL
      ELSE CAST(${packed({ from: "kv", values })} AS BLOB) END
    FROM namespace n LEFT JOIN kv k ON k.ns = n.id AND k.key = ? WHERE n.name = ?`;
}

/** One run of bytes: for each key its row, or a single "!". */
export function packedPointsSql(keys: number, values: boolean): string {
  const rows = Array.from({ length: keys }, () => "(?)").join(", ");
  return `SELECT CAST(group_concat(row, '') AS BLOB) FROM (
    SELECT CASE WHEN k.id IS NULL THEN '!' ELSE ${packed({ from: "kv", values })} END AS row
    FROM (VALUES ${rows}) asked LEFT JOIN kv k ON k.ns = ? AND k.key = asked.column1)`;
}

export interface PackedRange {
  readonly start: RangeStart;
  readonly end: RangeEnd;
  readonly reverse: boolean;
  readonly values: boolean;
}

/** Rows of a range in key order, live and expired, as one run of bytes. NULL = none. */
export function packedRangeSql({ start, end, reverse, values }: PackedRange): string {
  return `SELECT CAST(group_concat(row, '') AS BLOB) FROM (
    SELECT ${packed({ from: "kv", values })} AS row FROM kv k
    WHERE k.ns = @ns ${afterStart[start]} ${beforeEnd[end]}
    ORDER BY k.key ${reverse ? "DESC" : "ASC"} LIMIT @limit)`;
}

/**
 * The same at a revision: the present row where it is old enough, else the version that was replaced
 * first after it. At most one of the two holds for each key.
 */
export function packedRangeAtSql({ start, end, reverse, values }: PackedRange): string {
  const bounds = `k.ns = @ns ${afterStart[start]} ${beforeEnd[end]}`;
  return `SELECT CAST(group_concat(row, '') AS BLOB) FROM (
    SELECT k.key AS key, ${packed({ from: "kv", values })} AS row FROM kv k
      WHERE ${bounds} AND k.mod_rev <= @at
    UNION ALL SELECT k.key, ${packed({ from: "past", values })} FROM past k
      WHERE ${bounds} AND k.mod_rev <= @at AND k.until_rev > @at
    ORDER BY 1 ${reverse ? "DESC" : "ASC"} LIMIT @limit)`;
}

/** How many there are of these. */
export function countAtSql({ start, end }: Pick<PackedRange, "start" | "end">): string {
  const bounds = `k.ns = @ns ${afterStart[start]} ${beforeEnd[end]}`;
  return `SELECT (SELECT count(*) FROM kv k WHERE ${bounds} AND k.mod_rev <= @at)
    + (SELECT count(*) FROM past k WHERE ${bounds} AND k.mod_rev <= @at AND k.until_rev > @at)`;
}

/** One key at a revision; NULL = it was not there. */
export const packedPointAtSql = `SELECT CAST(group_concat(row, '') AS BLOB) FROM (
  SELECT ${packed({ from: "kv", values: true })} AS row FROM kv k
    WHERE k.ns = @ns AND k.key = @key AND k.mod_rev <= @at
  UNION ALL SELECT ${packed({ from: "past", values: true })} FROM past k
    WHERE k.ns = @ns AND k.key = @key AND k.mod_rev <= @at AND k.until_rev > @at)`;

/** As bytes: one flipped bit makes a text of a blob, and a text is not what its checksum says. */
export const longValueSql = {
  kv: "SELECT CAST(value AS BLOB) FROM kv WHERE id = ?",
  past: "SELECT CAST(value AS BLOB) FROM past WHERE id = ?",
} as const;

/** Whose row it is that cannot be read; NULL = not even that can be told. */
export const storedKeySql = {
  kv: "SELECT CAST(key AS BLOB) FROM kv WHERE id = ?",
  past: "SELECT CAST(key AS BLOB) FROM past WHERE id = ?",
} as const;
