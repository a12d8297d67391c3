/**
 * Bytes change at rest: a bit flips, a sector is zeroed, a page lies in the place of another. Every
 * such store must refuse, complain, or hold exactly what it held; never something else in silence.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FlipCounts, FlipPlan, FromFlips } from "../flips/flip-plan.js";
import { saveStory } from "../history/timeline.js";
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
  /** False: a control, in which damage must come through. */
  readonly checksums?: boolean;
}

interface Target {
  /** What is damaged. */
  readonly name: string;
  readonly steps: readonly SoloStep[];
  /** Of all positions, in percent. */
  readonly percent: number;
}

const writes = Array<SoloStep>(writesAtRest).fill({ kind: "write", namespace: soloNamespace });

const targets: readonly Target[] = [
  { name: databaseName, steps: [...writes, { kind: "close" }], percent: 60 },
  // The mark knows the last commit by the time the process dies.
  {
    name: `${databaseName}-wal`,
    steps: [...writes, { kind: "rest" }, { kind: "kill" }],
    percent: 40,
  },
];

export async function proveBitFlips(context: ProveContext, size: FlipSize): Promise<PartReport> {
  const checksums = size.checksums ?? true;
  const total = { refused: 0, found: 0, harmless: 0, silent: 0 };
  const examples: string[] = [];
  for (const target of targets) {
    const positions = Math.round((size.positions * target.percent) / 100);
    const result = await withDirectory(context, "bit-flips", (directory) => {
      return damage(context, target, { directory, positions, checksums });
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
  of: { readonly directory: string; readonly positions: number; readonly checksums: boolean },
): Promise<Damaged> {
  const data = join(of.directory, "data");
  const logFile = join(of.directory, "operations.log");
  mkdirSync(data, { mode: 0o700 });
  await runSolo({ recorder: context.recorder, data, logFile, steps: target.steps });
  const story = join(of.directory, "story.json");
  saveStory(story, soloStoryOf(readOperationLog(logFile)));
  const scratch = mkdtempSync(join(scratchRoot(), "kvdb-prove-"));
  const { processes } = context;
  const done = new Array<number>(processes).fill(0);
  const shares = done.map(async (_none, index): Promise<readonly Damaged[]> => {
    const plan: FlipPlan = {
      from: data,
      name: target.name,
      story,
      scratch: join(scratch, String(index)),
      seed: context.random.uint32(),
      positions: Math.ceil(of.positions / processes),
      checksums: of.checksums,
    };
    const results: Damaged[] = [];
    await runWorker({ program, argument: plan }, (line) => {
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
