/**
 * Every SQL text of the engine, by name, with the shape of its rows. Rows come as arrays (`raw`) of
 * bigints (`safeIntegers`): revisions are bigints everywhere, and an array costs no property names.
 * Bytes are asked for as bytes: one flipped bit in a row's header makes a text of a blob, which has
 * the checksum of the blob and is none.
 */
import type Database from "better-sqlite3";
import type { Connection } from "./connection.js";

export type Statement<Parameters extends unknown[], Row> = Database.Statement<Parameters, Row>;

/** The facts of a kv row, in this order: everything but the value itself. */
export type KvFactsRow = [
  id: bigint,
  /** Null = the one that was asked for: the index that found the row holds no other. */
  key: Uint8Array | null,
  createRevision: bigint,
  modRevision: bigint,
  version: bigint,
  expiresMs: bigint | null,
  leaseId: bigint | null,
  codec: bigint,
  valueCrc: bigint,
  checksum: bigint,
  valueBytes: bigint,
  /** See leaseOfRowSql; null = bound to none. */
  lease: string | null,
];
/**
 * Of a row that is to be changed: 1 when it holds the namespace and the key by which it was found.
 * SQLite looks a row's index entries up by what the row holds, and calls the whole file damaged when
 * one is missing. All is null when the index names a row that is not there.
 */
export type KvChangeRow = [...KvFactsRow, sound: bigint | null];
/** The facts, then the value. */
export type KvRow = [...KvFactsRow, value: Uint8Array];

const factsAfterKey = `k.create_rev, k.mod_rev, k.version, k.expires_ms, k.lease_id, k.codec,
  k.value_crc, k.checksum, octet_length(k.value)`;
const factsWithKey = `CAST(k.key AS BLOB), ${factsAfterKey}`;
const facts = `k.id, ${factsWithKey}`;
/** SQLite takes from an index what it can; so that k is the row itself, n alone is found by one. */
const kvByIndex = "kv n LEFT JOIN kv k ON k.id = n.id";
/** Of the lease that a row is bound to: time to live, deadline and checksum, with commas between. */
export const leaseOfRowSql = `(SELECT format('%s,%s,%s', l.ttl_ms, l.deadline_ms, l.checksum)
  FROM lease l WHERE l.ns = k.ns AND l.lease_id = k.lease_id)`;
const kvFacts = `${facts}, ${leaseOfRowSql}`;
/** A replaced version has the columns of the row it was; its lease is not asked any more. */
const pastFacts = `${facts}, NULL`;
/** Where a range starts and ends: the text differs, so that the index is used for both ends. */
export const afterStart = {
  open: "",
  at: "AND k.key >= @start",
  after: "AND k.key > @start",
} as const;
export const beforeEnd = { open: "", before: "AND k.key < @end" } as const;

export type RangeStart = keyof typeof afterStart;
export type RangeEnd = keyof typeof beforeEnd;

