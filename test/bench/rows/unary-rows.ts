/** One key per call. */
import { interleaved } from "../measure/statistics.js";
import { h2loadGets } from "../peers/h2load.js";
import { atLeast, below, duration, number, type Row, ratioOf, type Target } from "../report/row.js";
import type { Bench } from "./bench.js";
import { halfOf, inFlight, type RowMaker } from "./row-maker.js";

const getFactor = 1.5;
const echoFactor = 1.3;
const normalOverhead = 0.25;

async function unaryGet(bench: Bench): Promise<readonly Row[]> {
  const [kvdb, etcd, redis, echo] = [
    await bench.kvdb(),
    await bench.etcd(),
    await bench.redis(),
    await bench.echo(),
  ];
  const asked = { work: "get", ...inFlight(32) } as const;
  const measured = await interleaved(bench.plan.rounds, {
    kvdb: () => bench.measure(kvdb, asked),
    etcd: () => bench.measure(etcd, asked),
    redis: () => bench.measure(redis, asked),
    echo: () => bench.measure(echo, asked),
    sqlite: async () => {
      await bench.raw();
      return bench.measureRaw({
        kind: "reads",
        keys: bench.plan.keys,
        seconds: bench.plan.seconds / 2,
      });
    },
  });
  const pace = halfOf([measured.kvdb.itemsPerSecond, measured.etcd.itemsPerSecond]);
  const openLoop = { work: "get", ...pace, seconds: bench.plan.latencySeconds } as const;
  const latency = await interleaved(1, {
    kvdb: () => bench.measure(kvdb, openLoop),
    etcd: () => bench.measure(etcd, openLoop),
  });
  const factor = ratioOf(measured.kvdb, measured.etcd);
  const secondOpinion = await h2loadGets(bench.directory, kvdb.port, bench.plan.seconds);
  return [
    {
      id: "get",
      table: "unary",
      work: "Get, 8 connections × 32",
      item: "get",
      kvdb: { ...measured.kvdb, latency: latency.kvdb.latency },
      etcd: { ...measured.etcd, latency: latency.etcd.latency },
      redis: measured.redis,
      sqlite: measured.sqlite,
      limit: `${echoText(measured.echo)}; h2load on kvdb, one key: ${number(secondOpinion)}/s`,
      ratio: `${number(factor)} × etcd`,
      latencyOf: `open loop, ${number(pace.pace.requestsPerSecond)} gets/s`,
      targets: [atLeast("≥ 1.5 × etcd's serializable Range", factor, getFactor)],
      compared: [
        { name: "rate to etcd's", value: factor, better: "higher" },
        { name: "CPU to the echo's", value: cpuFactor(measured), better: "lower" },
      ],
    },
  ];
}

/** Puts with so many in flight over all connections. */
function unaryPut(total: number, etcdFactor: number): RowMaker {
  const id = `put-${String(total)}`;
  return {
    id,
    peers: true,
    async measure(bench) {
      const kvdb = await bench.kvdb();
      const etcd = await bench.etcd();
      const redis = await bench.redis();
      const echo = await bench.echo();
      await bench.raw();
      const { plan, keys } = bench;
      const asked = { work: "put", keys, ...inFlight(total / 8) } as const;
      const measured = await interleaved(plan.rounds, {
        kvdb: () => bench.measure(kvdb, asked),
        etcd: () => bench.measure(etcd, asked),
        redis: () => bench.measure(redis, asked),
        echo: () => bench.measure(echo, asked),
        sqlite: () => {
          const span = { keys: plan.keys, seconds: plan.seconds / 2 };
          return bench.measureRaw({ kind: "writes", perCommit: total, ...span });
        },
      });
      const pace = halfOf([measured.kvdb.itemsPerSecond, measured.etcd.itemsPerSecond]);
      const openLoop = { work: "put", keys, ...pace, seconds: plan.latencySeconds } as const;
      const latency = await interleaved(1, {
        kvdb: () => bench.measure(kvdb, openLoop),
        etcd: () => bench.measure(etcd, openLoop),
      });
      const factor = ratioOf(measured.kvdb, measured.etcd);
      return [
        {
          id,
          table: "unary",
          work: `Put, ${String(total)} in flight`,
          item: "put",
          kvdb: { ...measured.kvdb, latency: latency.kvdb.latency },
          etcd: { ...measured.etcd, latency: latency.etcd.latency },
          redis: measured.redis,
          sqlite: measured.sqlite,
          limit: echoText(measured.echo),
          ratio: `${number(factor)} × etcd`,
          latencyOf: `open loop, ${number(pace.pace.requestsPerSecond)} puts/s`,
          targets: [
            atLeast(`≥ ${String(etcdFactor)} × etcd's Put`, factor, etcdFactor),
            mainThreadTarget(measured),
          ],
          compared: [
            { name: "rate to etcd's", value: factor, better: "higher" },
            { name: "CPU to the echo's", value: cpuFactor(measured), better: "lower" },
          ],
        },
      ];
    },
  };
}

