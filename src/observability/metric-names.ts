/**
 * Every metric the daemon emits: one row each. Names, labels and bucket bounds are a contract with
 * alerts and dashboards. The five sqlite_ names are kept as the seed guide spells them.
 *
 * docs/reference/metrics.md is generated from here.
 */

/** The values of a label when they are a closed set; "open" when they come from the running system. */
export type LabelValues = readonly string[] | "open";

export interface MetricRow {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly unit: string;
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Upper bounds of a histogram, ascending; the last one, +Inf, is added. */
  readonly buckets?: readonly number[];
}

const checkpointOutcomes = [
  "TRUNCATED",
  "COMPLETE",
  "PARTIAL",
  "RESET_PENDING",
  "SKIPPED_BUSY",
  "NOTHING_TO_DO",
  "FAILED",
] as const;
const checkpointSources = ["periodic", "manual", "recovery", "closing"] as const;

/** From a cached read to a bad commit; the bounds that alerts ask about are among them. */
const secondsBuckets = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
  0.25, 0.5, 1, 2.5, 5, 10,
] as const;
const rpcSecondsBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

export const metricTable = {
  walFileBytes: {
    name: "sqlite_wal_file_size_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Size of the write-ahead log file.",
    labels: {},
  },
  walCheckpoints: {
    name: "sqlite_wal_checkpoint_count",
    kind: "counter",
    unit: "checkpoints",
    help: "Checkpoint runs by outcome.",
    labels: { outcome: checkpointOutcomes },
  },
  walCheckpointDuration: {
    name: "sqlite_wal_checkpoint_duration_ms",
    kind: "histogram",
    unit: "ms",
    help: "Duration of checkpoint runs in milliseconds.",
    labels: {},
    buckets: [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000],
  },
  startupRecoveries: {
    name: "sqlite_startup_recovery_executed",
    kind: "counter",
    unit: "recoveries",
    help: "Starts that had to recover a WAL; kept across restarts.",
    labels: {},
  },
  integrityFailures: {
    name: "sqlite_integrity_check_failures",
    kind: "counter",
    unit: "failures",
    help: "Integrity checks that found problems or could not run; kept across restarts.",
    labels: {},
  },
  operations: {
    name: "kvdb_operations_total",
    kind: "counter",
    unit: "calls",
    help: "Calls by RPC and gRPC status name.",
    labels: { rpc: "open", status: "open" },
  },
  operationDuration: {
    name: "kvdb_operation_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Duration of calls as the gRPC layer sees them.",
    labels: { rpc: "open" },
    buckets: rpcSecondsBuckets,
  },
  engineDuration: {
    name: "kvdb_engine_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Duration of operations as the engine sees them.",
    labels: { op: "open" },
    buckets: secondsBuckets,
  },
  commitDuration: {
    name: "kvdb_commit_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Duration of group commits, sync included.",
    labels: {},
    buckets: secondsBuckets,
  },
  groupCommitSize: {
    name: "kvdb_group_commit_size",
    kind: "histogram",
    unit: "requests",
    help: "Requests that shared one group commit.",
    labels: {},
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
  },
  errors: {
    name: "kvdb_errors_total",
    kind: "counter",
    unit: "calls",
    help: "Calls that failed, by gRPC status name.",
    labels: { code: "open" },
  },
  cacheHits: {
    name: "kvdb_cache_hits_total",
    kind: "counter",
    unit: "reads",
    help: "Point reads answered from the value cache.",
    labels: {},
  },
  cacheMisses: {
    name: "kvdb_cache_misses_total",
    kind: "counter",
    unit: "reads",
    help: "Point reads that had to go to the file.",
    labels: {},
  },
  cacheHitRatio: {
    name: "kvdb_cache_hit_ratio",
    kind: "gauge",
    unit: "ratio",
    help: "Hits divided by hits and misses since the start; 0 before the first read.",
    labels: {},
  },
  memoryRss: {
    name: "kvdb_memory_rss_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Resident memory of the process.",
    labels: {},
  },
  memoryHeap: {
    name: "kvdb_memory_heap_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "JavaScript heap in use on the main thread.",
    labels: {},
  },
  memoryCacheBudget: {
    name: "kvdb_memory_cache_budget_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Sum of the page cache limits of all connections.",
    labels: {},
  },
  memoryLimit: {
    name: "kvdb_memory_limit_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Memory the process may use: the limit of its control group, else the machine's memory.",
    labels: {},
  },
  walFrames: {
    name: "kvdb_wal_frames",
    kind: "gauge",
    unit: "frames",
    help: "Frames in the WAL.",
    labels: {},
  },
  walFramesCheckpointed: {
    name: "kvdb_wal_frames_checkpointed",
    kind: "gauge",
    unit: "frames",
    help: "Frames of the WAL that are in the database already.",
    labels: {},
  },
  walLimitState: {
    name: "kvdb_wal_limit_state",
    kind: "gauge",
    unit: "state",
    help: "0 = within limits, 1 = above the soft limit, 2 = at the hard limit: writes are refused.",
    labels: {},
  },
  checkpointFailures: {
    name: "kvdb_checkpoint_failures_total",
    kind: "counter",
    unit: "checkpoints",
    help: "Checkpoint runs that threw, by source and SQLite result code.",
    labels: { source: checkpointSources, code: "open" },
  },
  checkpointBlocked: {
    name: "kvdb_checkpoint_blocked_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Time since the last complete checkpoint while frames are pending; 0 when none are.",
    labels: {},
  },
  oldestSnapshotAge: {
    name: "kvdb_oldest_snapshot_age_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Age of the oldest open snapshot: it pins the WAL. 0 when none is open.",
    labels: {},
  },
  activeSnapshots: {
    name: "kvdb_active_snapshots",
    kind: "gauge",
    unit: "snapshots",
    help: "Open snapshots.",
    labels: {},
  },
  busyWait: {
    name: "kvdb_busy_wait_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time that writes waited because another process held the database.",
    labels: {},
    buckets: [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  busyTimeouts: {
    name: "kvdb_busy_timeouts_total",
    kind: "counter",
    unit: "groups",
    help: "Group commits that gave up waiting for another process.",
    labels: {},
  },
  activeTransactions: {
    name: "kvdb_active_transactions",
    kind: "gauge",
    unit: "requests",
    help: "Write requests accepted and not answered yet.",
    labels: {},
  },
  queueDepth: {
    name: "kvdb_queue_depth",
    kind: "gauge",
    unit: "requests",
    help: "Requests that wait in a queue of the engine.",
    labels: { queue: ["commit", "read"] },
  },
  activeStreams: {
    name: "kvdb_active_streams",
    kind: "gauge",
    unit: "streams",
    help: "Open streaming calls.",
    labels: {},
  },
  connectedClients: {
    name: "kvdb_connected_clients",
    kind: "gauge",
    unit: "connections",
    help: "Open gRPC connections.",
    labels: {},
  },
  eventLoopDelay: {
    name: "kvdb_event_loop_delay_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How late a timer of the main thread ran, sampled.",
    labels: {},
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  },
  diskFree: {
    name: "kvdb_disk_free_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Free space, for this process, on the file system of the database.",
    labels: {},
  },
  diskTotal: {
    name: "kvdb_disk_total_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Size of the file system of the database.",
    labels: {},
  },
  diskFull: {
    name: "kvdb_disk_full",
    kind: "gauge",
    unit: "state",
    help: "1 while the disk is full and only requests that take away are let in, else 0.",
    labels: {},
  },
  diskReserve: {
    name: "kvdb_disk_reserve_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Room held back for a full disk; 0 while it is given up.",
    labels: {},
  },
  databaseBytes: {
    name: "kvdb_database_size_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Size of the database file.",
    labels: {},
  },
  freelistPages: {
    name: "kvdb_freelist_pages",
    kind: "gauge",
    unit: "pages",
    help: "Unused pages in the database file.",
    labels: {},
  },
  records: {
    name: "kvdb_records",
    kind: "gauge",
    unit: "keys",
    help: "Live keys by namespace; the number of namespaces shown is capped.",
    labels: { namespace: "open" },
  },
  expired: {
    name: "kvdb_expired_total",
    kind: "counter",
    unit: "keys",
    help: "Keys taken away because their time or their lease had run out.",
    labels: {},
  },
  watchers: {
    name: "kvdb_watchers",
    kind: "gauge",
    unit: "watches",
    help: "Open watches.",
    labels: {},
  },
  watchPages: {
    name: "kvdb_watch_log_pages_total",
    kind: "counter",
    unit: "pages",
    help: "Pages of the log that watchers read to catch up.",
    labels: {},
  },
  watchesCut: {
    name: "kvdb_watches_cut_total",
    kind: "counter",
    unit: "watches",
    help: "Watches that were ended because their reader was too slow.",
    labels: {},
  },
  readsRepeated: {
    name: "kvdb_reads_repeated_total",
    kind: "counter",
    unit: "reads",
    help: "Reads that met damage once and were right the second time: the disk may be failing.",
    labels: {},
  },
  scrubBytes: {
    name: "kvdb_scrub_bytes_total",
    kind: "counter",
    unit: "bytes",
    help: "Bytes that the scrubber has looked at.",
    labels: {},
  },
  scrubFindings: {
    name: "kvdb_scrub_findings_total",
    kind: "counter",
    unit: "rows",
    help: "Damage that the scrubber has found.",
    labels: {},
  },
  scrubPasses: {
    name: "kvdb_scrub_passes_total",
    kind: "counter",
    unit: "passes",
    help: "Passes of the scrubber over everything stored that came to their end.",
    labels: {},
  },
  scrubProgress: {
    name: "kvdb_scrub_progress_ratio",
    kind: "gauge",
    unit: "ratio",
    help: "Steps of the present pass that are done, of all; 0 between two passes.",
    labels: {},
  },
  scrubCompleted: {
    name: "kvdb_scrub_completed_time_seconds",
    kind: "gauge",
    unit: "seconds since 1970",
    help: "When the last pass came to its end, also before a restart; 0 when none has.",
    labels: {},
  },
  rowChecksumErrors: {
    name: "kvdb_row_checksum_errors_total",
    kind: "counter",
    unit: "reads",
    help: "Reads that met, twice, a row that does not match its checksum or a damaged page.",
    labels: {},
  },
  buildInfo: {
    name: "kvdb_build_info",
    kind: "gauge",
    unit: "always 1",
    help: "Versions as labels.",
    labels: { version: "open", sqlite: "open", node: "open" },
  },
  startTime: {
    name: "kvdb_start_time_seconds",
    kind: "gauge",
    unit: "seconds since 1970",
    help: "When the process started.",
    labels: {},
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

export type MetricTable = typeof metricTable;
