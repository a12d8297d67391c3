/** Many keys per message, and streams: figures are per key, row or event. */
import { interleaved } from "../measure/statistics.js";
import { atLeast, duration, number, type Row, ratioOf } from "../report/row.js";
import { type Bench, figureOf } from "./bench.js";
import type { RowMaker } from "./row-maker.js";

const putsPerMessage = 100;
const keysPerGet = 1_000;
/** etcd refuses a Txn of more than 128 operations. */
const rangesPerTxn = 100;
const putsWanted = 100_000;
const hotKeysWanted = 500_000;
const coldFactor = 0.7;
const scanFactor = 0.6;
const eventDelayMsWanted = 50;
const watchConnections = 10;
/** Far above the keys of other rows. */
const watchedFrom = 10_000_000_000;
/** Read after a restart so that the compiler has seen the way; none of them is measured. */
const warmingFrom = 20_000_000_000;
const warmingKeys = 20_000;
/** Larger commits gain nothing more: what the disk and SQLite give at best. */
const rawPutsPerCommit = 1_000;

const fewConnections = { connections: 4, pace: { kind: "closed", inFlight: 4 } } as const;
/** Answers of 300 KB: a few at a time keep both sides busy. */
const largeAnswers = { connections: 4, pace: { kind: "closed", inFlight: 1 } } as const;

async function batchWrites(bench: Bench): Promise<readonly Row[]> {
  const kvdb = await bench.kvdb();
  const etcd = await bench.etcd();
  const redis = await bench.redis();
  await bench.raw();
  const { plan, keys } = bench;
  const asked = { itemsPerRequest: putsPerMessage, keys, ...fewConnections };
  const raw = (perCommit: number) => () => {
    const span = { keys: plan.keys, seconds: plan.seconds / 2 };
    return bench.measureRaw({ kind: "writes", perCommit, ...span });
  };
  const measured = await interleaved(plan.rounds, {
    batch: () => bench.measure(kvdb, { work: "batch-write", ...asked }),
    etcd: () => bench.measure(etcd, { work: "batch-write", ...asked }),
    pipeline: () => bench.measure(kvdb, { work: "pipeline", ...asked }),
    redis: () => bench.measure(redis, { work: "pipeline", ...asked }),
    sqlite: raw(putsPerMessage),
    limit: raw(rawPutsPerCommit),
  });
  const peers = { etcd: measured.etcd, redis: measured.redis, sqlite: measured.sqlite };
  const limitText = `raw SQLite, 1,000 a commit: ${number(measured.limit.itemsPerSecond)}/s`;
  return (["batch", "pipeline"] as const).map((form) => {
    const mine = measured[form];
    const factor = ratioOf(mine, measured.etcd);
    return {
      id: form === "batch" ? "batch-write" : "pipeline",
      table: "items",
      work: `${form === "batch" ? "BatchWrite" : "Pipeline"}, 100 puts a message`,
      item: "put",
      kvdb: mine,
      ...peers,
      limit: limitText,
      ratio: `${number(factor)} × etcd's Txn of 100`,
      latencyOf: "of a message, closed loop, 16 in flight",
      targets: [
        atLeast("≥ 1.0 × etcd's Txn of 100 puts", factor, 1),
        atLeast("≥ 100 000 puts/s", mine.itemsPerSecond, putsWanted, "puts/s"),
      ],
      compared: [
        { name: "rate to etcd's", value: factor, better: "higher" },
        { name: "rate to raw SQLite's", value: ratioOf(mine, measured.limit), better: "higher" },
      ],
    };
  });
}

async function hotKeys(bench: Bench): Promise<readonly Row[]> {
  const kvdb = await bench.kvdb();
  const etcd = await bench.etcd();
  const redis = await bench.redis();
  await bench.raw();
  const { plan } = bench;
  const keys = { first: 0, count: plan.hotKeys };
  const work = "batch-get";
  const perRequest = Math.min(keysPerGet, plan.hotKeys);
  const measured = await interleaved(plan.rounds, {
    kvdb: () => bench.measure(kvdb, { work, itemsPerRequest: perRequest, keys, ...largeAnswers }),
    etcd: () => {
      return bench.measure(etcd, { work, itemsPerRequest: rangesPerTxn, keys, ...largeAnswers });
    },
    redis: () => {
      return bench.measure(redis, { work, itemsPerRequest: perRequest, keys, ...largeAnswers });
    },
    sqlite: () => {
      return bench.measureRaw({ kind: "reads", keys: plan.hotKeys, seconds: plan.seconds / 2 });
    },
  });
  const factor = ratioOf(measured.kvdb, measured.sqlite);
  return [
    {
      id: "batch-get-hot",
      table: "items",
      work: "BatchGet of 1,000 hot keys",
      item: "key",
      ...measured,
      limit: `raw SQLite in process: ${number(measured.sqlite.itemsPerSecond)}/s`,
      ratio: `${number(factor)} × raw SQLite`,
      latencyOf: "of a message, closed loop, 4 in flight",
      targets: [atLeast("≥ 500 000 keys/s", measured.kvdb.itemsPerSecond, hotKeysWanted, "keys/s")],
      compared: [{ name: "rate to raw SQLite's", value: factor, better: "higher" }],
    },
  ];
}

