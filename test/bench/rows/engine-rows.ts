/** The engine by its front door, in one process with its caller: no gRPC, no second process. */
import { join } from "node:path";
import type { EngineJob } from "../inside/engine-job.js";
import { type Figure, interleaved } from "../measure/statistics.js";
import { atLeast, below, duration, number, type Row, ratioOf } from "../report/row.js";
import type { Bench } from "./bench.js";
import type { RowMaker } from "./row-maker.js";

const readsWanted = 1_000_000;
const writesWanted = 100_000;
const readMicrosWanted = 100;
const writeMicrosWanted = 1_000;
const putsPerRequest = 1_000;
const batchesInFlight = 4;
const lonePutsPerSecond = 100;

async function engineRows(bench: Bench): Promise<readonly Row[]> {
  const engine = bench.engine();
  await bench.raw();
  const { plan } = bench;
  const run = async (job: EngineJob): Promise<Figure> => {
    const report = await engine.run(job);
    return {
      itemsPerSecond: report.items / report.seconds,
      cpuMicros: report.cpuMicros / report.items,
      mainCpuMicros: undefined,
      clientCpuMicros: undefined,
      latency: report.latency,
    };
  };
  await engine.run({ kind: "open", file: join(bench.directory, "engine", "kv.db") });
  await engine.run({ kind: "fill", keys: plan.keys });
  const { seconds } = plan;
  const hot = { keys: plan.hotKeys, seconds };
  const perRequest = Math.min(putsPerRequest, plan.keys);
  const all = { keys: plan.keys, seconds };
  const measured = await interleaved(plan.rounds, {
    reads: () => run({ kind: "reads", ...hot }),
    rawReads: () => bench.measureRaw({ kind: "reads", ...hot }),
    batches: () => {
      const size = { putsPerRequest: perRequest, inFlight: batchesInFlight };
      return run({ kind: "batches", ...size, ...all });
    },
    rawBatches: () => bench.measureRaw({ kind: "writes", perCommit: perRequest, ...all }),
  });
  const lone = { kind: "lone-puts", perSecond: lonePutsPerSecond } as const;
  const puts = await run({ ...lone, seconds: plan.latencySeconds * 2 });
  const { directory } = bench;
  const sync = await bench.measureRaw({ kind: "disk-sync", directory, seconds });
  await engine.run({ kind: "close" });
  engine.stop();
  return [
    readRow(measured.reads, measured.rawReads),
    batchRow(measured.batches, measured.rawBatches),
    loneRow(puts, sync),
  ];
}

const noPeers = { etcd: undefined, redis: undefined } as const;

function readRow(reads: Figure, raw: Figure): Row {
  return {
    id: "engine-reads",
    table: "engine",
    work: "point reads, hot",
    item: "get",
    kvdb: reads,
    ...noPeers,
    sqlite: raw,
    limit: `raw SQLite: ${number(raw.itemsPerSecond)}/s`,
    ratio: `${number(ratioOf(reads, raw))} × raw SQLite`,
    latencyOf: "of every eighth read",
    targets: [
      atLeast("> 1 000 000 reads/s", reads.itemsPerSecond, readsWanted, "reads/s"),
      below("P99 read < 100 µs", reads.latency.p99, readMicrosWanted, "µs"),
    ],
    compared: [{ name: "rate to raw SQLite's", value: ratioOf(reads, raw), better: "higher" }],
  };
}

function batchRow(batches: Figure, raw: Figure): Row {
  return {
    id: "engine-writes",
    table: "engine",
    work: "durable puts, 1,000 a request, 4 in flight",
    item: "put",
    kvdb: batches,
    ...noPeers,
    sqlite: raw,
    limit: `raw SQLite, 1,000 a commit: ${number(raw.itemsPerSecond)}/s`,
    ratio: `${number(ratioOf(batches, raw))} × raw SQLite`,
    latencyOf: "of each request",
    targets: [atLeast("> 100 000 puts/s", batches.itemsPerSecond, writesWanted, "puts/s")],
    compared: [{ name: "rate to raw SQLite's", value: ratioOf(batches, raw), better: "higher" }],
  };
}

function loneRow(puts: Figure, sync: Figure): Row {
  const factor = puts.latency.p50 / sync.latency.p50;
  return {
    id: "engine-lone-put",
    table: "engine",
    work: "durable puts, one at a time, unloaded",
    item: "put",
    kvdb: puts,
    ...noPeers,
    sqlite: undefined,
    limit: `disk: append and fdatasync p50 ${duration(sync.latency.p50)}, p99 ${duration(sync.latency.p99)}`,
    ratio: `p50 ${number(factor)} × one sync`,
    latencyOf: `open loop, ${number(lonePutsPerSecond)} puts/s`,
    targets: [
      below(
        "P99 write < 1 ms, unloaded",
        puts.latency.p99 / 1_000,
        writeMicrosWanted / 1_000,
        "ms",
      ),
    ],
    compared: [{ name: "p50 to a sync's", value: factor, better: "lower" }],
  };
}

export const insideRows: readonly RowMaker[] = [
  { id: "engine", peers: false, measure: engineRows },
];
