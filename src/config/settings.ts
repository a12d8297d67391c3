/**
 * Every setting of the daemon: one row each. Flags, the help text, the profile files in
 * deploy/env and docs/reference/configuration.md are made from these rows. Bounds that the store
 * has too are repeated here (this folder may not look at it) and compared by a test.
 */
import { Failpoints } from "../foundation/failpoint.js";
import { careSettings } from "./care-settings.js";
import { profileNames } from "./profiles.js";
import type { SettingRow, ValueOf } from "./setting-row.js";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const tebibyte = 1024 * 1024 * mebibyte;
const timerMsMax = 2_147_483_647;

export const settings = {
  profile: {
    env: "KVDB_PROFILE",
    group: "process",
    kind: "enum",
    choices: profileNames,
    fallback: "production",
    doc:
      "The set of defaults to start from. A value that is given explicitly wins over it. It never " +
      "moves the data: without KVDB_SQLITE_FILE the database is ./data/kv.db in every profile. " +
      "The profile files in deploy/env do name a place for it.",
  },
  sqliteFile: {
    env: "KVDB_SQLITE_FILE",
    group: "data",
    kind: "path",
    fallback: "./data/kv.db",
    inProfileFile: {
      dev: "./kv.db",
      staging: "/var/lib/kvdb/kv.db",
      production: "/var/lib/kvdb/kv.db",
    },
    doc:
      "The database file, absolute or relative to the working directory. Its directory becomes " +
      "the data directory and must belong to the daemon's user alone.",
  },
  journalMode: {
    env: "KVDB_SQLITE_JOURNAL_MODE",
    group: "durability",
    kind: "enum",
    choices: ["WAL"],
    fallback: "WAL",
    doc:
      "SQLite's journal mode. Only WAL is supported: checkpoints, snapshots and recovery are built " +
      "on it, so another mode is refused instead of being ignored.",
  },
  synchronous: {
    env: "KVDB_SQLITE_SYNCHRONOUS",
    group: "durability",
    kind: "enum",
    choices: ["EXTRA", "FULL", "NORMAL", "OFF"],
    fallback: "EXTRA",
    profiles: { dev: "NORMAL" },
    inProduction: [
      {
        value: "NORMAL",
        rule: "warned",
        risk: "acknowledged writes may be lost on power failure",
      },
      {
        value: "OFF",
        rule: "refused",
        risk: "acknowledged writes are lost and the file may be damaged on power failure",
      },
    ],
    doc:
      "When a commit counts as written. EXTRA and FULL sync the WAL before every acknowledgement " +
      "(in WAL mode they are the same); NORMAL syncs at checkpoints only; OFF never.",
  },
  checkpointIntervalMs: {
    env: "KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS",
    group: "durability",
    kind: "integer",
    unit: "ms",
    fallback: 60_000,
    min: 100,
    max: timerMsMax,
    also: 0,
    profiles: { dev: 30_000 },
    inProduction: [
      { value: "0", rule: "refused", risk: "the WAL is moved by its size alone, never by time" },
    ],
    doc:
      "The longest time between two periodic checkpoints; the size of the WAL may start one " +
      "earlier. 0 switches the timer off. Advice: 300000 for few writes, 60000 for a normal load, " +
      "30000 for many writes, 10000 for extreme ones.",
  },
  integrityCheckOnStartup: {
    env: "KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP",
    group: "durability",
    kind: "enum",
    choices: ["OFF", "QUICK", "FULL"],
    fallback: "QUICK",
    profiles: { dev: "OFF" },
    inProduction: [
      { value: "OFF", rule: "warned", risk: "structural damage is noticed only when it is read" },
    ],
    doc:
      "The check of the database file at every start. QUICK finds structural damage, FULL also " +
      "compares indexes with rows and holds readiness until it ends.",
  },
  busyTimeoutMs: {
    env: "KVDB_SQLITE_BUSY_TIMEOUT_MS",
    group: "durability",
    kind: "integer",
    unit: "ms",
    fallback: 10_000,
    min: 0,
    max: 600_000,
    profiles: { dev: 5_000 },
    doc:
      "How long a write may wait, in the queue, for a lock that another process holds, before it " +
      "is answered UNAVAILABLE. Reads do not wait. SQLite's own waiting is the much smaller " +
      "KVDB_NATIVE_BUSY_TIMEOUT_MS.",
  },
  foreignKeys: {
    env: "KVDB_SQLITE_FOREIGN_KEYS",
    group: "durability",
    kind: "boolean",
    fallback: true,
    doc: "Whether SQLite enforces references between kvdb's own tables.",
  },
  nativeBusyTimeoutMs: {
    env: "KVDB_NATIVE_BUSY_TIMEOUT_MS",
    group: "durability",
    kind: "integer",
    unit: "ms",
    fallback: 50,
    min: 0,
    max: 1_000,
    doc:
      "SQLite's own busy timeout. It blocks the thread that waits, so it stays small; longer " +
      "waiting happens in the queue (KVDB_SQLITE_BUSY_TIMEOUT_MS).",
  },
  integrityFailurePolicy: {
    env: "KVDB_INTEGRITY_FAILURE_POLICY",
    group: "durability",
    kind: "enum",
    choices: ["refuse", "readonly", "warn"],
    fallback: "refuse",
    inProduction: [
      { value: "warn", rule: "refused", risk: "damage would spread into backups and new writes" },
    ],
    doc:
      "What a failed integrity check leads to: refuse ends the process with exit code 10, readonly " +
      "serves reads and refuses writes, warn only logs.",
  },
  integrityStartupBudgetMs: {
    env: "KVDB_INTEGRITY_STARTUP_BUDGET_MS",
    group: "durability",
    kind: "integer",
    unit: "ms",
    fallback: 5_000,
    min: 0,
    max: 600_000,
    doc:
      "How long a QUICK check may hold readiness back after an unclean stop. When the time is over " +
      "the daemon serves and the check goes on beside it.",
  },
  verifyChecksumsOnRead: {
    env: "KVDB_VERIFY_CHECKSUMS_ON_READ",
    group: "durability",
    kind: "boolean",
    fallback: true,
    doc:
      "Whether every row is compared with its checksum when it is read. A row that differs is " +
      "answered DATA_LOSS, never returned.",
  },
  walSoftLimitBytes: {
    env: "KVDB_WAL_SOFT_LIMIT_BYTES",
    group: "limits",
    kind: "integer",
    unit: "bytes",
    fallback: 64 * mebibyte,
    min: 64 * kibibyte,
    max: tebibyte,
    doc: "Above it checkpoints escalate and an alarm names who keeps the WAL from shrinking.",
  },
  walHardLimitBytes: {
    env: "KVDB_WAL_HARD_LIMIT_BYTES",
    group: "limits",
    kind: "integer",
    unit: "bytes",
    fallback: 512 * mebibyte,
    min: 128 * kibibyte,
    max: tebibyte,
    doc:
      "At it our own long snapshots are cancelled and writes are refused (RESOURCE_EXHAUSTED, " +
      "WAL_LIMIT) until the WAL has shrunk. It must be above the soft limit.",
  },
  ...careSettings,
  cacheBytes: {
    env: "KVDB_CACHE_BYTES",
    group: "limits",
    kind: "integer",
    unit: "bytes",
    fallback: 64 * mebibyte,
    min: 64 * kibibyte,
    max: tebibyte,
    doc:
      "SQLite's page cache, per connection: the writer, the point reader and each reader thread. " +
      "As much again is for hot entries, which answer reads without SQLite.",
  },
  activeTransactionsMax: {
    env: "KVDB_MAX_ACTIVE_TRANSACTIONS",
    group: "limits",
    kind: "integer",
    unit: "requests",
    fallback: 10_000,
    min: 1,
    max: 100_000,
    doc:
      "Write requests that may wait for the writer. The next one is refused at once " +
      "(RESOURCE_EXHAUSTED, OVERLOADED).",
  },
  valueBytesMax: {
    env: "KVDB_MAX_VALUE_BYTES",
    group: "limits",
    kind: "integer",
    unit: "bytes",
    fallback: mebibyte,
    min: 1,
    max: 16 * mebibyte,
    doc: "The largest value a client may write. Larger ones that are stored already stay readable.",
  },
  messageBytesMax: {
    env: "KVDB_MAX_MESSAGE_BYTES",
    group: "limits",
    kind: "integer",
    unit: "bytes",
    fallback: 16 * mebibyte,
    min: mebibyte,
    max: 64 * mebibyte,
    doc: "The largest gRPC message. At least KVDB_MAX_VALUE_BYTES plus 1 MiB.",
  },
  readerThreads: {
    env: "KVDB_READER_THREADS",
    group: "limits",
    kind: "integer",
    unit: "threads",
    fallback: 2,
    min: 1,
    max: 16,
    doc: "Threads for scans, large reads and watch catch-up. Point reads do not need them.",
  },
  snapshotMsMax: {
    env: "KVDB_SNAPSHOT_MAX_MS",
    group: "limits",
    kind: "integer",
    unit: "ms",
    fallback: 5_000,
    min: 100,
    max: 120_000,
    doc:
      "How long a reader may leave a snapshot unused. An open snapshot keeps the WAL from " +
      "shrinking, so a slow reader is cut and resumes from a token.",
  },
  namespaceAutoCreate: {
    env: "KVDB_NAMESPACE_AUTO_CREATE",
    group: "data",
    kind: "boolean",
    fallback: true,
    doc: "Whether a write creates the namespace it names. Off: such a write is NOT_FOUND.",
  },
  nodeId: {
    env: "KVDB_NODE_ID",
    group: "process",
    kind: "text",
    allowed: "1 to 64 letters, digits, dots, underscores or hyphens",
    accepts: (text) => /^[A-Za-z0-9._-]{1,64}$/.test(text),
    doc: "The name of this node in every response header. Unset: made once and kept with the data.",
  },
  listen: {
    env: "KVDB_LISTEN",
    group: "network",
    kind: "addresses",
    fallback: "127.0.0.1:50051",
    optional: false,
    doc:
      "Where gRPC calls are taken: host:port, [v6]:port or unix:/path, several separated by " +
      "commas. Port 0 takes a free one; the ready line on stdout names it. Calls are neither " +
      "encrypted nor authenticated, so production warns about an address beyond this machine.",
  },
  httpListen: {
    env: "KVDB_HTTP_LISTEN",
    group: "network",
    kind: "addresses",
    fallback: "127.0.0.1:9464",
    optional: true,
    doc: "Where /metrics, /livez, /readyz and /version are served, or off.",
  },
  reflection: {
    env: "KVDB_REFLECTION",
    group: "network",
    kind: "boolean",
    fallback: true,
    doc: "Whether gRPC reflection describes the services to tools such as grpcurl.",
  },
  shutdownDrainMs: {
    env: "KVDB_SHUTDOWN_DRAIN_MS",
    group: "process",
    kind: "integer",
    unit: "ms",
    fallback: 10_000,
    min: 0,
    max: 30_000,
    doc:
      "How long calls in flight may take to finish once a stop has begun. Together with " +
      "KVDB_SQLITE_BUSY_TIMEOUT_MS it should stay within the 30 s that supervisors grant.",
  },
  slowRpcMs: {
    env: "KVDB_SLOW_RPC_MS",
    group: "process",
    kind: "integer",
    unit: "ms",
    fallback: 300,
    min: 0,
    max: 600_000,
    doc: "Calls that take longer are logged, and kept for AdminService. 0: every call.",
  },
  logLevel: {
    env: "KVDB_LOG_LEVEL",
    group: "process",
    kind: "enum",
    choices: ["error", "warn", "info", "debug"],
    fallback: "info",
    doc: "What is logged. No level logs keys, values or secrets.",
  },
  allowRoot: {
    env: "KVDB_ALLOW_ROOT",
    group: "process",
    kind: "boolean",
    fallback: false,
    doc:
      "Off: the daemon refuses to run as root (exit code 77). `npm start` sets the flag itself " +
      "when it is root, because a container's only user often is.",
  },
  allowNetworkFileSystem: {
    env: "KVDB_ALLOW_NETWORK_FILESYSTEM",
    group: "data",
    kind: "boolean",
    fallback: false,
    doc:
      "Off: a data directory on a network file system is refused, because its locks and syncs are " +
      "not dependable and SQLite's WAL needs shared memory.",
  },
  acceptLostWrites: {
    env: "KVDB_ACCEPT_LOST_WRITES",
    group: "data",
    kind: "boolean",
    fallback: false,
    doc:
      "Off: a database that lacks acknowledged writes (an older copy, another volume, a deleted WAL) " +
      "is refused with LOST_WRITES. On: the loss is accepted for this start, and the history gets a " +
      "new store id, so that clients notice. Switch it off again afterwards.",
  },
  failpoints: {
    env: "KVDB_FAILPOINTS",
    group: "testing",
    kind: "text",
    allowed: "name=kill|error|error:CODE|delay:MS, each with an optional @HIT, separated by ;",
    accepts: isFailpoints,
    doc:
      "For tests only: makes this process die, fail or wait at named points, for example " +
      "after-append=kill. A warning at every start says so.",
  },
} as const satisfies Readonly<Record<string, SettingRow>>;

export type SettingId = keyof typeof settings;

/** Every setting, typed and checked. Nothing in it is optional that has a default. */
export type Config = { readonly [Id in SettingId]: ValueOf<(typeof settings)[Id]> };

/** The rows in table order, as the plain row type. */
export const settingRows: readonly (readonly [SettingId, SettingRow])[] = Object.entries(
  settings,
) as [SettingId, SettingRow][];

/** `KVDB_SQLITE_FILE` → `--sqlite-file`. */
export function flagOf(row: SettingRow): string {
  return `--${row.env.slice("KVDB_".length).toLowerCase().replaceAll("_", "-")}`;
}

function isFailpoints(text: string): boolean {
  try {
    return Failpoints.parse(text).armed.length > 0;
  } catch {
    // The reason is replaced by the row's own words about what is allowed.
    return false;
  }
}
