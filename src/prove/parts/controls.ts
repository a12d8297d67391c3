/**
 * The proof put to the proof: the same suites against daemons with a mistake planted in them. Each
 * mistake must be noticed; one that is not says that the suites are blind, and counts as a violation.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Synchronous } from "../../engine/index.js";
import { buildMutant, type MutantBuild, type TextChange } from "../mutants/mutant-build.js";
import {
  acknowledgesBeforeCommit,
  checkpointsByItself,
  doesNotScanTheWal,
  goesOnAfterFailedSync,
  hasNoChecksums,
  startsWithoutCheckpoint,
  trustsTheWal,
} from "../mutants/mutants.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { type FlipVariant, proveBitFlips } from "./bit-flips.js";
import { proveFailedSyncs } from "./failed-syncs.js";
import { controlMissingSyncs, controlSynchronous } from "./log-controls.js";
import { provePowerCuts } from "./power-cuts.js";
import { proveIoFaults } from "./single-faults.js";

/** How many violations the suites counted; 0 = the mistake went unnoticed. */
interface Noticed {
  readonly mistake: string;
  readonly violations: number;
  readonly tried: number;
}

const writesPerRound = 8;
const engineEvery = 4;
const autoCheckpointFaults = 8;

export interface ControlSize {
  /** Disk contents for each mistake that a power cut shows. */
  readonly states: number;
  readonly failedSyncStates: number;
  readonly flips: number;
}

type Control = (context: ProveContext, size: ControlSize) => Promise<readonly Noticed[]>;

const controls: readonly Control[] = [
  async (context, { states }) => {
    const { untouched, missing } = await controlMissingSyncs(context, states);
    if (untouched.bad > 0) throw new Error("the recording is bad with all of its syncs");
    return [...missing].map(([mistake, found]) => ({
      mistake,
      violations: found.bad,
      tried: found.states,
    }));
  },
  synchronous("NORMAL"),
  synchronous("OFF"),
  mutant("answers leave before the commit", acknowledgesBeforeCommit, async (context, of) => {
    const size = {
      states: of.size.states,
      statesOfStart: 0,
      statesOfUpgrade: 0,
      engineEvery,
      writesPerRound,
      lives: "first",
    } as const;
    const { states, order } = await provePowerCuts(context, size, { program: of.build.daemon });
    return {
      violations: states.violations + order.violations,
      tried: states.tried + order.tried,
    };
  }),
  failedSync("no checkpoint at a start, and no WAL made durable", [
    startsWithoutCheckpoint,
    trustsTheWal,
  ]),
  failedSync("the WAL is not made durable again", [trustsTheWal]),
  failedSync("the engine goes on after a failed sync", [goesOnAfterFailedSync]),
  mutant("SQLite checkpoints by itself", [checkpointsByItself], (context, { build }) => {
    return proveIoFaults(
      context,
      { faults: autoCheckpointFaults },
      { program: build.solo, file: /\.db$/ },
    );
  }),
  damage("rows have no checksums", hasNoChecksums, "database"),
  damage("the WAL is not scanned before a start", doesNotScanTheWal, "wal"),
];

function synchronous(level: Synchronous): Control {
  return async (context, { states }) => {
    const found = await controlSynchronous(context, level, states);
    const mistake = `synchronous is ${level}`;
    return [{ mistake, violations: found.bad, tried: found.states }];
  };
}

function failedSync(mistake: string, changes: readonly TextChange[]): Control {
  return mutant(mistake, changes, async (context, { build, size }) => {
    const states = size.failedSyncStates;
    const { violations } = await proveFailedSyncs(context, { scenarios: 1, states }, build.solo);
    return { violations, tried: states };
  });
}

function damage(mistake: string, change: TextChange, target: FlipVariant["target"]): Control {
  return mutant(mistake, [change], (context, { build, size }) => {
    return proveBitFlips(context, { positions: size.flips }, { build, target });
  });
}

export async function proveControls(context: ProveContext, size: ControlSize): Promise<PartReport> {
  const noticed: Noticed[] = [];
  for (const [index, control] of controls.entries()) {
    context.progress(`planted mistakes: ${String(index + 1)} of ${String(controls.length)}`);
    // What is found in here is wanted, and no evidence of anything.
    noticed.push(...(await control({ ...context, keepIn: undefined }, size)));
  }
  const unnoticed = noticed.filter(({ violations }) => violations === 0);
  return reportOf(
    {
      name: "controls",
      title: "each planted mistake is noticed by the suite that is there for it",
      tried: noticed.length,
      unit: "planted mistakes",
      facts: noticed.map(({ mistake, violations, tried }) => {
        return `${mistake}: noticed ${String(violations)} times in ${String(tried)}`;
      }),
    },
    unnoticed.map(({ mistake, tried }) => `${mistake}: not noticed in ${String(tried)} tries`),
  );
}

interface MutantOrder {
  readonly build: MutantBuild;
  readonly size: ControlSize;
}

function mutant(
  mistake: string,
  changes: readonly TextChange[],
  run: (
    context: ProveContext,
    order: MutantOrder,
  ) => Promise<Pick<Noticed, "violations" | "tried">>,
): Control {
  return async (context, size) => {
    return await withDirectory(context, "mutant", async (directory) => {
      const copy = join(directory, "copy");
      mkdirSync(copy);
      const build = buildMutant(copy, changes);
      const { violations, tried } = await run(context, { build, size });
      return [{ mistake, violations, tried }];
    });
  };
}
