/** Measures what is wanted, one row after another, on servers of its own. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../src/foundation/clock.js";
import { thisMachine } from "./measure/machine.js";
import { needPeers } from "./peers/start-peers.js";
import type { Plan } from "./plan.js";
import type { Report } from "./report/markdown.js";
import type { Row } from "./report/row.js";
import { Bench } from "./rows/bench.js";
import { insideRows } from "./rows/engine-rows.js";
import { itemRows } from "./rows/item-rows.js";
import type { RowMaker } from "./rows/row-maker.js";
import { grownRows } from "./rows/size-rows.js";
import { unaryRows } from "./rows/unary-rows.js";

/** In this order: the engine while nothing else runs, what restarts the shared daemon last. */
const makers: readonly RowMaker[] = [...insideRows, ...unaryRows, ...itemRows, ...grownRows];

export interface BenchRun {
  readonly plan: Plan;
  /** Empty: all rows. */
  readonly rowNames: readonly string[];
  /** All servers keep their files in a new directory below it. */
  readonly directory: string;
  readonly kvdbWrapper: readonly string[];
  readonly clock: Clock;
  readonly say: (what: string) => void;
}

/** Rejects when a row fails: a figure with an error in it is none. */
export async function runBench(run: BenchRun): Promise<Report> {
  const wanted = chosen(run.rowNames);
  if (wanted.some(({ peers }) => peers)) needPeers();
  const directory = mkdtempSync(join(run.directory, "kvdb-bench-"));
  const bench = new Bench({ ...run, directory });
  const end = (): void => {
    void bench.close().finally(() => {
      rmSync(directory, { recursive: true, force: true });
      process.exit(130);
    });
  };
  process.once("SIGINT", end);
  const loadBefore = loadavg()[0] ?? 0;
  try {
    const rows: Row[] = [];
    for (const [index, maker] of wanted.entries()) {
      run.say(`${String(index + 1)} of ${String(wanted.length)}: ${maker.id}`);
      rows.push(...(await maker.measure(bench)));
    }
    run.say("the disk");
    const sync = await bench.measureRaw({
      kind: "disk-sync",
      directory,
      seconds: run.plan.seconds,
    });
    return {
      plan: run.plan.name,
      measuredOn: new Date(run.clock.wallMs()).toISOString().slice(0, 10),
      commit: firstLine("git", "rev-parse", "--short", "HEAD"),
      peers: [
        firstLine("etcd", "--version"),
        firstLine("redis-server", "--version").split(" ").slice(0, 3).join(" "),
      ].join("; "),
      machine: thisMachine(directory, sync.latency.p50),
      loadAverages: [loadBefore, loadavg()[0] ?? 0],
      rows,
    };
  } finally {
    process.removeListener("SIGINT", end);
    await bench.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function chosen(names: readonly string[]): readonly RowMaker[] {
  const known = makers.map(({ id }) => id);
  const strange = names.filter((name) => !known.includes(name));
  if (strange.length > 0) {
    throw new Error(`no row is called ${strange.join(", ")}; there are ${known.join(", ")}`);
  }
  return names.length === 0 ? makers : makers.filter(({ id }) => names.includes(id));
}

function firstLine(command: string, ...flags: readonly string[]): string {
  const { stdout, status } = spawnSync(command, flags, { encoding: "utf8" });
  return status === 0 ? (stdout.split("\n")[0] ?? "") : "unknown";
}
