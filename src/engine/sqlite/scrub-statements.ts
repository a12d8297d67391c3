/**
 * The way back from a unique index to its table: every entry must name a row that has the same
 * columns. One statement answers both sides, so writes between two slices make no difference.
 */

export interface IndexWalk {
  readonly table: string;
  readonly index: string;
  /** The columns of the index, in its order; all integers and blobs or texts. */
  readonly columns: readonly string[];
}

export const indexWalks: readonly IndexWalk[] = [
  { table: "kv", index: "sqlite_autoindex_kv_1", columns: ["ns", "key"] },
  { table: "past", index: "sqlite_autoindex_past_1", columns: ["ns", "key", "until_rev"] },
  { table: "log", index: "sqlite_autoindex_log_1", columns: ["ns", "first_rev"] },
  { table: "lease", index: "sqlite_autoindex_lease_1", columns: ["ns", "lease_id"] },
  { table: "ledger", index: "sqlite_autoindex_ledger_1", columns: ["ns", "request_id"] },
];

export type IndexValue = bigint | string | Uint8Array;
/** Row id, 1 when the row has the same columns (null: there is no row), then the columns. */
export type IndexRow = [rowId: bigint, same: bigint | null, ...columns: IndexValue[]];

/** The entries behind a place; without a place, from the first. */
export function indexAfterSql(walk: IndexWalk, from: "first" | "after"): string {
  const names = walk.columns.map((column) => `i.${column}`).join(", ");
  const same = walk.columns.map((column) => `t.${column} = i.${column}`).join(" AND ");
  const places = walk.columns.map(() => "?").join(", ");
  const behind = from === "after" ? `WHERE (${names}) > (${places})` : "";
  return `SELECT i.id, (SELECT ${same} FROM ${walk.table} t NOT INDEXED WHERE t.id = i.id), ${names}
    FROM ${walk.table} i INDEXED BY ${walk.index} ${behind} ORDER BY ${names}`;
}
