/**
 * The gauges that are read when somebody asks: sizes, depths and ages of the store. They are taken
 * from the same status that AdminService answers with, so a graph and an answer cannot disagree.
 */
import type { Metrics } from "../observability/metrics.js";
import { metricNamespacesMax } from "../storage/limits.js";
import type { StorageEngine } from "../storage/storage-engine.js";

const limitStates = { ok: 0, soft: 1, hard: 2 } as const;

/** The engine is asked for at each scrape: it may still be opening, or be closed already. */
export function followStore(metrics: Metrics, engine: () => StorageEngine | undefined): void {
  const files = fileGauges(metrics);
  const wal = walGauges(metrics);
  metrics.beforeScrape(() => {
    const open = engine();
    if (open === undefined) return;
    files(open);
    wal(open);
    countRecords(metrics, open);
  });
}

function fileGauges(metrics: Metrics): (engine: StorageEngine) => void {
  const gauges = {
    database: metrics.gauge("databaseBytes"),
    diskFree: metrics.gauge("diskFree"),
    diskTotal: metrics.gauge("diskTotal"),
    waiting: metrics.gauge("activeTransactions"),
  };
  return (engine) => {
    const status = engine.maintenance.status();
    gauges.database.set(status.databaseBytes);
    gauges.diskFree.set(status.diskFreeBytes);
    gauges.diskTotal.set(status.diskTotalBytes);
    gauges.waiting.set(status.queue.requests);
  };
}

function walGauges(metrics: Metrics): (engine: StorageEngine) => void {
  const gauges = {
    bytes: metrics.gauge("walFileBytes"),
    frames: metrics.gauge("walFrames"),
    moved: metrics.gauge("walFramesCheckpointed"),
    limit: metrics.gauge("walLimitState"),
    snapshots: metrics.gauge("activeSnapshots"),
    oldest: metrics.gauge("oldestSnapshotAge"),
  };
  return (engine) => {
    const wal = engine.maintenance.wal();
    gauges.bytes.set(wal.walBytes);
    gauges.frames.set(wal.frames);
    gauges.moved.set(wal.framesBackfilled);
    gauges.limit.set(limitStates[wal.limitState]);
    gauges.snapshots.set(wal.snapshots.length);
    gauges.oldest.set(Math.max(0, ...wal.snapshots.map(({ ageMs }) => ageMs)) / 1_000);
  };
}

/** A series per namespace, capped: names come from clients, and every series costs the scraper. */
function countRecords(metrics: Metrics, engine: StorageEngine): void {
  metrics.clearGauge("records");
  const page = engine.namespaces.list({ after: "", rowsMax: metricNamespacesMax });
  for (const { name, keys } of page) metrics.gauge("records", { namespace: name }).set(keys);
}
