/**
 * `npm run bench`: kvdb beside etcd, Redis and raw SQLite, in one run on one machine. Prints the
 * tables and keeps them in docs/benchmarks; what they mean is in docs/benchmarks/README.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/foundation/clock.js";
import { type BenchFlags, benchFlags, usage } from "./bench-flags.js";
import { plans } from "./plan.js";
import { type Baseline, compare, comparisonText } from "./report/compare.js";
import { type Report, reportMarkdown } from "./report/markdown.js";
import { tableNames } from "./report/row.js";
import { ratesSvg } from "./report/svg.js";
import { runBench } from "./run-bench.js";

const home = fileURLToPath(new URL("../../../docs/benchmarks/", import.meta.url));
const baselineFile = join(home, "baseline.json");
const beganMs = performance.now();

function say(what: string): void {
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0).padStart(4);
  process.stderr.write(`[${seconds} s] ${what}\n`);
}

/** Node takes these options on its command line only, not from the environment. */
function profiling(directory: string): readonly string[] {
  const script = `node="$1"; shift; exec "$node" --cpu-prof --cpu-prof-dir="$0" "$@"`;
  return ["/bin/sh", "-c", script, resolve(directory)];
}

function run(flags: BenchFlags): Promise<Report> {
  const { profileDirectory, rowNames } = flags;
  const kvdbWrapper = profileDirectory === undefined ? [] : profiling(profileDirectory);
  const plan = flags.full ? plans.full : plans.quick;
  const { directory } = flags;
  return runBench({ plan, rowNames, directory, kvdbWrapper, clock: systemClock(), say });
}

/** The report, its figures and its plots. Leaves everything alone after a run of some rows only. */
function store(report: Report): void {
  mkdirSync(home, { recursive: true });
  const file = (rest: string): string => join(home, `${report.plan}${rest}`);
  const plots = tableNames.filter((table) => table !== "size").map((table) => `-${table}.svg`);
  for (const table of tableNames) {
    if (table !== "size") writeFileSync(file(`-${table}.svg`), ratesSvg(table, report.rows));
  }
  writeFileSync(file(".json"), `${JSON.stringify(report, undefined, 2)}\n`);
  const names = plots.map((plot) => `${report.plan}${plot}`);
  writeFileSync(file(".md"), reportMarkdown(report, names));
  say(`written to docs/benchmarks/${report.plan}.md, .json and .svg`);
}

function storeBaseline({ plan, measuredOn, machine, rows }: Report): void {
  const kept = rows.map(({ id, compared }) => ({ id, compared }));
  const baseline: Baseline = { plan, measuredOn, machine, rows: kept };
  writeFileSync(baselineFile, `${JSON.stringify(baseline, undefined, 2)}\n`);
  say("stored as the baseline, docs/benchmarks/baseline.json");
}

/** True when nothing is worse than it may be. */
function comparesWell(report: Report): boolean {
  const baseline = JSON.parse(readFileSync(baselineFile, "utf8")) as Baseline;
  const comparison = compare(baseline, report);
  process.stdout.write(`\n${comparisonText(comparison).join("\n")}\n`);
  if (comparison.kind === "not-comparable") return true;
  return !comparison.figures.some(({ failed }) => failed);
}

async function main(): Promise<number> {
  const flags = benchFlags(process.argv.slice(2));
  const report = await run(flags);
  process.stdout.write(reportMarkdown(report, []));
  if (flags.rowNames.length === 0 && flags.profileDirectory === undefined) store(report);
  if (flags.saveBaseline) storeBaseline(report);
  return flags.compare && !comparesWell(report) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n\n${usage}\n`,
  );
  process.exitCode = 1;
}
