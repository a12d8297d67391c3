/**
 * Recordings in which syncs are missing: made with SQLite told to leave them out, or recorded in full
 * and then taken out of the log. A power cut must show each of them; and with all syncs in place the
 * same recording must show nothing.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Synchronous } from "../../engine/index.js";
import { saveStory } from "../history/timeline.js";
import { type ProveContext, withDirectory } from "../part.js";
import { type Operation, parseOperations, withoutSyncs } from "../recording/operation-log.js";
import { runSolo } from "../solo/run-solo.js";
import { type SoloStep, soloNamespace } from "../solo/solo-order.js";
import { soloStoryOf } from "../solo/solo-story.js";
import { runStateChecks } from "../states/run-state-checks.js";
import { databaseName } from "../states/state-check.js";

type Skipped = Parameters<typeof withoutSyncs>[1];

const wal = `${databaseName}-wal`;
const walHeaderBytes = 32;
const engineEvery = 2;
/** A header without its sync shows in few states, and only to the engine, so it gets more of them. */
const headerMistake = "the header of a WAL is not synced before its frames";
const statesForHeader = 2;

const writes = (count: number): readonly SoloStep[] => {
  return Array<SoloStep>(count).fill({ kind: "write", namespace: soloNamespace });
};

/** A log that begins anew behind a header of its own, twice by a truncation. */
const life: readonly SoloStep[] = [
  ...writes(8),
  { kind: "checkpoint", mode: "truncate" },
  ...writes(4),
  { kind: "checkpoint", mode: "passive" },
  ...writes(4),
  { kind: "checkpoint", mode: "truncate" },
  ...writes(4),
  { kind: "close" },
];

/** Syncs that are taken out of a log, by what is said of their absence. */
export const missingSyncs = {
  "syncs of the WAL do nothing": ({ name }) => name === wal,
  "syncs of the database do nothing": ({ name }) => name === databaseName,
  "syncs of the directory do nothing": ({ isDirectory }) => isDirectory,
  [headerMistake]: ({ name }, write) => {
    return name === wal && write?.offset === 0 && write.bytes.length === walHeaderBytes;
  },
} as const satisfies Record<string, Skipped>;

export interface Found {
  readonly states: number;
  readonly bad: number;
}

export interface SyncControls {
  readonly untouched: Found;
  readonly missing: ReadonlyMap<string, Found>;
}

/** One recording, judged as it is and with each kind of sync taken out of it. */
export async function controlMissingSyncs(
  context: ProveContext,
  states: number,
): Promise<SyncControls> {
  return withDirectory(context, "missing-syncs", async (directory) => {
    const recording = await record(context, directory, "EXTRA");
    const common = { states, engineEvery };
    const untouched = await check(context, recording, common);
    const missing = new Map<string, Found>();
    for (const [mistake, isSkipped] of Object.entries<Skipped>(missingSyncs)) {
      const log = join(directory, "changed.log");
      writeFileSync(log, withoutSyncs(readFileSync(recording.log), isSkipped));
      const size =
        mistake === headerMistake ? { states: states * statesForHeader, engineEvery: 1 } : common;
      missing.set(mistake, await check(context, { ...recording, log }, size));
    }
    return { untouched, missing };
  });
}

/** The same life with SQLite told to sync less. */
export async function controlSynchronous(
  context: ProveContext,
  synchronous: Synchronous,
  states: number,
): Promise<Found> {
  return withDirectory(context, "synchronous", async (directory) => {
    const recording = await record(context, directory, synchronous);
    return check(context, recording, { states, engineEvery });
  });
}

interface Recorded {
  readonly log: string;
  readonly story: string;
}

async function record(
  { recorder }: ProveContext,
  directory: string,
  synchronous: Synchronous,
): Promise<Recorded> {
  const data = join(directory, "data");
  const logFile = join(directory, "operations.log");
  const story = join(directory, "story.json");
  mkdirSync(data, { mode: 0o700 });
  await runSolo({ recorder, data, logFile, steps: life, synchronous });
  const operations: readonly Operation[] = parseOperations(readFileSync(logFile));
  saveStory(story, soloStoryOf(operations));
  return { log: logFile, story };
}

async function check(
  { processes, random }: ProveContext,
  recorded: Recorded,
  size: { readonly states: number; readonly engineEvery: number },
): Promise<Found> {
  return runStateChecks({ ...recorded, ...size, seed: random.uint32(), processes });
}
