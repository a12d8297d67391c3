/**
 * A sync fails, the engine ends, and is started again: what is acknowledged after the restart must
 * survive a power cut too, although the kernel calls the pages clean that it has lost.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../foundation/random.js";
import { saveStory } from "../history/timeline.js";
import { inParallel } from "../in-parallel.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { type Operation, readOperationLog } from "../recording/operation-log.js";
import { runSolo } from "../solo/run-solo.js";
import { type SoloStep, soloNamespace } from "../solo/solo-order.js";
import { soloStoryOf } from "../solo/solo-story.js";
import { runStateChecks } from "../states/run-state-checks.js";

const write: SoloStep = { kind: "write", namespace: soloNamespace };
const passive: SoloStep = { kind: "checkpoint", mode: "passive" };
const truncate: SoloStep = { kind: "checkpoint", mode: "truncate" };
const close: SoloStep = { kind: "close" };
const rest: SoloStep = { kind: "rest" };

const writes = (count: number): readonly SoloStep[] => Array<SoloStep>(count).fill(write);
const wal = (nth: number): SoloStep => ({ kind: "arm", fault: `sync:-wal:${String(nth)}:EIO` });
const file = (suffix: string): SoloStep => ({ kind: "arm", fault: `sync:${suffix}:1:EIO` });

/** One start of the engine. */
interface Life {
  readonly steps: readonly SoloStep[];
  /** From the start of the process on, for what fails before any step. */
  readonly faults?: readonly string[];
  /** How the process must end. */
  readonly end: number | "SIGKILL";
}

/** After its lives the engine is started once more, writes, and must lose nothing. */
interface Scenario {
  readonly name: string;
  readonly lives: readonly Life[];
}

const io = 74;

function running(name: string, ...steps: readonly SoloStep[]): Scenario {
  return { name, lives: [{ steps, end: io }] };
}

/** The WAL of a killed process is there when the sync fails. */
function starting(name: string, ...faults: readonly string[]): Scenario {
  const killed: Life = { steps: [...writes(7), { kind: "kill" }], end: "SIGKILL" };
  return { name, lives: [killed, { steps: [write], faults, end: io }] };
}

/** The first ones come where a start without its repairs goes wrong most often. */
const scenarios: readonly Scenario[] = [
  running("a commit after a truncation", ...writes(12), truncate, wal(3), ...writes(4)),
  running("a commit long after a truncation", ...writes(6), truncate, ...writes(8), wal(1), write),
  running("the first commit of a store", wal(1), write),
  running("the second commit", write, wal(1), write),
  running("the tenth commit", ...writes(9), wal(1), write),
  running("the header of a WAL that begins anew", ...writes(5), passive, wal(1), write),
  running("the first commit of a WAL that begins anew", ...writes(5), passive, wal(2), write),
  running("the header after a truncation", ...writes(5), truncate, wal(1), write),
  running("the first commit after a truncation", ...writes(5), truncate, wal(2), write),
  running("the WAL before a checkpoint", ...writes(5), wal(1), passive),
  running("the database in a truncation", ...writes(5), file(".db"), truncate),
  running("the database in a passive checkpoint", ...writes(8), file(".db"), passive),
  running("the database in the last checkpoint", ...writes(5), file(".db"), close),
  running("the high-water mark", rest, file(".hwm"), ...writes(3), rest, write),
  { name: "the first sync of a WAL", lives: [{ steps: [], faults: ["sync:-wal:1:EIO"], end: io }] },
  { name: "the owner's file", lives: [{ steps: [], faults: ["sync:.owner:1:EIO"], end: io }] },
  { name: "the directory", lives: [{ steps: [], faults: ["sync:.:1:EIO:always"], end: io }] },
  starting("a WAL that is made durable again", "sync:-wal:1:EIO"),
  starting("the WAL in the checkpoint of a start", "sync:-wal:2:EIO"),
  starting("the database in the checkpoint of a start", "sync:.db:1:EIO"),
  starting("the first commit of a start", "sync:-wal:3:EIO"),
  starting("the directory of a start", "sync:.:1:EIO:always"),
  // Everything is closed by then: the next start only checks more than it would have to.
  {
    name: "the marker of a clean stop",
    lives: [{ steps: [write, file(".partial"), close], end: 0 }],
  },
];