export const sql = {
  begin: "BEGIN",
  beginImmediate: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",

  storeGet: `SELECT store_id, node_id, epoch, commit_seq, time_floor_ms, created_ms, recoveries,
    integrity_failures, checksum FROM store WHERE id = 1`,
  storeInsert: `INSERT INTO store (id, store_id, node_id, epoch, commit_seq, time_floor_ms,
    created_ms, recoveries, integrity_failures, checksum) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  storeUpdate: `UPDATE store SET store_id = ?, node_id = ?, epoch = ?, commit_seq = ?,
    time_floor_ms = ?, created_ms = ?, recoveries = ?, integrity_failures = ?, checksum = ?
    WHERE id = 1`,

  namespaceByName: `SELECT id, name, created_ms, head_rev, applied_rev, key_count, live_bytes,
    settings, checksum FROM namespace WHERE name = ?`,
  namespacesAfter: `SELECT id, name, created_ms, head_rev, applied_rev, key_count, live_bytes,
    settings, checksum FROM namespace WHERE name > ? ORDER BY name LIMIT ?`,
  namespaceCount: "SELECT count(*) FROM namespace WHERE name > ?",
  namespaceInsert: `INSERT INTO namespace (id, name, created_ms, head_rev, applied_rev, key_count,
    live_bytes, settings, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  namespaceUpdate: `UPDATE namespace SET head_rev = ?, applied_rev = ?, key_count = ?,
    live_bytes = ?, settings = ?, checksum = ? WHERE id = ?`,
  namespaceDelete: "DELETE FROM namespace WHERE id = ?",
  namespaceDropName: "DELETE FROM namespace WHERE name = ?",
  namespaceIdMax: "SELECT coalesce(max(id), 0) FROM namespace",

  logInsert: `INSERT INTO log (ns, first_rev, last_rev, epoch, nonce, time_ms, checksum, payload)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  /** From the entry that holds a revision on, in order. */
  logFrom: `SELECT first_rev, last_rev, epoch, nonce, time_ms, checksum, CAST(payload AS BLOB) FROM log
    WHERE ns = @ns AND first_rev >= (SELECT max(l.first_rev) FROM log l
      WHERE l.ns = @ns AND l.first_rev <= @from) ORDER BY first_rev`,
  logSpanGet: "SELECT oldest_rev, tail_rev, entries, bytes, checksum FROM log_span WHERE ns = ?",
  logSpanPut: `INSERT INTO log_span (ns, oldest_rev, tail_rev, entries, bytes, checksum)
    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (ns) DO UPDATE SET oldest_rev = excluded.oldest_rev,
    tail_rev = excluded.tail_rev, entries = excluded.entries, bytes = excluded.bytes,
    checksum = excluded.checksum`,

  kvFacts: `SELECT n.id, NULL, ${factsAfterKey}, ${leaseOfRowSql},
    k.ns = n.ns AND typeof(k.key) = 'blob' AND k.key = n.key FROM ${kvByIndex}
    WHERE n.ns = ? AND n.key = ?`,
  kvValue: "SELECT CAST(value AS BLOB) FROM kv WHERE id = ?",
  kvInsert: `INSERT INTO kv (ns, key, create_rev, mod_rev, version, expires_ms, lease_id, codec,
    value_crc, checksum, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  kvUpdate: `UPDATE kv SET create_rev = ?, mod_rev = ?, version = ?, expires_ms = ?, lease_id = ?,
    codec = ?, value_crc = ?, checksum = ?, value = ? WHERE id = ?`,
  kvDelete: "DELETE FROM kv WHERE id = ?",
  headGet: "SELECT id, head_rev FROM namespace WHERE name = ?",

  pastCopy: `INSERT INTO past (ns, key, until_rev, create_rev, mod_rev, version, expires_ms, lease_id,
    codec, value_crc, checksum, value) SELECT ns, key, ?, create_rev, mod_rev, version, expires_ms,
    lease_id, codec, value_crc, checksum, value FROM kv WHERE id = ?`,
  pastSpanGet: "SELECT since_rev, rows, bytes, checksum FROM past_span WHERE ns = ?",
  pastSpanPut: `INSERT INTO past_span (ns, since_rev, rows, bytes, checksum) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (ns) DO UPDATE SET since_rev = excluded.since_rev, rows = excluded.rows,
    bytes = excluded.bytes, checksum = excluded.checksum`,
  pastSpanDrop: "DELETE FROM past_span WHERE ns = ?",
  pastDue: `SELECT id, length(key) + length(value) FROM past WHERE ns = ? AND until_rev <= ?
    ORDER BY until_rev LIMIT ?`,
  pastForget: "DELETE FROM past WHERE id = ?",
  /** The version that a change replaced. */
  pastReplacedBy: `SELECT ${pastFacts}, CAST(k.value AS BLOB) FROM past k
    WHERE k.ns = ? AND k.key = ? AND k.until_rev = ?`,
  logOldest: `SELECT id, last_rev, time_ms, length(payload) FROM log WHERE ns = ?
    ORDER BY first_rev LIMIT ?`,
  logForget: "DELETE FROM log WHERE id = ?",
  purgeKv: "DELETE FROM kv WHERE id IN (SELECT id FROM kv WHERE ns = ? LIMIT ?)",
  purgePast: "DELETE FROM past WHERE id IN (SELECT id FROM past WHERE ns = ? LIMIT ?)",
  purgeLog: "DELETE FROM log WHERE id IN (SELECT id FROM log WHERE ns = ? LIMIT ?)",
  purgeLease: "DELETE FROM lease WHERE id IN (SELECT id FROM lease WHERE ns = ? LIMIT ?)",
  purgeLedger: "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE ns = ? LIMIT ?)",
  logSpanDrop: "DELETE FROM log_span WHERE ns = ?",
  purgeAdd: "INSERT INTO purge (ns) VALUES (?)",
  purgeNext: "SELECT ns FROM purge ORDER BY ns LIMIT 1",
  purgeDone: "DELETE FROM purge WHERE ns = ?",

  leaseGet: `SELECT lease_id, ttl_ms, deadline_ms, checksum FROM lease
    WHERE ns = ? AND lease_id = ?`,
  leasePut: `INSERT INTO lease (ns, lease_id, ttl_ms, deadline_ms, checksum) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (ns, lease_id) DO UPDATE SET ttl_ms = excluded.ttl_ms,
    deadline_ms = excluded.deadline_ms, checksum = excluded.checksum`,
  leaseDelete: "DELETE FROM lease WHERE ns = ? AND lease_id = ?",
  leaseCount: "SELECT count(*) FROM lease WHERE ns = ?",
  /** In unsigned order, page by page, the live ones only. */
  leasesAfter: `SELECT lease_id, ttl_ms, deadline_ms, checksum FROM lease WHERE ns = ?
    AND lease_id > ? AND deadline_ms > ? ORDER BY lease_id LIMIT ?`,
  leaseKeys: `SELECT CAST(key AS BLOB) FROM kv WHERE ns = ? AND lease_id = ?
    ORDER BY key LIMIT ?`,
  leaseKeyCount: "SELECT count(*) FROM kv WHERE ns = ? AND lease_id = ?",
  kvOfLease: `SELECT n.id, ${factsWithKey}, ${leaseOfRowSql},
    k.ns = n.ns AND typeof(k.key) = 'blob'
    FROM ${kvByIndex} WHERE n.ns = ? AND n.lease_id = ? ORDER BY k.key`,
  /** Null = of a namespace that was deleted and is being purged: those count, or they were all walked. */
  leasesDue: `SELECT n.name, l.lease_id FROM (SELECT ns, lease_id, deadline_ms FROM lease
      WHERE deadline_ms <= ? ORDER BY deadline_ms LIMIT ?) l
    LEFT JOIN namespace n ON n.id = l.ns ORDER BY l.deadline_ms`,
  keysDue: `SELECT n.name, CAST(k.key AS BLOB) FROM (SELECT ns, key, expires_ms FROM kv
      WHERE expires_ms IS NOT NULL AND expires_ms <= ? ORDER BY expires_ms LIMIT ?) k
    LEFT JOIN namespace n ON n.id = k.ns ORDER BY k.expires_ms`,
  /** The next moment at which anything runs out. */
  nextDue: `SELECT min(due) FROM (
    SELECT min(expires_ms) AS due FROM kv WHERE expires_ms IS NOT NULL
    UNION ALL SELECT min(deadline_ms) FROM lease)`,

  ledgerGet: `SELECT rev, time_ms, CAST(digest AS BLOB), CAST(answer AS BLOB), checksum FROM ledger
    WHERE ns = ? AND request_id = ?`,
  ledgerInsert: `INSERT INTO ledger (ns, request_id, rev, time_ms, digest, answer, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ledgerDrop: "DELETE FROM ledger WHERE ns = ? AND request_id = ?",
  ledgerOldest: "SELECT time_ms FROM ledger ORDER BY id LIMIT 1",
  ledgerForget: `DELETE FROM ledger WHERE id IN
    (SELECT id FROM ledger ORDER BY id LIMIT ?) AND time_ms < ?`,
  ledgerSpan: "SELECT coalesce(max(id), 0) - coalesce(min(id), 1) + 1 FROM ledger",
} as const;

/** Facts of the rows of a range in key order, live and expired. */
export function kvRangeSql(end: RangeEnd): string {
  return `SELECT ${kvFacts} FROM kv k
    WHERE k.ns = @ns ${afterStart.at} ${beforeEnd[end]} ORDER BY k.key LIMIT @limit`;
}

/**
 * The live rows of a range: all of them, which the index of keys alone can tell, less those that
 * have run out and are not swept yet, which are few. A row has a time or a lease, never both.
 */
export function kvCountSql(range: { readonly start: RangeStart; readonly end: RangeEnd }): string {
  const bounds = `k.ns = @ns ${afterStart[range.start]} ${beforeEnd[range.end]}`;
  return `SELECT (SELECT count(*) FROM kv k WHERE ${bounds})
    - (SELECT count(*) FROM kv k INDEXED BY kv_expiry WHERE ${bounds}
        AND k.expires_ms IS NOT NULL AND k.expires_ms <= @now)
    - (SELECT count(*) FROM lease l INDEXED BY lease_deadline
        CROSS JOIN kv k INDEXED BY kv_lease ON k.ns = l.ns AND k.lease_id = l.lease_id
        WHERE l.deadline_ms <= @now AND ${bounds})`;
}

/** A statement whose rows are arrays and whose integers are bigints. */
export function prepareRows<Parameters extends unknown[], Row>(
  connection: Connection,
  text: string,
): Statement<Parameters, Row> {
  return connection.prepare<Parameters, Row>(text).raw(true).safeIntegers(true);
}

/** A statement of one number per row, read as a number. */
export function prepareNumber<Parameters extends unknown[]>(
  connection: Connection,
  text: string,
): Statement<Parameters, number> {
  return connection.prepare<Parameters, number>(text).pluck(true);
}

/** A statement that returns no rows. */
export function prepareRun<Parameters extends unknown[]>(
  connection: Connection,
  text: string,
): Statement<Parameters, unknown> {
  return connection.prepare<Parameters>(text);
}