/** One client that waits for each answer before it asks again: latency is all there is. */
async function lonePut(bench: Bench): Promise<readonly Row[]> {
  const kvdb = await bench.kvdb();
  const etcd = await bench.etcd();
  const redis = await bench.redis();
  await bench.raw();
  const { plan, keys } = bench;
  const pace = { kind: "closed", inFlight: 1 } as const;
  const asked = { work: "put", keys, connections: 1, pace } as const;
  const measured = await interleaved(plan.rounds, {
    kvdb: () => bench.measure(kvdb, asked),
    etcd: () => bench.measure(etcd, asked),
    redis: () => bench.measure(redis, asked),
    sqlite: () => {
      const span = { keys: plan.keys, seconds: plan.seconds / 2 };
      return bench.measureRaw({ kind: "writes", perCommit: 1, ...span });
    },
    sync: () => {
      const { directory } = bench;
      return bench.measureRaw({ kind: "disk-sync", directory, seconds: plan.seconds / 2 });
    },
  });
  const factor = measured.kvdb.latency.p50 / measured.etcd.latency.p50;
  const sync = measured.sync.latency;
  return [
    {
      id: "put-one",
      table: "unary",
      work: "Put, one client",
      item: "put",
      ...without(measured),
      limit: `disk: append and fdatasync p50 ${duration(sync.p50)}, p99 ${duration(sync.p99)}`,
      ratio: `p50 ${number(factor)} × etcd's`,
      latencyOf: "closed loop, one in flight",
      targets: [
        {
          wanted: "p50 ≤ etcd's",
          measured: `${duration(measured.kvdb.latency.p50)} : ${duration(measured.etcd.latency.p50)}`,
          met: factor <= 1,
        },
      ],
      compared: [{ name: "p50 to etcd's", value: factor, better: "lower" }],
    },
  ];
}

async function extraAgainstNormal(bench: Bench): Promise<readonly Row[]> {
  const extra = await bench.kvdb();
  const settings = { KVDB_SQLITE_SYNCHRONOUS: "NORMAL" };
  const normal = await bench.anotherKvdb("kvdb-normal", settings);
  await bench.fill(normal, bench.keys);
  const asked = { work: "put", keys: bench.keys, ...inFlight(8) } as const;
  const measured = await interleaved(bench.plan.rounds, {
    extra: () => bench.measure(extra, asked),
    normal: () => bench.measure(normal, asked),
  });
  await normal.stop();
  const overhead = measured.normal.itemsPerSecond / measured.extra.itemsPerSecond - 1;
  const normalRate = number(measured.normal.itemsPerSecond);
  return [
    {
      id: "extra-normal",
      table: "unary",
      work: "Put, 64 writers, synchronous EXTRA against NORMAL",
      item: "put",
      kvdb: measured.extra,
      etcd: undefined,
      redis: undefined,
      sqlite: undefined,
      limit: `the same with NORMAL: ${normalRate} puts/s`,
      ratio: `${number(overhead * 100)} % overhead`,
      latencyOf: "closed loop",
      targets: [below("< 25 % overhead", overhead * 100, normalOverhead * 100, "%")],
      compared: [{ name: "NORMAL's rate to EXTRA's", value: overhead + 1, better: "lower" }],
    },
  ];
}

export const unaryRows: readonly RowMaker[] = [
  { id: "get", peers: true, measure: unaryGet },
  unaryPut(64, 0.6),
  unaryPut(256, 0.4),
  { id: "put-one", peers: true, measure: lonePut },
  { id: "extra-normal", peers: false, measure: extraAgainstNormal },
];

type Figures<Name extends string> = Awaited<ReturnType<typeof interleaved<Name>>>;

function echoText(echo: Figures<string>[string]): string {
  const cpu = `${number(echo.cpuMicros)} µs CPU`;
  return `bare grpc-js echo: ${number(echo.itemsPerSecond)}/s, ${cpu}`;
}

function cpuFactor({ kvdb, echo }: Figures<"kvdb" | "echo">): number {
  return kvdb.cpuMicros / echo.cpuMicros;
}

function mainThreadTarget({ kvdb, echo }: Figures<"kvdb" | "echo">): Target {
  const main = kvdb.mainCpuMicros ?? 0;
  const bare = echo.mainCpuMicros ?? 0;
  return {
    wanted: "main thread ≤ 1.3 × the CPU of a bare grpc-js echo",
    measured: `${number(main / bare)} × (${number(main)} : ${number(bare)} µs)`,
    met: main <= bare * echoFactor,
  };
}

function without({
  kvdb,
  etcd,
  redis,
  sqlite,
}: Figures<"kvdb" | "etcd" | "redis" | "sqlite">): Figures<"kvdb" | "etcd" | "redis" | "sqlite"> {
  return { kvdb, etcd, redis, sqlite };
}
