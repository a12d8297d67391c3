/**
 * What an integrity check reads: every table that carries row checksums, in the order of its rows,
 * a run at a time. Each row brings what its unique index says about it from the same statement, and
 * therefore from the same snapshot, so a check under writes sees no difference that is not damage.
 */

/** Columns in the order in which their checksum covers them, the checksum itself last. */
export interface FactsTable {
  readonly name: string;
  readonly rowId: string;
  readonly columns: readonly string[];
  /** Whether the row is found through its unique index; SQL, 1 or 0. */
  readonly reachable: string;
}

/** Tables whose rows are covered by one checksum over their columns. */
export const factsTables: readonly FactsTable[] = [
  {
    name: "store",
    rowId: "id",
    columns: [
      "store_id",
      "node_id",
      "epoch",
      "commit_seq",
      "time_floor_ms",
      "created_ms",
      "recoveries",
      "integrity_failures",
    ],
    reachable: "1",
  },
  {
    name: "namespace",
    rowId: "id",
    columns: [
      "id",
      "name",
      "created_ms",
      "head_rev",
      "applied_rev",
      "key_count",
      "live_bytes",
      "settings",
    ],
    reachable: `EXISTS (SELECT 1 FROM namespace i INDEXED BY sqlite_autoindex_namespace_1
      WHERE i.name = t.name AND i.id = t.id)`,
  },
  {
    name: "log_span",
    rowId: "ns",
    columns: ["ns", "oldest_rev", "tail_rev", "entries", "bytes"],
    reachable: "1",
  },
  {
    name: "past_span",
    rowId: "ns",
    columns: ["ns", "since_rev", "rows", "bytes"],
    reachable: "1",
  },
  {
    name: "lease",
    rowId: "id",
    columns: ["ns", "lease_id", "ttl_ms", "deadline_ms"],
    reachable: `EXISTS (SELECT 1 FROM lease i INDEXED BY sqlite_autoindex_lease_1
      WHERE i.ns = t.ns AND i.lease_id = t.lease_id AND i.id = t.id)`,
  },
  {
    name: "ledger",
    rowId: "id",
    columns: ["ns", "request_id", "rev", "time_ms", "digest", "answer"],
    reachable: `EXISTS (SELECT 1 FROM ledger i INDEXED BY sqlite_autoindex_ledger_1
      WHERE i.ns = t.ns AND i.request_id = t.request_id AND i.id = t.id)`,
  },
];

export type FactsRow = [
  rowId: bigint,
  reachable: bigint,
  checksum: bigint,
  ...columns: (string | bigint | Uint8Array)[],
];

/** The rows behind a row id. */
export function factsAfterSql(table: FactsTable): string {
  const columns = table.columns.map((column) => `t.${column}`).join(", ");
  return `SELECT t.${table.rowId}, ${table.reachable}, t.checksum, ${columns}
    FROM ${table.name} t WHERE t.${table.rowId} > ? ORDER BY t.${table.rowId}`;
}

export type VersionRow = [
  rowId: bigint,
  reachable: bigint,
  ns: bigint,
  key: Uint8Array,
  createRevision: bigint,
  modRevision: bigint,
  version: bigint,
  expiresMs: bigint | null,
  leaseId: bigint | null,
  codec: bigint,
  valueCrc: bigint,
  checksum: bigint,
  /** A text where a bit of its type has flipped. */
  value: Uint8Array | string,
];

/** Present and replaced versions have the same columns and the same checksums. */
export const versionTables = {
  kv: `EXISTS (SELECT 1 FROM kv i INDEXED BY sqlite_autoindex_kv_1
    WHERE i.ns = t.ns AND i.key = t.key AND i.id = t.id)`,
  past: `EXISTS (SELECT 1 FROM past i INDEXED BY sqlite_autoindex_past_1
    WHERE i.ns = t.ns AND i.key = t.key AND i.until_rev = t.until_rev AND i.id = t.id)`,
} as const;

export function versionsAfterSql(table: keyof typeof versionTables): string {
  return `SELECT t.id, ${versionTables[table]}, t.ns, t.key, t.create_rev, t.mod_rev, t.version,
    t.expires_ms, t.lease_id, t.codec, t.value_crc, t.checksum, t.value
    FROM ${table} t WHERE t.id > ? ORDER BY t.id`;
}

export type LogRow = [
  rowId: bigint,
  reachable: bigint,
  ns: bigint,
  first: bigint,
  last: bigint,
  epoch: bigint,
  nonce: string,
  timeMs: bigint,
  checksum: bigint,
  payload: Uint8Array,
  /** Where the entry before it ends; null = there is none. */
  previousLast: bigint | null,
  /** The oldest revision that the log should hold; null = the namespace is being purged. */
  oldest: bigint | null,
];

export const logAfterSql = `SELECT t.id,
  EXISTS (SELECT 1 FROM log i INDEXED BY sqlite_autoindex_log_1
    WHERE i.ns = t.ns AND i.first_rev = t.first_rev AND i.id = t.id),
  t.ns, t.first_rev, t.last_rev, t.epoch, t.nonce, t.time_ms, t.checksum, t.payload,
  (SELECT p.last_rev FROM log p WHERE p.ns = t.ns AND p.first_rev < t.first_rev
    ORDER BY p.first_rev DESC LIMIT 1),
  (SELECT s.oldest_rev FROM log_span s WHERE s.ns = t.ns)
  FROM log t WHERE t.id > ? ORDER BY t.id`;

export function countSql(table: string): string {
  return `SELECT count(*) FROM ${table}`;
}

/** Rows that say how many rows of another table belong to them. */
export const countedTables = [
  { table: "namespace", rowId: "id", count: "key_count", of: "kv" },
  { table: "log_span", rowId: "ns", count: "entries", of: "log" },
  { table: "past_span", rowId: "ns", count: "rows", of: "past" },
] as const;

export type CountRow = [rowId: bigint, counted: bigint, present: bigint];

/**
 * One statement, so that the count and the rows are of one snapshot. Walks the index only. What a
 * deleted namespace leaves is taken away slice by slice, and its counts with the last one.
 */
export function countsSql({ table, rowId, count, of }: (typeof countedTables)[number]): string {
  return `SELECT t.${rowId}, t.${count}, (SELECT count(*) FROM ${of} r WHERE r.ns = t.${rowId})
    FROM ${table} t WHERE NOT EXISTS (SELECT 1 FROM purge p WHERE p.ns = t.${rowId})`;
}
