/**
 * The benchmarks' own parts, so that they cannot rot: what is made of figures, and one run at a size
 * of no meaning against a real daemon. etcd and Redis are left to `npm run bench`.
 */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../../src/foundation/clock.js";
import { median } from "../support/figures.js";
import { tempDirectory } from "../support/temp-directory.js";
import type { Percentiles } from "./measure/latency.js";
import { differences, type Machine, syncIsFree } from "./measure/machine.js";
import { type Figure, interleaved } from "./measure/statistics.js";
import { plans } from "./plan.js";
import { WorkingProcess } from "./processes/working-process.js";
import { journalModes, type RawJob, type RawReport, synchronousModes } from "./raw/raw-job.js";
import { type Baseline, compare, comparisonText } from "./report/compare.js";
import { type Report, reportMarkdown } from "./report/markdown.js";
import { duration, number, type Row } from "./report/row.js";
import { type SafetyCell, safetyMarkdown } from "./report/safety-table.js";
import { ratesSvg } from "./report/svg.js";
import { Bench } from "./rows/bench.js";
import { runBench } from "./run-bench.js";

const latency: Percentiles = { p50: 10, p99: 1_500, p999: 2_000_000, max: 3_000_000, count: 7 };

const machine: Machine = {
  processor: "one",
  cores: 2,
  memoryGibibytes: 8,
  kernel: "6",
  node: "20",
  fileSystem: "ext4",
  diskSyncMicros: 300,
};

function figure(itemsPerSecond: number): Figure {
  return {
    itemsPerSecond,
    cpuMicros: 5,
    mainCpuMicros: undefined,
    clientCpuMicros: undefined,
    latency,
  };
}

function rowWith(compared: Row["compared"]): Row {
  return {
    id: "get",
    table: "unary",
    work: "Get, <all> & more",
    item: "get",
    kvdb: figure(1_000),
    etcd: figure(500),
    redis: undefined,
    sqlite: undefined,
    limit: "–",
    ratio: "2 × etcd",
    latencyOf: "closed loop",
    targets: [
      { wanted: "≥ 1.5 × etcd", measured: "2 ×", met: true },
      { wanted: "a thousand times as much", measured: "2 ×", met: false },
    ],
    compared,
  };
}

function reportWith(rows: readonly Row[]): Report {
  const said = { measuredOn: "2000-01-01", commit: "abc", peers: "none" };
  return { plan: "tiny", ...said, machine, loadAverages: [0.5, 1], rows };
}

test("the median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.throws(() => median([]), /no value/);
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      return below <= values.length / 2 && above <= values.length / 2;
    }),
  );
});

test("systems are measured in turn, round after round, and the medians are kept", async () => {
  const order: string[] = [];
  const rates = { a: [1, 9, 2], b: [5, 5, 8] };
  const measure = (name: "a" | "b") => () => {
    order.push(name);
    return Promise.resolve(figure(rates[name].shift() ?? 0));
  };
  const medians = await interleaved(3, { a: measure("a"), b: measure("b") });
  assert.equal(order.join(""), "ababab");
  assert.equal(medians.a.itemsPerSecond, 2);
  assert.equal(medians.b.itemsPerSecond, 5);
});

for (const { better, now, failed } of [
  { better: "higher", now: 79, failed: true },
  { better: "higher", now: 81, failed: false },
  { better: "higher", now: 500, failed: false },
  { better: "lower", now: 126, failed: true },
  { better: "lower", now: 124, failed: false },
  { better: "lower", now: 1, failed: false },
] as const) {
  const word = failed ? "fails" : "passes";
  test(`a figure of 100 that is ${String(now)} now ${word} where ${better} is better`, () => {
    const compared = (value: number): Row => rowWith([{ name: "rate", value, better }]);
    const baseline: Baseline = { plan: "tiny", measuredOn: "", machine, rows: [compared(100)] };
    const comparison = compare(baseline, reportWith([compared(now)]));
    assert.ok(comparison.kind === "compared");
    assert.deepEqual(
      comparison.figures.map((each) => each.failed),
      [failed],
    );
    assert.match(comparisonText(comparison).join("\n"), failed ? /^FAILED get/ : /^ok/);
  });
}

test("a baseline of another machine, disk or plan is not compared, and it is said why", () => {
  const others: readonly Partial<Baseline>[] = [
    { machine: { ...machine, processor: "two" } },
    { machine: { ...machine, cores: 64 } },
    { machine: { ...machine, diskSyncMicros: 10 } },
    { plan: "full" },
  ];
  for (const other of others) {
    const baseline = { plan: "tiny", measuredOn: "", machine, rows: [], ...other };
    const comparison = compare(baseline, reportWith([]));
    assert.ok(comparison.kind === "not-comparable");
    assert.equal(comparison.why.length, 1);
    assert.match(comparisonText(comparison).join("\n"), /not meaningful/);
  }
  assert.deepEqual(differences(machine, { ...machine, diskSyncMicros: 500, node: "22" }), []);
  assert.ok(syncIsFree({ ...machine, diskSyncMicros: 3 }) && !syncIsFree(machine));
});

test("whole numbers stay whole, others keep three digits that matter, and latencies have the unit that suits them", () => {
  assert.deepEqual([0.1234, 1.234, 12.34, 123.4, 1_234_567, 5].map(number), [
    "0.123",
    "1.23",
    "12.3",
    "123",
    "1 234 567",
    "5",
  ]);
  assert.deepEqual([12.3, 1_500, 2_000_000].map(duration), ["12.3 µs", "1.50 ms", "2 s"]);
});

