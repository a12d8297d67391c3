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
import { doomedNamespace, marks, type SoloStep, soloNamespace } from "../solo/solo-order.js";
import { soloStoryOf } from "../solo/solo-story.js";
import { scratchDirectory } from "../states/run-state-checks.js";
import { examineContent } from "../states/state-check.js";
import { brokenRules, type Fault, faultText } from "./fault-rules.js";

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
  readonly variant?: SweepVariant | undefined;
}

const ioFaults: Sweep = {
  name: "io-faults",
  title: "a call that fails costs nothing that was acknowledged, and is told as what it is",
  unit: "faults, one in each life of a store",
  toWrites: ["EIO", "ENOSPC", "short"],
  toOthers: "EIO",
};

const exactKills: Sweep = {
  name: "exact-kills",
  title: "killed at any call of a creation, checkpoint, compaction or stop, it starts whole",
  unit: "kills, one in each life of a store",
  toWrites: ["kill"],
  toOthers: "kill",
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

/** Another build of the engine on its own, and the only files whose calls fail. */
export interface SweepVariant {
  readonly program: string;
  readonly file: RegExp;
}

export function proveIoFaults(
  context: ProveContext,
  size: SweepSize,
  variant?: SweepVariant,
): Promise<PartReport> {
  return sweepOver(context, { ...ioFaults, variant }, size);
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
    const { operations } = await oneLife(context, directory, { variant: sweep.variant });
    return chooseFaults(operations, sweep, size.faults);
  });
  const problems: string[] = [];
  const ends = new Map<string, number>();
  const phases = new Map<string, number>();
  let fired = 0;
  let done = 0;
  await inParallel(faults, context.processes, async (fault) => {
    const seed = context.random.uint32();
    const found = await withDirectory(context, sweep.name, async (directory) => {
      const lived = await oneLife(context, directory, { fault, variant: sweep.variant });
      return await judge(lived, fault, seededRandom(seed));
    });
    context.progress(`${sweep.name}: ${String(++done)} of ${String(faults.length)}`);
    // A timer may have come one write earlier this time, so that there was no such call.
    if (found.during === undefined) return;
    fired++;
    count(ends, found.end);
    count(phases, found.during);
    problems.push(...found.problems.map((problem) => `${faultText(fault)}: ${problem}`));
  });
  const { name, title, unit } = sweep;
  const facts = [
    `it happened in: ${listOf(phases)}`,
    `ends: ${listOf(ends)}`,
    `each was started again as the files lay there and after ${String(cuts.length)} power cuts`,
  ];
  return reportOf({ name, title, tried: fired, unit, facts }, problems);
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function listOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, times]) => `${what} ${String(times)}`).join(", ");
}

export interface Lived {
  readonly data: string;
  readonly operations: readonly Operation[];
  readonly end: { readonly code: number | null; readonly signal: string | null };
  readonly lastWords: string;
}

async function oneLife(
  { recorder }: ProveContext,
  directory: string,
  { fault, variant }: { readonly fault?: Fault; readonly variant: SweepVariant | undefined },
): Promise<Lived> {
  const data = join(directory, "data");
  const logFile = join(directory, "operations.log");
  mkdirSync(data, { mode: 0o700 });
  const { lastWords, ...end } = await runSolo({
    recorder,
    data,
    logFile,
    steps: life,
    ...(fault !== undefined && { faults: [faultText(fault)] }),
    ...(variant !== undefined && { program: variant.program }),
  });
  return { data, operations: readOperationLog(logFile), end, lastWords };
}

/** Every call there was, in as many ways as it can fail; thinned out evenly where there are many. */
function chooseFaults(
  operations: readonly Operation[],
  { toWrites, toOthers, variant }: Sweep,
  wanted: number,
): readonly Fault[] {
  const seen = new Map<string, number>();
  const rare: Fault[] = [];
  const common: Fault[] = [];
  for (const operation of operations) {
    const place = callOf(operation);
    if (place === undefined || variant?.file.test(place.name) === false) continue;
    const key = `${place.call}:${place.name}`;
    const nth = (seen.get(key) ?? 0) + 1;
    seen.set(key, nth);
    if (place.call === "write") {
      // By turns over all writes together, so that the two of each frame do not always get the same.
      const what = toWrites[(common.length + Math.floor(nth / 2)) % toWrites.length] ?? toOthers;
      common.push({ ...place, nth, what });
    } else rare.push({ ...place, nth, what: toOthers });
  }
  const others = thinned(rare, Math.ceil(wanted / 2));
  return [...others, ...thinned(common, wanted - others.length)];
}

function thinned(faults: readonly Fault[], wanted: number): readonly Fault[] {
  const step = Math.max(1, faults.length / Math.max(1, wanted));
  return faults.filter((_fault, index) => {
    return index === 0 || Math.floor(index / step) > Math.floor((index - 1) / step);
  });
}

function callOf(operation: Operation): Pick<Fault, "call" | "name"> | undefined {
  if (!(operation.kind in operationsOf) || !("name" in operation)) return undefined;
  const call = operationsOf[operation.kind as keyof typeof operationsOf];
  return { call, name: operation.name };
}

export interface Judged {
  /** The step in which it happened; undefined = it did not. */
  readonly during: string | undefined;
  readonly end: string;
  readonly problems: readonly string[];
}

/** Looks at the end of the life and at what it left: as it lies there, and after power cuts. */
export async function judge(
  { data, operations, end, lastWords }: Lived,
  fault: Fault,
  random: Random,
): Promise<Judged> {
  const during = stepOfFault(operations);
  const ended = `${String(end.code ?? end.signal)} (${causeIn(lastWords)})`;
  if (during === undefined) return { during, end: ended, problems: [] };
  const story = soloStoryOf(operations);
  const problems = [...brokenRules(fault, { ...end, lastWords, during }, story)];
  const timeline = new Timeline(story);
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
  return { during, end: ended, problems };
}

function stepOfFault(operations: readonly Operation[]): string | undefined {
  let step = "start";
  for (const operation of operations) {
    if (operation.kind === "faulted") return step;
    if (operation.kind === "marked") step = marks.stepIn(operation.text) ?? step;
  }
  return undefined;
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
