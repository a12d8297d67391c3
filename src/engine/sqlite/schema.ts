/**
 * The format on disk. Steps are appended, never edited; each runs in one transaction that also
 * raises `user_version`. Nothing is ever dropped. docs/internals/data-format.md explains the columns.
 */
import { OpenError } from "../../storage/errors.js";
import type { Connection } from "./connection.js";

/** "kvdb" in ASCII; SQLite keeps it at byte 68 of the file. */
export const applicationId = 0x6b766462;

const steps: readonly { readonly version: number; readonly sql: string }[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE store (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        store_id TEXT NOT NULL, node_id TEXT NOT NULL,
        epoch INTEGER NOT NULL, commit_seq INTEGER NOT NULL, time_floor_ms INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        recoveries INTEGER NOT NULL, integrity_failures INTEGER NOT NULL,
        checksum INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE namespace (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL,
        head_rev INTEGER NOT NULL, applied_rev INTEGER NOT NULL,
        key_count INTEGER NOT NULL, live_bytes INTEGER NOT NULL,
        settings TEXT NOT NULL, checksum INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE log (
        id INTEGER PRIMARY KEY, ns INTEGER NOT NULL,
        first_rev INTEGER NOT NULL, last_rev INTEGER NOT NULL,
        epoch INTEGER NOT NULL, nonce TEXT NOT NULL, time_ms INTEGER NOT NULL,
        checksum INTEGER NOT NULL, payload BLOB NOT NULL,
        UNIQUE (ns, first_rev)
      ) STRICT;
      CREATE TABLE log_span (
        ns INTEGER PRIMARY KEY, oldest_rev INTEGER NOT NULL, tail_rev INTEGER NOT NULL,
        entries INTEGER NOT NULL, bytes INTEGER NOT NULL, checksum INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE kv (
        id INTEGER PRIMARY KEY, ns INTEGER NOT NULL, key BLOB NOT NULL,
        create_rev INTEGER NOT NULL, mod_rev INTEGER NOT NULL, version INTEGER NOT NULL,
        expires_ms INTEGER, lease_id INTEGER, codec INTEGER NOT NULL,
        value_crc INTEGER NOT NULL, checksum INTEGER NOT NULL, value BLOB NOT NULL,
        UNIQUE (ns, key)
      ) STRICT;
      CREATE TABLE ledger (
        id INTEGER PRIMARY KEY, ns INTEGER NOT NULL, request_id TEXT NOT NULL,
        rev INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        digest BLOB NOT NULL, answer BLOB NOT NULL, checksum INTEGER NOT NULL,
        UNIQUE (ns, request_id)
      ) STRICT;
    `,
  },
  {
    version: 2,
    sql: `
      CREATE TABLE lease (
        id INTEGER PRIMARY KEY, ns INTEGER NOT NULL, lease_id INTEGER NOT NULL,
        ttl_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL, checksum INTEGER NOT NULL,
        UNIQUE (ns, lease_id)
      ) STRICT;
      CREATE INDEX lease_deadline ON lease (deadline_ms);
      CREATE INDEX kv_expiry ON kv (expires_ms) WHERE expires_ms IS NOT NULL;
      CREATE INDEX kv_lease ON kv (ns, lease_id) WHERE lease_id IS NOT NULL;
      CREATE TABLE past (
        id INTEGER PRIMARY KEY, ns INTEGER NOT NULL, key BLOB NOT NULL, until_rev INTEGER NOT NULL,
        create_rev INTEGER NOT NULL, mod_rev INTEGER NOT NULL, version INTEGER NOT NULL,
        expires_ms INTEGER, lease_id INTEGER, codec INTEGER NOT NULL,
        value_crc INTEGER NOT NULL, checksum INTEGER NOT NULL, value BLOB NOT NULL,
        UNIQUE (ns, key, until_rev)
      ) STRICT;
      CREATE INDEX past_until ON past (ns, until_rev);
      CREATE TABLE purge (ns INTEGER PRIMARY KEY) STRICT;
      CREATE TABLE past_span (
        ns INTEGER PRIMARY KEY, since_rev INTEGER NOT NULL, rows INTEGER NOT NULL,
        bytes INTEGER NOT NULL, checksum INTEGER NOT NULL
      ) STRICT;
    `,
  },
];

/** The newest format this program writes and reads. */
export const formatVersion = steps.length;

/**
 * Brings the file to `formatVersion`, a transaction per step. Throws OpenError "foreign" for another
 * application's database and "newer-format" for a file written by a newer kvdb; neither is touched.
 */
export function migrate(connection: Connection): { readonly from: number; readonly to: number } {
  const found = connection.pragma("application_id", { simple: true }) as number;
  const from = connection.pragma("user_version", { simple: true }) as number;
  const tables = connection.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() as number;
  if (found !== applicationId && (found !== 0 || from !== 0 || tables > 0)) {
    throw new OpenError("foreign", "the file is a SQLite database, but not one of kvdb", {
      hint: "point KVDB_SQLITE_FILE at a kvdb database, or at a file that does not exist yet",
    });
  }
  if (from > formatVersion) {
    throw new OpenError(
      "newer-format",
      `the file has format ${from}; this kvdb knows formats up to ${formatVersion}`,
      { hint: "start the kvdb that wrote it, or a newer one" },
    );
  }
  for (const step of steps.slice(from)) {
    connection
      .transaction(() => {
        connection.exec(step.sql);
        connection.pragma(`application_id = ${applicationId}`);
        connection.pragma(`user_version = ${step.version}`);
      })
      .immediate();
  }
  return { from, to: formatVersion };
}
