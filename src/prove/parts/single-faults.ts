/**
 * One call of the kernel at a time: each write, sync, truncation, removal and renaming that a store's
 * life consists of fails (with an error of the disk, without space, or by half), or is the last one
 * before a kill. The engine must end or refuse in the right way, and what was acknowledged must be
 * there afterwards, as the files lie there and after a power cut.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Random, seededRandom } from "../../foundation/random.js";
import { Disk } from "../disk/disk.js";
import { type Content, contentAfterCut, type Pattern } from "../disk/power-cut.js";
import { Timeline } from "../history/timeline.js";
import { inParallel } from "../in-parallel.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { type Operation, readOperationLog } from "../recording/operation-log.js";
import { runSolo } from "../solo/run-solo.js";
import { doomedNamespace, type SoloStep, soloNamespace } from "../solo/solo-order.js";
import { soloStoryOf } from "../solo/solo-story.js";
import { scratchDirectory } from "../states/run-state-checks.js";
import { examineContent } from "../states/state-check.js";

const write: SoloStep = { kind: "write", namespace: soloNamespace };
const doomed: SoloStep = { kind: "write", namespace: doomedNamespace };

/** Everything that moves data on the disk, once. */
const life: readonly SoloStep[] = [
  ...Array<SoloStep>(4).fill(write),
  doomed,
  { kind: "checkpoint", mode: "passive" },
  write,
  write,
  { kind: "checkpoint", mode: "truncate" },
  { kind: "keep-history", namespace: soloNamespace },
  write,
  write,
  { kind: "compact", namespace: soloNamespace },
  { kind: "delete-namespace", namespace: doomedNamespace },
  { kind: "vacuum" },
  { kind: "rest" },
  write,
  { kind: "close" },
];

const cuts: readonly Pattern[] = ["nothing", "some", "torn at 512"];

interface Sweep {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** What happens to a write, by turns, and to every other call. */
  readonly toWrites: readonly string[];
  readonly toOthers: string;
  /** How the process may end. */
  readonly ends: readonly (number | string | null)[];
}

const ioFaults: Sweep = {
  name: "io-faults",
  title: "a call that fails costs nothing that was acknowledged",
  unit: "faults, one in each life of a store",
  toWrites: ["EIO", "ENOSPC", "short"],
  toOthers: "EIO",
  // A stop in order; an exit over a disk error; a start without room, or without a file.
  ends: [0, 74, 75, 77],
};

const exactKills: Sweep = {
  name: "exact-kills",
  title: "killed at any call of a creation, checkpoint, compaction or stop, it starts whole",
  unit: "kills, one in each life of a store",
  toWrites: ["kill"],
  toOthers: "kill",
  ends: ["SIGKILL"],
};

const operationsOf = {
  wrote: "write",
  synced: "sync",
  truncated: "truncate",
  unlinked: "unlink",
  renamed: "rename",
  created: "open",
} as const;

export interface SweepSize {
  readonly faults: number;
}

export function proveIoFaults(context: ProveContext, size: SweepSize): Promise<PartReport> {
  return sweepOver(context, ioFaults, size);
}

export function proveExactKills(context: ProveContext, size: SweepSize): Promise<PartReport> {
  return sweepOver(context, exactKills, size);
}

async function sweepOver(
  context: ProveContext,
  sweep: Sweep,
  size: SweepSize,
): Promise<PartReport> {
  const faults = await withDirectory(context, "dry-run", async (directory) => {
    const { operations } = await oneLife(context, directory, undefined);
    return chooseFaults(operations, sweep, size.faults);
  });
  const problems: string[] = [];
  const ends = new Map<string, number>();
  let fired = 0;
  let done = 0;
  await inParallel(faults, context.processes, async (fault) => {
    const seed = context.random.uint32();
    const found = await withDirectory(context, sweep.name, async (directory) => {
      const lived = await oneLife(context, directory, fault);
      return await judge(lived, sweep, seededRandom(seed));
    });
    context.progress(`${sweep.name}: ${String(++done)} of ${String(faults.length)}`);
    // A timer may have come one write earlier this time, so that there was no such call.
    if (!found.fired) return;
    fired++;
    ends.set(found.end, (ends.get(found.end) ?? 0) + 1);
    problems.push(...found.problems.map((problem) => `${fault}: ${problem}`));
  });
  const facts = [...ends].map(([end, count]) => `${String(count)} ended with ${end}`);
  const { name, title, unit } = sweep;
  return reportOf({ name, title, tried: fired, unit, facts }, problems);
}

