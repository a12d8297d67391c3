/** What a scrape shows: every metric, counters from zero, values that move. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { metricTable } from "../../../src/observability/metric-names.js";
import type { MetricRow } from "../../../src/observability/metric-row.js";
import { Metrics } from "../../../src/observability/metrics.js";

const rows: readonly MetricRow[] = Object.values(metricTable);

/** Series → value, as a scraper reads the page. */
async function scrape(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  const series = new Map<string, number>();
  for (const line of (await metrics.expose()).split("\n")) {
    if (line === "" || line.startsWith("# ")) continue;
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*(?:\{.*\})?) (\S+)$/.exec(line);
    assert.ok(match?.[1] !== undefined && match[2] !== undefined, `cannot be parsed: ${line}`);
    series.set(match[1], match[2] === "+Inf" ? Number.POSITIVE_INFINITY : Number(match[2]));
  }
  return series;
}

test("the page has help and type of every metric, in the text format 0.0.4", async () => {
  const metrics = new Metrics();
  const text = await metrics.expose();
  for (const row of rows) {
    assert.ok(text.includes(`# HELP ${row.name} `), row.name);
    assert.ok(text.includes(`# TYPE ${row.name} ${row.kind}\n`), row.name);
  }
  assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
});

test("every counter without open labels is there as 0 from the first scrape", async () => {
  const series = await scrape(new Metrics());
  for (const row of rows.filter(({ kind }) => kind === "counter")) {
    if (Object.values(row.labels).includes("open")) continue;
    const own = [...series].filter(([name]) => name.split("{")[0] === row.name);
    const combinations = Object.values(row.labels).reduce((n, values) => n * values.length, 1);
    assert.equal(own.length, combinations, row.name);
    for (const [name, value] of own) assert.equal(value, 0, name);
  }
});

test("the five names of the seed guide are there, verbatim", () => {
  const names = rows.map(({ name }) => name).filter((name) => name.startsWith("sqlite_"));
  assert.deepEqual(names.sort(), [
    "sqlite_integrity_check_failures",
    "sqlite_startup_recovery_executed",
    "sqlite_wal_checkpoint_count",
    "sqlite_wal_checkpoint_duration_ms",
    "sqlite_wal_file_size_bytes",
  ]);
});

test("the bounds that alerts ask about are among the buckets", () => {
  assert.ok(metricTable.walCheckpointDuration.buckets.some((bound) => bound === 5_000));
  for (const bound of [0.0001, 0.001]) {
    assert.ok(metricTable.engineDuration.buckets.some((each) => each === bound));
  }
});

test("a series exists as 0 from the moment it is bound, and binding again changes nothing", async () => {
  const metrics = new Metrics();
  const calls = metrics.counter("operations", { rpc: "Get", status: "OK" });
  const times = metrics.histogram("operationDuration", { rpc: "Get" });
  let series = await scrape(metrics);
  assert.equal(series.get('kvdb_operations_total{rpc="Get",status="OK"}'), 0);
  assert.equal(series.get('kvdb_operation_duration_seconds_count{rpc="Get"}'), 0);
  calls.add();
  calls.add(2);
  times.observe(0.2);
  metrics.counter("operations", { rpc: "Get", status: "OK" }).add();
  metrics.histogram("operationDuration", { rpc: "Get" }).observe(0.3);
  series = await scrape(metrics);
  assert.equal(series.get('kvdb_operations_total{rpc="Get",status="OK"}'), 4);
  assert.equal(series.get('kvdb_operation_duration_seconds_count{rpc="Get"}'), 2);
});

test("a gauge can be set, moved and cleared", async () => {
  const metrics = new Metrics();
  const depth = metrics.gauge("queueDepth", { queue: "commit" });
  depth.set(5);
  depth.add(-2);
  metrics.gauge("records", { namespace: "gone" }).set(1);
  metrics.clearGauge("records");
  metrics.gauge("records", { namespace: 'with "quotes" and \\' }).set(2);
  const series = await scrape(metrics);
  assert.equal(series.get('kvdb_queue_depth{queue="commit"}'), 3);
  assert.equal(series.get('kvdb_queue_depth{queue="read"}'), 0);
  assert.equal(series.has('kvdb_records{namespace="gone"}'), false);
  assert.equal(series.get('kvdb_records{namespace="with \\"quotes\\" and \\\\"}'), 2);
});

test("what is read before a scrape is in it", async () => {
  const metrics = new Metrics();
  const size = metrics.gauge("walFileBytes");
  let bytes = 10;
  metrics.beforeScrape(() => {
    size.set(bytes);
  });
  assert.equal((await scrape(metrics)).get("sqlite_wal_file_size_bytes"), 10);
  bytes = 20;
  assert.equal((await scrape(metrics)).get("sqlite_wal_file_size_bytes"), 20);
});

test("buckets of a histogram grow, and agree with its count and its sum", async () => {
  const observations = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(observations, async (values) => {
      const metrics = new Metrics();
      const commit = metrics.histogram("commitDuration");
      for (const value of values) commit.observe(value);
      const series = await scrape(metrics);
      const bounds = [...metricTable.commitDuration.buckets, Number.POSITIVE_INFINITY];
      for (const bound of bounds) {
        const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound);
        assert.equal(
          series.get(`kvdb_commit_duration_seconds_bucket{le="${le}"}`),
          values.filter((value) => value <= bound).length,
          le,
        );
      }
      assert.equal(series.get("kvdb_commit_duration_seconds_count"), values.length);
      const sum = values.reduce((total, value) => total + value, 0);
      const shown = series.get("kvdb_commit_duration_seconds_sum") ?? Number.NaN;
      assert.ok(Math.abs(shown - sum) <= 1e-9 * Math.max(1, sum));
    }),
    { numRuns: 30 },
  );
});

test("names say their kind and unit, and buckets ascend", () => {
  for (const row of rows) {
    assert.match(row.name, /^(?:kvdb|sqlite)_[a-z_]+$/);
    if (row.kind === "counter" && row.name.startsWith("kvdb_")) assert.match(row.name, /_total$/);
    assert.equal(row.kind === "histogram", row.buckets !== undefined, row.name);
    const buckets = row.buckets ?? [];
    assert.deepEqual(
      buckets,
      [...buckets].sort((a, b) => a - b),
    );
  }
  assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
});
