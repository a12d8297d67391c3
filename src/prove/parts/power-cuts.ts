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
import type { CheckPlan, CheckResult } from "../states/check-plan.js";
import { runStateChecks } from "../states/run-state-checks.js";

export interface PowerCutSize {
  readonly states: number;
  /** Beside them, in the start after a kill, before its first answer. */
  readonly statesOfRecovery: number;
  /** One in so many is started by the engine, the others by SQLite alone. */
  readonly engineEvery: number;
  readonly writesPerRound: number;
  readonly lives?: RecordOrder["lives"];
}

export type Variant = Pick<RecordOrder, "program" | "flags" | "faults">;

type Checked = Omit<CheckResult, "kind">;

export interface PowerCutReports {
  readonly order: PartReport;
  readonly states: PartReport;
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
      states: await statesReport(context, recording, { ...size, directory }),
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

async function statesReport(
  context: ProveContext,
  recording: Recording,
  of: PowerCutSize & { readonly directory: string },
): Promise<PartReport> {
  const storyFile = join(of.directory, "story.json");
  saveStory(storyFile, recording.story);
  const { engineEvery } = of;
  let before = 0;
  const check = async (states: number, window?: CheckPlan["window"]): Promise<Checked> => {
    const checked = await runStateChecks({
      log: recording.logFile,
      story: storyFile,
      seed: context.random.uint32(),
      states,
      engineEvery,
      processes: context.processes,
      keepBadIn: context.keepIn,
      ...(window !== undefined && { window }),
      onProgress: (done) => {
        context.progress(`power cuts: ${String(before + done)} disk contents`);
      },
    });
    before += checked.states;
    return checked;
  };
  const whole = await check(of.states);
  const window = recoveryIn(recording.operations);
  const recovery =
    window === undefined || of.statesOfRecovery === 0
      ? undefined
      : await check(of.statesOfRecovery, window);
  return crashStatesReport(recording, { whole, recovery });
}

function crashStatesReport(
  { operations, story }: Recording,
  { whole, recovery }: { readonly whole: Checked; readonly recovery: Checked | undefined },
): PartReport {
  const revisions = (story.histories[0]?.namespaces ?? []).reduce((sum, { head }) => sum + head, 0);
  const sum = (of: (checked: Checked) => number): number => {
    return of(whole) + (recovery === undefined ? 0 : of(recovery));
  };
  const samples = [...whole.samples, ...(recovery?.samples ?? [])];
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
          `${String(recovery?.states ?? 0)} of them are of power cuts during the recovery after a kill`,
        ],
      },
      samples.map(({ at, pattern, reason }) => {
        return `after operation ${String(at)}, "${pattern}": ${reason}`;
      }),
    ),
    violations: sum(({ bad }) => bad),
  };
}

/** From the first call of the last process to its first caller; undefined = there was only one. */
function recoveryIn(operations: readonly Operation[]): CheckPlan["window"] | undefined {
  const calls = operations.filter(({ kind }) => kind === "received");
  const last = calls.at(-1)?.process;
  const first = operations.find(({ process }) => process === last);
  const call = calls.find(({ process }) => process === last);
  if (first === undefined || call === undefined || first.index === 0) return undefined;
  return { from: first.index, to: call.index };
}