/** The data is cold, the code is not: raw SQLite runs in a process that has read before. */
async function coldKeys(bench: Bench): Promise<readonly Row[]> {
  const { plan } = bench;
  const others = { first: warmingFrom, count: Math.min(warmingKeys, plan.keys) };
  await bench.fill(await bench.kvdb(), others);
  await bench.raw();
  const pace = { kind: "once", inFlight: 2, shuffled: true } as const;
  const perRequest = Math.min(keysPerGet, plan.keys);
  const measured = await interleaved(plan.rounds, {
    kvdb: async () => {
      const asked = {
        work: "batch-get",
        itemsPerRequest: perRequest,
        connections: 1,
        pace,
      } as const;
      const kvdb = await bench.restartKvdb();
      await bench.measure(kvdb, { ...asked, keys: others });
      return bench.measure(kvdb, asked);
    },
    sqlite: async () => {
      await bench.openRaw();
      return bench.measureRaw({ kind: "cold-reads", keys: plan.keys });
    },
  });
  const factor = ratioOf(measured.kvdb, measured.sqlite);
  return [
    {
      id: "batch-get-cold",
      table: "items",
      work: "BatchGet of 1,000 cold keys",
      item: "key",
      ...measured,
      etcd: undefined,
      redis: undefined,
      limit: `raw SQLite, freshly opened: ${number(measured.sqlite.itemsPerSecond)}/s`,
      ratio: `${number(factor)} × raw SQLite`,
      latencyOf: "of a message, each key once after a restart",
      targets: [atLeast("≥ 0.7 × raw SQLite", factor, coldFactor)],
      compared: [{ name: "rate to raw SQLite's", value: factor, better: "higher" }],
    },
  ];
}

async function scans(bench: Bench): Promise<readonly Row[]> {
  const kvdb = await bench.kvdb();
  const etcd = await bench.etcd();
  await bench.raw();
  const pace = { kind: "closed", inFlight: 1 } as const;
  const seconds = bench.plan.seconds * 2;
  const itemsPerRequest = bench.plan.keys;
  const asked = { work: "scan", itemsPerRequest, connections: 1, pace, seconds } as const;
  const measured = await interleaved(bench.plan.rounds, {
    kvdb: () => bench.measure(kvdb, asked),
    etcd: () => bench.measure(etcd, asked),
    sqlite: () => bench.measureRaw({ kind: "scan", keys: bench.plan.keys, seconds }),
  });
  const factor = ratioOf(measured.kvdb, measured.sqlite);
  return [
    {
      id: "scan",
      table: "items",
      work: "Scan",
      item: "row",
      ...measured,
      redis: undefined,
      limit: `raw SQLite in process: ${number(measured.sqlite.itemsPerSecond)}/s`,
      ratio: `${number(factor)} × raw SQLite`,
      latencyOf: `of a scan of ${number(bench.plan.keys)} rows`,
      targets: [atLeast("≥ 0.6 × raw SQLite's rows/s", factor, scanFactor)],
      compared: [{ name: "rate to raw SQLite's", value: factor, better: "higher" }],
    },
  ];
}

async function watchers(bench: Bench): Promise<readonly Row[]> {
  const kvdb = await bench.kvdb();
  const { plan } = bench;
  const report = await bench.load.run({
    kind: "watch",
    port: kvdb.port,
    pid: kvdb.pid,
    watchers: plan.watchers,
    connections: watchConnections,
    writesPerSecond: plan.watchWritesPerSecond,
    firstKey: watchedFrom,
    seconds: plan.watchSeconds,
  });
  const { p99 } = report.latency;
  const figure = figureOf(report);
  return [
    {
      id: "watch",
      table: "items",
      work: `${number(plan.watchers)} watchers, ${number(plan.watchWritesPerSecond)} writes/s`,
      item: "event",
      kvdb: figure,
      etcd: undefined,
      redis: undefined,
      sqlite: undefined,
      limit: "–",
      ratio: "–",
      latencyOf: "from when the write was due to its event",
      targets: [
        {
          wanted: "p99 event delay ≤ 50 ms",
          measured: duration(p99),
          met: p99 <= eventDelayMsWanted * 1_000,
        },
      ],
      compared: [{ name: "CPU per event, µs", value: figure.cpuMicros, better: "lower" }],
    },
  ];
}

export const itemRows: readonly RowMaker[] = [
  { id: "batch-write", peers: true, measure: batchWrites },
  { id: "batch-get-hot", peers: true, measure: hotKeys },
  { id: "scan", peers: true, measure: scans },
  { id: "watch", peers: false, measure: watchers },
  { id: "batch-get-cold", peers: false, measure: coldKeys },
];