export interface FailedSyncSize {
  readonly scenarios: number;
  /** For each scenario. */
  readonly states: number;
}

/** `program`: another build of the engine on its own, for the start after the failure too. */
export async function proveFailedSyncs(
  context: ProveContext,
  size: FailedSyncSize,
  program?: string,
): Promise<PartReport> {
  const problems: string[] = [];
  let states = 0;
  let violations = 0;
  const chosen = scenarios.slice(0, size.scenarios);
  let done = 0;
  // The chance of each is its own, so that one seed means the same however they overlap.
  const seeded = chosen.map((scenario) => ({ scenario, seed: context.random.uint32() }));
  await inParallel(seeded, context.processes, async ({ scenario, seed }) => {
    const alone = { ...context, random: seededRandom(seed), processes: 1 };
    const found = await withDirectory(context, "failed-sync", (directory) => {
      return runScenario(alone, scenario, { directory, states: size.states, program });
    });
    context.progress(`failed syncs: ${String(++done)} of ${String(chosen.length)}`);
    states += found.states;
    violations += found.violations;
    problems.push(...found.problems.map((problem) => `${scenario.name}: ${problem}`));
  });
  return {
    ...reportOf(
      {
        name: "failed-syncs",
        title: "after a failed sync the process ends, and the restart loses nothing to a power cut",
        tried: chosen.length,
        unit: "failed syncs, each with a restart and power cuts",
        facts: [`${String(states)} disk contents after the failures and restarts were started`],
      },
      problems,
    ),
    violations,
  };
}

interface ScenarioEnd {
  readonly states: number;
  /** More than there are sentences about, when many states are bad. */
  readonly violations: number;
  readonly problems: readonly string[];
}

async function runScenario(
  context: ProveContext,
  scenario: Scenario,
  of: { readonly directory: string; readonly states: number; readonly program: string | undefined },
): Promise<ScenarioEnd> {
  const data = join(of.directory, "data");
  const logFile = join(of.directory, "operations.log");
  mkdirSync(data, { mode: 0o700 });
  const common = {
    recorder: context.recorder,
    data,
    logFile,
    ...(of.program !== undefined && { program: of.program }),
  };
  const problems: string[] = [];
  const lastLife: Life = { steps: [...writes(6), { kind: "kill" }], end: "SIGKILL" };
  for (const { end, steps, ...life } of [...scenario.lives, lastLife]) {
    // One that goes on where it should have ended is stopped, and that is noticed.
    const all: readonly SoloStep[] = end === 0 ? steps : [...steps, { kind: "kill" }];
    const found = await runSolo({ ...common, ...life, steps: all });
    const ended = found.code ?? found.signal;
    if (ended === end) continue;
    problems.push(`it ended with ${String(ended)}, not ${String(end)}: ${found.lastWords.trim()}`);
  }
  const operations = readOperationLog(logFile);
  const story = soloStoryOf(operations);
  const storyFile = join(of.directory, "story.json");
  saveStory(storyFile, story);
  const result = await runStateChecks({
    log: logFile,
    story: storyFile,
    seed: context.random.uint32(),
    states: of.states,
    processes: context.processes,
    window: { from: failureIn(operations), to: Number.MAX_SAFE_INTEGER },
    engineEvery: 1,
    keepBadIn: context.keepIn,
  });
  for (const { at, pattern, reason } of result.samples) {
    problems.push(`after operation ${String(at)}, "${pattern}": ${reason}`);
  }
  const violations = problems.length - result.samples.length + result.bad;
  return { states: result.states, violations, problems };
}

/** Where the sync failed; the whole log when none did, which the exit code will tell. */
function failureIn(operations: readonly Operation[]): number {
  return operations.find(({ kind }) => kind === "sync-failed")?.index ?? 0;
}
