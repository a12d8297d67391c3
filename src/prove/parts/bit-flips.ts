/**
 * Bytes change at rest: a bit flips, a sector is zeroed, a page lies in the place of another. Every
 * such store must refuse, complain, or hold exactly what it held; never something else in silence.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FlipCounts, FlipPlan, FromFlips } from "../flips/flip-plan.js";
import { saveStory } from "../history/timeline.js";
import type { MutantBuild } from "../mutants/mutant-build.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { readOperationLog } from "../recording/operation-log.js";
import { runSolo } from "../solo/run-solo.js";
import { type SoloStep, soloNamespace } from "../solo/solo-order.js";
import { soloStoryOf } from "../solo/solo-story.js";
import { scratchRoot } from "../states/run-state-checks.js";
import { databaseName } from "../states/state-check.js";
import { runWorker } from "../worker.js";

const program = fileURLToPath(new URL("../flips/flip-process.js", import.meta.url));
const writesAtRest = 24;

export interface FlipSize {
  readonly positions: number;
}

interface Target {
  /** What is damaged. */
  readonly name: string;
  readonly steps: readonly SoloStep[];
  /** Of all positions, in percent. */
  readonly percent: number;
}

const writes = Array<SoloStep>(writesAtRest).fill({ kind: "write", namespace: soloNamespace });
const wal = `${databaseName}-wal`;

const targets: readonly Target[] = [
  { name: databaseName, steps: [...writes, { kind: "close" }], percent: 60 },
  // The mark knows the last commit by the time the process dies.
  { name: wal, steps: [...writes, { kind: "rest" }, { kind: "kill" }], percent: 40 },
];

/** For controls: what only the checksums protect, and what only the look at the WAL does. */
export const flipTargets = {
  database: { name: databaseName, steps: [...writes, { kind: "close" }], percent: 100 },
  wal: { name: wal, steps: [...writes, { kind: "kill" }], percent: 100 },
} as const satisfies Record<string, Target>;

export interface FlipVariant {
  readonly build: Pick<MutantBuild, "solo" | "flips">;
  readonly target: keyof typeof flipTargets;
}

export async function proveBitFlips(
  context: ProveContext,
  size: FlipSize,
  variant?: FlipVariant,
): Promise<PartReport> {
  const total = { refused: 0, found: 0, harmless: 0, silent: 0 };
  const examples: string[] = [];
  const chosen = variant === undefined ? targets : [flipTargets[variant.target]];
  for (const target of chosen) {
    const positions = Math.round((size.positions * target.percent) / 100);
    const result = await withDirectory(context, "bit-flips", (directory) => {
      return damage(context, target, { directory, positions, build: variant?.build });
    });
    for (const name of ["refused", "found", "harmless", "silent"] as const) {
      total[name] += result.counts[name];
    }
    examples.push(...result.examples);
  }
  const { refused, found, harmless, silent } = total;
  return {
    ...reportOf(
      {
        name: "bit-flips",
        title: "damage at rest is noticed, or changes nothing that can be read",
        tried: refused + found + harmless + silent,
        unit: "damaged places of database and WAL",
        facts: [
          `${String(refused)} ended a start or a read with an error, ${String(found)} were found by a check, ${String(harmless)} hit nothing`,
        ],
      },
      examples,
    ),
    violations: silent,
  };
}

interface Damaged {
  readonly counts: FlipCounts;
  readonly examples: readonly string[];
}

async function damage(
  context: ProveContext,
  target: Target,
  of: {
    readonly directory: string;
    readonly positions: number;
    readonly build: FlipVariant["build"] | undefined;
  },
): Promise<Damaged> {
  const data = join(of.directory, "data");
  const logFile = join(of.directory, "operations.log");
  mkdirSync(data, { mode: 0o700 });
  const { recorder, processes } = context;
  const { steps } = target;
  const built = of.build === undefined ? {} : { program: of.build.solo };
  await runSolo({ recorder, data, logFile, steps, ...built });
  const story = join(of.directory, "story.json");
  saveStory(story, soloStoryOf(readOperationLog(logFile)));
  const scratch = mkdtempSync(join(scratchRoot(), "kvdb-prove-"));
  const done = new Array<number>(processes).fill(0);
  const shares = done.map(async (_none, index): Promise<readonly Damaged[]> => {
    const plan: FlipPlan = {
      from: data,
      name: target.name,
      story,
      scratch: join(scratch, String(index)),
      seed: context.random.uint32(),
      positions: Math.ceil(of.positions / processes),
    };
    const results: Damaged[] = [];
    const job = { program: of.build?.flips ?? program, argument: plan };
    await runWorker(job, (line) => {
      const message = line as FromFlips;
      if (message.kind === "result") results.push(message);
      else done[index] = message.done;
      const sum = done.reduce((all, part) => all + part, 0);
      context.progress(
        `damage: ${String(sum)} of ${String(of.positions)} places of ${target.name}`,
      );
    });
    return results;
  });
  try {
    return sumOf((await Promise.all(shares)).flat());
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function sumOf(results: readonly Damaged[]): Damaged {
  const sum = (name: keyof FlipCounts): number => {
    return results.reduce((total, { counts }) => total + counts[name], 0);
  };
  return {
    counts: {
      refused: sum("refused"),
      found: sum("found"),
      harmless: sum("harmless"),
      silent: sum("silent"),
    },
    examples: results.flatMap(({ examples }) => examples),
  };
}
