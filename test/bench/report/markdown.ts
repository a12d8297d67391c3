/** The report as Markdown: a table per kind of figure, and one of what was wanted. */
import { type Machine, syncIsFree } from "../measure/machine.js";
import type { Figure } from "../measure/statistics.js";
import { duration, number, type Row, type TableName, tableNames } from "./row.js";

export interface Report {
  readonly plan: string;
  readonly measuredOn: string;
  readonly commit: string;
  readonly peers: string;
  readonly machine: Machine;
  /** Load averages when the run began, and when it ended: what else the machine had to do. */
  readonly loadAverages: readonly [number, number];
  readonly rows: readonly Row[];
}

const titles = {
  engine: "In process: the engine without gRPC",
  unary: "Unary gRPC: one key per call",
  items: "Batches and streams: per key, row or event",
  size: "Size, start-up and company",
} as const satisfies Record<TableName, string>;

const columns = [
  "work",
  "kvdb",
  "etcd",
  "Redis",
  "raw better-sqlite3",
  "limit",
  "ratio",
  "CPU µs/op",
  "p50",
  "p99",
  "p999",
];

export function reportMarkdown(report: Report, plots: readonly string[]): string {
  const parts = [
    `# Benchmark, ${report.plan} run`,
    conditions(report),
    ...tableNames.flatMap((table) => tableOf(table, report.rows)),
    ...targets(report.rows),
    ...plots.map((plot) => `![${plot}](${plot})`),
  ];
  return `${parts.join("\n\n")}\n`;
}

function conditions({ machine, loadAverages, ...report }: Report): string {
  const free = syncIsFree(machine) ? " **A sync is free here: nothing reaches a disk.**" : "";
  return [
    `Made by \`npm run bench\` at commit ${report.commit}, ${report.measuredOn}; method and misses are in`,
    "[README.md](README.md). Rates of different runs must not be compared, ratios and CPU may.",
    "",
    `- machine: ${machine.processor}; ${String(machine.cores)} cores, ${String(machine.memoryGibibytes)} GiB,` +
      ` Linux ${machine.kernel}, Node ${machine.node}, ${machine.fileSystem}`,
    `- disk: append of 4 KiB and fdatasync ${duration(machine.diskSyncMicros)} (p50).${free}`,
    `- peers: ${report.peers}; all on loopback, every write synced before its answer`,
    `- load average when it began ${number(loadAverages[0])}, when it ended ${number(loadAverages[1])};` +
      " server and client share the cores",
  ].join("\n");
}

function tableOf(table: TableName, rows: readonly Row[]): readonly string[] {
  const lines = rows.filter((row) => row.table === table).map(lineOf);
  if (lines.length === 0) return [];
  return [`## ${titles[table]}`, asTable(columns, lines)];
}

function lineOf(row: Row): readonly string[] {
  const latency = row.kvdb?.latency;
  const latencies = latency === undefined ? [] : [latency.p50, latency.p99, latency.p999];
  return [
    latency === undefined ? row.work : `${row.work}<br>*latency: ${row.latencyOf}*`,
    `**${rate(row.kvdb)}**`,
    rate(row.etcd),
    rate(row.redis),
    rate(row.sqlite),
    row.limit,
    row.ratio,
    processorTime(row),
    ...(latencies.length === 0 ? ["–", "–", "–"] : latencies.map(duration)),
  ];
}

function rate(figure: Figure | undefined): string {
  return figure === undefined ? "–" : `${number(figure.itemsPerSecond)}/s`;
}

/** kvdb's, then each peer's that was measured. */
function processorTime({ kvdb, etcd, redis, sqlite }: Row): string {
  const peers = [
    ["etcd", etcd],
    ["Redis", redis],
    ["raw", sqlite],
  ] as const;
  const others = peers.flatMap(([name, figure]) => {
    return figure === undefined ? [] : [`${name} ${number(figure.cpuMicros)}`];
  });
  if (kvdb === undefined) return "–";
  const main = kvdb.mainCpuMicros === undefined ? "" : ` (main ${number(kvdb.mainCpuMicros)})`;
  return [`**${number(kvdb.cpuMicros)}**${main}`, ...others].join("<br>");
}

function targets(rows: readonly Row[]): readonly string[] {
  const lines = rows.flatMap(({ work, targets: all }) => {
    return all.map(({ wanted, measured, met }) => [
      work,
      wanted,
      measured,
      met ? "met" : "**missed**",
    ]);
  });
  return ["## Targets", asTable(["work", "target", "measured", "target met"], lines)];
}

function asTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...lines.map(line)].join("\n");
}
