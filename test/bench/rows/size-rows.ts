/** What becomes of kvdb when it grows, when it starts, and when it has other things to do. */

import { median } from "../../support/figures.js";
import { residentBytes } from "../../support/process-figures.js";
import type { Figure } from "../measure/statistics.js";
import type { StartedKvdb } from "../peers/start-kvdb.js";
import { duration, number, type Row, type Target } from "../report/row.js";
import type { Bench } from "./bench.js";
import { disturbedRows } from "./disturbed-rows.js";
import type { RowMaker } from "./row-maker.js";

const getFactor = 1.5;
const putFactor = 2;
const startupSecondsWanted = 0.5;
const mebibyte = 1_024 * 1_024;
/** The writer's connection, the point reader's, and one per reader thread: 64 MiB each by default. */
const cachesMebibytes = 4 * 64;
const besideCachesMebibytes = 150;
const requestsPerSecond = 200;

interface Size {
  readonly keys: number;
  readonly get: Figure;
  readonly put: Figure;
  readonly residentMebibytes: number;
}

async function sizeRows(bench: Bench): Promise<readonly Row[]> {
  const { plan } = bench;
  const kvdb = await bench.anotherKvdb("kvdb-large");
  await bench.fill(kvdb, { first: 0, count: plan.smallKeys });
  const small = await sizeNow(bench, kvdb, plan.smallKeys);
  bench.say(`growing to ${number(plan.largeKeys)} keys`);
  await bench.fill(kvdb, { first: plan.smallKeys, count: plan.largeKeys - plan.smallKeys });
  const large = await sizeNow(bench, kvdb, plan.largeKeys);
  await kvdb.stop();
  const startups: number[] = [];
  for (let start = 1; start < plan.startups; start += 1) {
    const again = await bench.anotherKvdb("kvdb-large");
    startups.push(again.startupMs);
    await again.stop();
  }
  const last = await bench.anotherKvdb("kvdb-large");
  startups.push(last.startupMs);
  const disturbed = await disturbedRows(bench, last, plan.largeKeys);
  return [...growthRows(small, large), startupRow(startups, plan.largeKeys), ...disturbed];
}

async function sizeNow(bench: Bench, kvdb: StartedKvdb, keys: number): Promise<Size> {
  const pace = { kind: "open", requestsPerSecond } as const;
  const span = { first: 0, count: keys };
  const asked = { connections: 2, pace, keys: span, seconds: bench.plan.latencySeconds } as const;
  const get = await bench.measure(kvdb, { work: "get", ...asked });
  const put = await bench.measure(kvdb, { work: "put", ...asked });
  return { keys, get, put, residentMebibytes: residentBytes(kvdb.pid) / mebibyte };
}

const alone = { etcd: undefined, redis: undefined, sqlite: undefined } as const;

function growthRows(small: Size, large: Size): readonly Row[] {
  const growth = `${number(small.keys)} → ${number(large.keys)} keys`;
  const latencyOf = `open loop, ${number(requestsPerSecond)}/s, at the larger size`;
  const row = (work: "get" | "put", bound: number, extra: readonly Target[]): Row => {
    const factor = large[work].latency.p50 / small[work].latency.p50;
    const from = duration(small[work].latency.p50);
    const to = duration(large[work].latency.p50);
    const wanted = `${work === "get" ? "Get" : "Put"} p50 ≤ ${String(bound)} ×`;
    const measured = `${number(factor)} × (${from} → ${to})`;
    return {
      id: `growth-${work}`,
      table: "size",
      work: `${growth}: ${work === "get" ? "Get" : "Put"}`,
      item: work,
      kvdb: large[work],
      ...alone,
      limit: "–",
      ratio: `p50 ${number(factor)} ×`,
      latencyOf,
      targets: [{ wanted, measured, met: factor <= bound }, ...extra],
      compared: [{ name: "p50 to that of a small store", value: factor, better: "lower" }],
    };
  };
  const allowed = cachesMebibytes + besideCachesMebibytes;
  const resident = {
    wanted: `RSS within the configured caches (${number(cachesMebibytes)} MiB) + 150 MiB`,
    measured: `${number(large.residentMebibytes)} MiB`,
    met: large.residentMebibytes <= allowed,
  };
  return [row("get", getFactor, []), row("put", putFactor, [resident])];
}

function startupRow(startups: readonly number[], keys: number): Row {
  const seconds = median(startups) / 1_000;
  return {
    id: "start-up",
    table: "size",
    work: `start-up after a clean stop, ${number(keys)} keys, to SERVING`,
    item: "start",
    kvdb: undefined,
    ...alone,
    limit: "–",
    ratio: `${number(seconds)} s`,
    latencyOf: "–",
    targets: [
      { wanted: "≤ 0.5 s", measured: `${number(seconds)} s`, met: seconds <= startupSecondsWanted },
    ],
    compared: [{ name: "seconds to SERVING", value: seconds, better: "lower" }],
  };
}

export const grownRows: readonly RowMaker[] = [{ id: "size", peers: false, measure: sizeRows }];
