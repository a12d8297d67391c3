/**
 * A daemon's life is recorded, and the power is cut at thousands of its moments: what the disk may
 * hold then is built, started by the engine, and compared with what had been acknowledged.
 */
import { join } from "node:path";
import { saveStory } from "../history/timeline.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { checkAcknowledgementOrder } from "../recording/acknowledgement-order.js";
import { type Recording, type RecordOrder, recordStory } from "../recording/record-story.js";
import { runStateChecks } from "../states/run-state-checks.js";

export interface PowerCutSize {
  readonly states: number;
  readonly writesPerRound: number;
  readonly lives?: RecordOrder["lives"];
}

export type Variant = Pick<RecordOrder, "program" | "flags" | "faults">;

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
      states: await statesReport(context, recording, { directory, states: size.states }),
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
  { directory, states }: { readonly directory: string; readonly states: number },
): Promise<PartReport> {
  const storyFile = join(directory, "story.json");
  saveStory(storyFile, recording.story);
  const result = await runStateChecks({
    log: recording.logFile,
    story: storyFile,
    seed: context.random.uint32(),
    states,
    processes: context.processes,
    keepBadIn: context.keepIn,
    onProgress: (done) => {
      context.progress(`power cuts: ${String(done)} of about ${String(states)} disk contents`);
    },
  });
  const namespaces = recording.story.histories[0]?.namespaces ?? [];
  const revisions = namespaces.reduce((sum, { head }) => sum + head, 0);
  return {
    ...reportOf(
      {
        name: "crash-states",
        title: "every content that a power cut can leave opens, and holds what was acknowledged",
        tried: result.states,
        unit: "different disk contents, each started by the engine",
        facts: [
          `${String(recording.operations.length)} operations on the disk recorded, ${String(revisions)} revisions, ${String(recording.story.acknowledgements.length)} acknowledgements`,
          `a WAL had to be recovered in ${String(result.recovered)} of them`,
        ],
      },
      result.samples.map(({ at, pattern, reason }) => {
        return `after operation ${String(at)}, "${pattern}": ${reason}`;
      }),
    ),
    violations: result.bad,
  };
}
