/**
 * A store that was written by this version, killed, and started by the next one, whose format has one
 * step more: an index over every row and a table filled from them. The next version is a copy of this
 * one with that step added to its text.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { saveStory } from "../history/timeline.js";
import { buildMutant } from "../mutants/mutant-build.js";
import { runSolo } from "../solo/run-solo.js";
import { type SoloStep, soloNamespace } from "../solo/solo-order.js";
import { soloStoryOf } from "../solo/solo-story.js";
import { type Operation, readOperationLog } from "./operation-log.js";

export interface UpgradeRecording {
  readonly log: string;
  readonly story: string;
  /** What looks at states of it: only the next version can read its format. */
  readonly program: string;
  /** The calls of the next version's start. */
  readonly window: { readonly from: number; readonly to: number };
}

const write: SoloStep = { kind: "write", namespace: soloNamespace };
const close: SoloStep = { kind: "close" };
const writesBefore = 12;
const writesAfter = 2;

const nextStep = {
  file: "engine/sqlite/schema.js",
  from: "export const formatVersion = steps.length;",
  to: `steps.push({
    version: steps.length + 1,
    sql: "CREATE INDEX kv_mod ON kv (ns, mod_rev);" +
      "CREATE TABLE sizes (id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;" +
      "INSERT INTO sizes SELECT id, length(value) FROM kv;",
  });
  export const formatVersion = steps.length;`,
};

/** Into the directory, which must exist. */
export async function recordUpgrade(
  directory: string,
  recorder: string,
): Promise<UpgradeRecording> {
  const copy = join(directory, "next-version");
  const data = join(directory, "upgraded");
  const log = join(directory, "upgrade.log");
  const story = join(directory, "upgrade.json");
  mkdirSync(copy);
  mkdirSync(data, { mode: 0o700 });
  const { solo, stateCheck } = buildMutant(copy, [nextStep]);
  const run = { recorder, data, logFile: log };
  const before = Array<SoloStep>(writesBefore).fill(write);
  const after = Array<SoloStep>(writesAfter).fill(write);
  await runSolo({ ...run, steps: [...before, { kind: "kill" }] });
  const { code, lastWords } = await runSolo({ ...run, program: solo, steps: [...after, close] });
  if (code !== 0) throw new Error(`the next version ended with ${String(code)}: ${lastWords}`);
  const operations = readOperationLog(log);
  saveStory(story, soloStoryOf(operations));
  return { log, story, program: stateCheck, window: startOfLast(operations) };
}

function startOfLast(operations: readonly Operation[]): UpgradeRecording["window"] {
  const last = operations.at(-1)?.process;
  const its = operations.filter(({ process }) => process === last);
  const served = its.find(({ kind }) => kind === "marked");
  return { from: its[0]?.index ?? 0, to: served?.index ?? 0 };
}