interface Lived {
  readonly data: string;
  readonly operations: readonly Operation[];
  readonly end: { readonly code: number | null; readonly signal: string | null };
  readonly lastWords: string;
}

async function oneLife(
  { recorder }: ProveContext,
  directory: string,
  fault: string | undefined,
): Promise<Lived> {
  const data = join(directory, "data");
  const logFile = join(directory, "operations.log");
  mkdirSync(data, { mode: 0o700 });
  const faults = fault === undefined ? {} : { faults: [fault] };
  const { lastWords, ...end } = await runSolo({ recorder, data, logFile, steps: life, ...faults });
  return { data, operations: readOperationLog(logFile), end, lastWords };
}

/** Every call there was, in as many ways as it can fail; thinned out evenly where there are many. */
function chooseFaults(
  operations: readonly Operation[],
  { toWrites, toOthers }: Sweep,
  wanted: number,
): readonly string[] {
  const seen = new Map<string, number>();
  const rare: string[] = [];
  const common: string[] = [];
  for (const operation of operations) {
    const call = callOf(operation);
    if (call === undefined) continue;
    const nth = (seen.get(call) ?? 0) + 1;
    seen.set(call, nth);
    if (call.startsWith("write:")) {
      const what = toWrites[nth % toWrites.length] ?? toOthers;
      common.push(`${call}:${String(nth)}:${what}`);
    } else rare.push(`${call}:${String(nth)}:${toOthers}`);
  }
  const room = Math.max(0, wanted - rare.length);
  const step = Math.max(1, common.length / Math.max(1, room));
  const thinned = Array.from({ length: Math.min(room, common.length) }, (_none, index) => {
    return common[Math.floor(index * step)] ?? "";
  });
  return [...rare, ...thinned].filter((fault) => fault !== "");
}

/** How the recorder would name the call: its kind and the file. */
function callOf(operation: Operation): string | undefined {
  if (!(operation.kind in operationsOf) || !("name" in operation)) return undefined;
  const kind = operationsOf[operation.kind as keyof typeof operationsOf];
  return `${kind}:${operation.name}`;
}

async function judge(
  { data, operations, end, lastWords }: Lived,
  { ends }: Sweep,
  random: Random,
): Promise<{
  readonly fired: boolean;
  readonly end: string;
  readonly problems: readonly string[];
}> {
  const fired = operations.some(({ kind }) => kind === "faulted");
  const problems: string[] = [];
  const ended = String(end.code ?? end.signal);
  if (fired && !ends.includes(end.code ?? end.signal))
    problems.push(`it ended with ${ended}: ${lastWords.trim()}`);
  const timeline = new Timeline(soloStoryOf(operations));
  timeline.moveTo(Number.MAX_SAFE_INTEGER);
  const disk = new Disk();
  for (const operation of operations) disk.apply(operation);
  const contents: (readonly [string, Content])[] = [
    ["as it lies there", filesIn(data)],
    ...cuts.map(
      (cut) => [`after a power cut, "${cut}"`, contentAfterCut(disk, cut, random)] as const,
    ),
  ];
  for (const [how, content] of contents) {
    const { reason } = await scratchDirectory((scratch) => {
      return examineContent(content, timeline, { scratch, checks: true });
    });
    if (reason !== undefined) problems.push(`${how}: ${reason}`);
  }
  return { fired, end: `${ended} (${causeIn(lastWords)})`, problems };
}

function causeIn(lastWords: string): string {
  if (lastWords === "") return "without a word";
  return /SQLITE_[A-Z_]+/.exec(lastWords)?.[0] ?? "an error of a file";
}

function filesIn(directory: string): Content {
  const names = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith("-shm"))
    .map(({ name }) => name);
  return new Map(names.map((name) => [name, readFileSync(join(directory, name))]));
}
