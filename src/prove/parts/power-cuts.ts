/**
 * A daemon's life is recorded, and the power is cut at thousands of its moments: what the disk may
 * hold then is built, started by the engine, and compared with what had been acknowledged.
 */
import { join } from "node:path";
import { saveStory } from "../history/timeline.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { checkAcknowledgementOrder } from "../recording/acknowledgement-order.js";
import type { Operation } from "../recording/operation-log.js";
import { type Recording, type RecordOrder, recordStory } from "../recording/record-story.js";
import { recordUpgrade } from "../recording/record-upgrade.js";
import type { CheckPlan, CheckResult } from "../states/check-plan.js";
import { runStateChecks } from "../states/run-state-checks.js";

export interface PowerCutSize {
  readonly states: number;
  /** Beside them, in each start before its first caller: a creation, one in order, a recovery. */
  readonly statesOfStart: number;
  /** Beside them, in the first start of a version with another format; 0 = none. */
  readonly statesOfUpgrade: number;
  /** One in so many is started by the engine, the others by SQLite alone. */
  readonly engineEvery: number;
  readonly writesPerRound: number;
  readonly lives?: RecordOrder["lives"];
}

export type Variant = Pick<RecordOrder, "program" | "flags" | "faults">;

/** One in so many states of a start. */
const engineEveryOfStart = 8;

type Checked = Omit<CheckResult, "kind">;

export interface PowerCutReports {
  readonly order: PartReport;
  readonly states: PartReport;
  /** Of the states, those in the recovery after a kill. */
  readonly ofRecovery: number;
}

/** `variant`: another daemon than the installed one, or one whose calls are made to fail. */
export async function provePowerCuts(
  context: ProveContext,
  size: PowerCutSize,
  variant: Variant = {},
): Promise<PowerCutReports> {
  return withDirectory(context, "power-cuts", async (directory) => {
    const { recorder, clock, random, progress } = context;
    progress("recording the life of a daemon");
    const recording = await recordStory({
      recorder,
      clock,
      random,
      directory,
      writesPerRound: size.writesPerRound,
      lives: size.lives ?? "all",
      ...variant,
    });
    return {
      order: orderReport(recording),
      ...(await statesReport(context, recording, { ...size, directory })),
    };
  });
}

function orderReport({ operations }: Recording): PartReport {
  const { followed, violations } = checkAcknowledgementOrder(operations);
  return reportOf(
    {
      name: "acknowledgement-order",
      title: "no answer leaves before the commit it promises is synced",
      tried: followed,
      unit: "answers followed from the socket back to the sync",
    },
    violations.map(({ requestId, reason }) => `${requestId}: ${reason}`),
  );
}

/** What is checked of one recording. */
interface Wanted {
  readonly log: string;
  readonly story: string;
  readonly states: number;
  readonly engineEvery: number;
  readonly window?: CheckPlan["window"];
  readonly program?: string;
}

async function statesReport(
  context: ProveContext,
  recording: Recording,
  of: PowerCutSize & { readonly directory: string },
): Promise<Omit<PowerCutReports, "order">> {
  const { engineEvery } = of;
  const story = join(of.directory, "story.json");
  saveStory(story, recording.story);
  let before = 0;
  const check = async (wanted: Wanted): Promise<Checked> => {
    if (wanted.states === 0) return nothingChecked;
    const checked = await runStateChecks({
      ...wanted,
      seed: context.random.uint32(),
      processes: context.processes,
      keepBadIn: context.keepIn,
      onProgress: (done) => {
        context.progress(`power cuts: ${String(before + done)} disk contents`);
      },
    });
    before += checked.states;
    return checked;
  };
  const common = { log: recording.logFile, story, engineEvery };
  const whole = await check({ ...common, states: of.states });
  const starts: Checked[] = [];
  for (const window of startsIn(recording.operations)) {
    const states = of.statesOfStart;
    // Much of what a start does is not SQLite's.
    starts.push(await check({ ...common, states, window, engineEvery: engineEveryOfStart }));
  }
  const upgrade =
    of.statesOfUpgrade === 0
      ? nothingChecked
      : await check({
          ...(await recordUpgrade(of.directory, context.recorder)),
          states: of.statesOfUpgrade,
          // SQLite alone would not know which formats the next version reads.
          engineEvery: 1,
        });
  const states = crashStatesReport(recording, { whole, starts, upgrade });
  return { states, ofRecovery: starts[recoveryStart]?.states ?? 0 };
}

const nothingChecked: Checked = { states: 0, bad: 0, samples: [], started: 0, recovered: 0 };

function crashStatesReport(
  { operations, story }: Recording,
  checked: {
    readonly whole: Checked;
    readonly starts: readonly Checked[];
    readonly upgrade: Checked;
  },
): PartReport {
  const { whole, starts, upgrade } = checked;
  const all = [whole, ...starts, upgrade];
  const revisions = (story.histories[0]?.namespaces ?? []).reduce((sum, { head }) => sum + head, 0);
  const sum = (of: (checked: Checked) => number): number => {
    return all.reduce((total, one) => total + of(one), 0);
  };
  const samples = all.flatMap((one) => one.samples);
  return {
    ...reportOf(
      {
        name: "crash-states",
        title: "every content that a power cut can leave opens, and holds what was acknowledged",
        tried: sum(({ states }) => states),
        unit: "different disk contents, each opened, checked and read",
        facts: [
          `${String(operations.length)} operations on the disk recorded, ${String(revisions)} revisions, ${String(story.acknowledgements.length)} acknowledgements`,
          `${String(sum(({ started }) => started))} of them started by the engine, which recovered a WAL in ${String(sum(({ recovered }) => recovered))}, the others opened by SQLite alone`,
          ...(starts.length < startNames.length ? [] : [startsFact(starts, upgrade)]),
        ],
      },
      samples.map(({ at, pattern, reason }) => {
        return `after operation ${String(at)}, "${pattern}": ${reason}`;
      }),
    ),
    violations: sum(({ bad }) => bad),
  };
}

/** Which of the starts comes after a kill. */
const recoveryStart = 2;
const startNames = ["the creation", "a start after a stop in order", "the recovery after a kill"];

function startsFact(starts: readonly Checked[], upgrade: Checked): string {
  const counted = starts.map(({ states }, index) => {
    return `${String(states)} in ${startNames[index] ?? ""}`;
  });
  const upgraded = `${String(upgrade.states)} in the first start of a version with another format`;
  return `of them the power was cut ${[...counted, upgraded].join(", ")}`;
}

/** For each process, from its first call to its first caller. */
function startsIn(operations: readonly Operation[]): readonly CheckPlan["window"][] {
  const served = operations.filter(({ kind }) => kind === "received");
  const processes = [...new Set(served.map(({ process }) => process))];
  return processes.map((id) => ({
    from: operations.find(({ process }) => process === id)?.index ?? 0,
    to: served.find(({ process }) => process === id)?.index ?? 0,
  }));
}