test("the report has a line for every row and says plainly which targets were missed", () => {
  const text = reportMarkdown(reportWith([rowWith([])]), ["plot.svg"]);
  assert.match(text, /\| Get, <all> & more.*\| \*\*1 000\/s\*\* \| 500\/s \| – \| – \|/);
  assert.match(text, /\| ≥ 1\.5 × etcd \| 2 × \| met \|/);
  assert.match(text, /\| a thousand times as much \| 2 × \| \*\*missed\*\* \|/);
  assert.ok(!text.includes("A sync is free here"));
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  const columns = lines.map((line) => line.split(" | ").length);
  assert.deepEqual(new Set(columns), new Set([11, 4]));
});

test("a plot draws a bar per system, the longest for the fastest", () => {
  const svg = ratesSvg("unary", [rowWith([])]);
  const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) => {
    return Number(width);
  });
  assert.equal(widths.length, 2);
  assert.ok(Math.abs((widths[0] ?? 0) / (widths[1] ?? 1) - 2) < 0.01);
  assert.ok(svg.includes("Get, &lt;all&gt; &amp; more"));
});

test("the safety table says where a promise assumes a free sync", () => {
  const cells = journalModes.flatMap((journal) => {
    return synchronousModes.flatMap((synchronous) => {
      return [1, 10, 100, 1_000].map((perCommit): SafetyCell => {
        const msPer1000Writes = synchronous === "NORMAL" ? 10 : 10 + 300 / perCommit;
        return { journal, synchronous, perCommit, msPer1000Writes };
      });
    });
  });
  const text = safetyMarkdown(machine, cells);
  assert.equal(text.split("\n").filter((line) => /^\| (WAL|DELETE) /.test(line)).length, 8);
  assert.match(text, /MISS: "17–20 ms per 1,000 writes".*fsync is free/);
  assert.match(text, /MISS: "< 25 % overhead"/);
  const free = safetyMarkdown({ ...machine, diskSyncMicros: 2 }, cells);
  assert.match(free, /A sync is free here/);
});

test("the rows that need no peer run from end to end, at a size of no meaning", async () => {
  const said: string[] = [];
  const directory = tempDirectory({ after });
  const report = await runBench({
    plan: plans.tiny,
    rowNames: ["engine", "watch", "batch-get-cold", "size"],
    directory,
    kvdbWrapper: [],
    clock: systemClock(),
    say: (what) => said.push(what),
  });
  const ids = report.rows.map(({ id }) => id);
  for (const id of ["engine-reads", "engine-lone-put", "watch", "batch-get-cold", "start-up"]) {
    assert.ok(ids.includes(id), `${id} in ${ids.join(", ")}`);
  }
  for (const { kvdb, id } of report.rows) {
    if (kvdb !== undefined) assert.ok(kvdb.itemsPerSecond > 0 && kvdb.cpuMicros > 0, id);
  }
  assert.ok(said.includes("4 of 4: size"));
});

test("raw SQLite writes a page in every commit, also of a key that was written before", async (t) => {
  const raw = new WorkingProcess<RawJob, RawReport>(
    new URL("./raw/raw-program.js", import.meta.url),
  );
  t.after(() => {
    raw.stop();
  });
  const file = join(tempDirectory({ after }), "raw.db");
  const modes = { journal: "WAL", synchronous: "NORMAL", cacheBytes: 1_048_576 } as const;
  await raw.run({ kind: "open", file, ...modes });
  const frameBytes = 4_096 + 24;
  for (const commits of [10, 20]) {
    await raw.run({ kind: "write-count", perCommit: 1, writes: 10 });
    assert.ok(statSync(`${file}-wal`).size >= commits * frameBytes);
  }
});

test("every form of load is answered with the right bytes, and a wrong byte fails it", async (t) => {
  const directory = tempDirectory({ after });
  const setup = { plan: plans.tiny, directory, kvdbWrapper: [], say: () => undefined };
  const bench = new Bench(setup);
  t.after(() => bench.close());
  const kvdb = await bench.kvdb();
  for (const [work, itemsPerRequest] of [
    ["get", 1],
    ["put", 1],
    ["batch-get", 100],
    ["batch-write", 100],
    ["pipeline", 100],
    ["scan", plans.tiny.keys],
  ] as const) {
    const measured = await bench.measure(kvdb, { work, itemsPerRequest });
    assert.ok(measured.itemsPerSecond > 0 && measured.latency.count > 0, work);
  }
  const pace = { kind: "open", requestsPerSecond: 200 } as const;
  assert.ok((await bench.measure(kvdb, { work: "get", pace })).latency.p50 > 0);
  const echo = await bench.measure(await bench.echo(), { work: "put" });
  assert.ok((echo.mainCpuMicros ?? 0) > 0);
  // Keys that nobody wrote: an answer without the value must not count as a fast one.
  const keys = { first: plans.tiny.keys, count: 100 };
  for (const work of ["get", "batch-get", "scan"] as const) {
    await assert.rejects(
      bench.measure(kvdb, { work, keys, itemsPerRequest: work === "get" ? 1 : 100 }),
      /right values|ended before key/,
      work,
    );
  }
});
