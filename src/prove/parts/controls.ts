/**
 * The proof put to the proof: the same suites against daemons with a mistake planted in them. Each
 * mistake must be noticed; one that is not says that the suites are blind, and counts as a violation.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildMutant, type MutantBuild, type TextChange } from "../mutants/mutant-build.js";
import {
  acknowledgesBeforeCommit,
  startsWithoutCheckpoint,
  trustsTheWal,
} from "../mutants/mutants.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { proveBitFlips } from "./bit-flips.js";
import { proveFailedSyncs } from "./failed-syncs.js";
import { provePowerCuts, type Variant } from "./power-cuts.js";

/** How many violations the suites counted; 0 = the mistake went unnoticed. */
interface Noticed {
  readonly violations: number;
  readonly tried: number;
}

const writesPerRound = 8;

interface Control {
  readonly mistake: string;
  readonly run: (context: ProveContext) => Promise<Noticed>;
}

export interface ControlSize {
  /** Disk contents for each mistake that a power cut shows. */
  readonly states: number;
  readonly failedSyncStates: number;
  readonly flips: number;
}

function controlsOf(size: ControlSize): readonly Control[] {
  const cut = (mistake: string, variant: Variant): Control => ({
    mistake,
    run: (context) => cutWith(context, size.states, variant),
  });
  const build = (mistake: string, changes: readonly TextChange[], run: RunMutant): Control => ({
    mistake,
    run: (context) => withMutant(context, changes, run),
  });
  const failSync: RunMutant = async (context, { solo }) => {
    const states = size.failedSyncStates;
    const { violations } = await proveFailedSyncs(context, { scenarios: 1, states }, solo);
    return { violations, tried: states };
  };
  return [
    cut("synchronous is NORMAL", { flags: ["--sqlite-synchronous=NORMAL"] }),
    cut("synchronous is OFF", { flags: ["--profile=staging", "--sqlite-synchronous=OFF"] }),
    cut("syncs of the WAL do nothing", { faults: ["sync:-wal:1:lie:always"] }),
    cut("syncs of the database do nothing", { faults: ["sync:.db:1:lie:always"] }),
    cut("syncs of the directory do nothing", { faults: ["sync:.:1:lie:always"] }),
    build("answers leave before the commit", acknowledgesBeforeCommit, (context, { daemon }) => {
      return cutWith(context, size.states, { program: daemon });
    }),
    build("no checkpoint at a start", [startsWithoutCheckpoint, trustsTheWal], failSync),
    build("the WAL is not made durable again", [trustsTheWal], failSync),
    {
      mistake: "checksums of rows are not looked at",
      run: (context) => proveBitFlips(context, { positions: size.flips, checksums: false }),
    },
  ];
}

export async function proveControls(context: ProveContext, size: ControlSize): Promise<PartReport> {
  const unnoticed: string[] = [];
  const facts: string[] = [];
  const controls = controlsOf(size);
  for (const [index, { mistake, run }] of controls.entries()) {
    context.progress(`planted mistakes: ${String(index + 1)} of ${String(controls.length)}`);
    // What is found in here is wanted, and no evidence of anything.
    const { violations, tried } = await run({ ...context, keepIn: undefined });
    facts.push(`${mistake}: noticed ${String(violations)} times in ${String(tried)}`);
    if (violations === 0) unnoticed.push(`${mistake}: not noticed in ${String(tried)} tries`);
  }
  return reportOf(
    {
      name: "controls",
      title: "each planted mistake is noticed by the suite that is there for it",
      tried: controls.length,
      unit: "planted mistakes",
      facts,
    },
    unnoticed,
  );
}

async function cutWith(context: ProveContext, states: number, variant: Variant): Promise<Noticed> {
  const size = {
    states,
    statesOfRecovery: 0,
    engineEvery: 4,
    writesPerRound,
    lives: "first",
  } as const;
  const reports = await provePowerCuts(context, size, variant);
  return {
    violations: reports.states.violations + reports.order.violations,
    tried: reports.states.tried + reports.order.tried,
  };
}

type RunMutant = (context: ProveContext, build: MutantBuild) => Promise<Noticed>;

async function withMutant(
  context: ProveContext,
  changes: readonly TextChange[],
  run: RunMutant,
): Promise<Noticed> {
  return await withDirectory(context, "mutant", async (directory) => {
    const copy = join(directory, "copy");
    mkdirSync(copy);
    return await run(context, buildMutant(copy, changes));
  });
}
