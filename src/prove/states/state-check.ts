/**
 * Walks a recording and, at many of its operations, builds what a power cut could have left, opens
 * it, and compares what it finds with what had been promised by then.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { examineStore, type GlancedStore, glanceAtStore } from "../../engine/offline.js";
import { systemClock } from "../../foundation/clock.js";
import { crc32c } from "../../foundation/crc32c.js";
import { type Random, seededRandom } from "../../foundation/random.js";
import { describeError } from "../../observability/log.js";
import { Disk } from "../disk/disk.js";
import { type Content, contentAfterCut, type Pattern, patterns } from "../disk/power-cut.js";
import { loadStory, Timeline } from "../history/timeline.js";
import { type Operation, readOperationLog } from "../recording/operation-log.js";
import type { BadState, CheckPlan, CheckResult } from "./check-plan.js";
import { proveOptions, silentLog } from "./engine-setup.js";

/** How the database is called in every recording. */
export const databaseName = "kv.db";
const sqliteFiles = ["", "-wal", "-journal"].map((suffix) => `${databaseName}${suffix}`);
const samplesKept = 8;
/** An operation is worth as many states as there are changes that may or may not have arrived. */
const unsyncedCounted = 16;
/** What is certain is looked at too, once. */
const weightOfCertainty = 0.25;
/** Those that rarely come out twice the same. */
const richPatterns: readonly Pattern[] = ["some", "torn at 512", "torn at 4096"];
/** Nothing on the disk changes with these, and nothing is promised. */
const silentKinds: readonly Operation["kind"][] = ["received", "made-directory", "faulted"];

export interface Examined {
  /**
   * Everything is there and right; a start or a read ended with an error; a check has complained;
   * something is missing or different, and nobody said so.
   */
  readonly kind: "right" | "refused" | "found" | "wrong";
  readonly reason: string | undefined;
  readonly recovered: boolean;
}

interface Counted {
  states: number;
  bad: number;
  started: number;
  recovered: number;
  readonly samples: BadState[];
}

export async function checkStates(
  plan: CheckPlan,
  progress: (states: number) => void,
): Promise<CheckResult> {
  const operations = readOperationLog(plan.log);
  const timeline = new Timeline(loadStory(plan.story));
  const states = new StatePicker(plan, operations);
  const disk = new Disk();
  const seen = new Set<string>();
  const counted: Counted = { states: 0, bad: 0, started: 0, recovered: 0, samples: [] };
  let picked = 0;
  for (const operation of operations) {
    disk.apply(operation);
    timeline.moveTo(operation.index);
    for (const { pattern, random } of states.at(operation, disk)) {
      const byEngine = picked++ % plan.engineEvery === 0;
      const whole = contentAfterCut(disk, pattern, random);
      const content = byEngine ? whole : onlyOfSqlite(whole);
      const digest = digestOf(content, timeline.acknowledged);
      if (seen.has(digest)) continue;
      seen.add(digest);
      counted.states++;
      // Whatever a power cut leaves must open and be whole: a refusal is as bad as a loss.
      const look = byEngine ? examineContent : glanceAtContent;
      const { reason, recovered } = await look(content, timeline, plan);
      if (byEngine) counted.started++;
      if (recovered) counted.recovered++;
      if (reason !== undefined) noteBad(counted, { at: operation.index, pattern, reason }, plan);
      progress(counted.states);
    }
  }
  rmSync(plan.scratch, { recursive: true, force: true });
  return { kind: "result", ...counted };
}

/** Starts the engine on this content, in the scratch directory, and judges what it finds. */
export async function examineContent(
  content: Content,
  timeline: Timeline,
  { scratch, checks }: Pick<CheckPlan, "scratch" | "checks">,
): Promise<Examined> {
  writeContent(scratch, content);
  const options = proveOptions(join(scratch, databaseName));
  try {
    const ports = { clock: systemClock(), log: silentLog() };
    // Without checks the checksums are not even looked at while reading: for controls only.
    const reading = { ...options, verifyChecksumsOnRead: checks };
    const store = await examineStore(reading, ports, { checks });
    return judged(store, timeline, store.walTail !== "absent");
  } catch (cause) {
    return { kind: "refused", reason: describeError(cause), recovered: false };
  }
}

/** Opens it with SQLite alone, and judges what it finds. */
function glanceAtContent(
  content: Content,
  timeline: Timeline,
  { scratch }: Pick<CheckPlan, "scratch">,
): Examined {
  writeContent(scratch, content);
  try {
    const store = glanceAtStore(proveOptions(join(scratch, databaseName)));
    return judged(store, timeline, false);
  } catch (cause) {
    return { kind: "refused", reason: describeError(cause), recovered: false };
  }
}

function judged(store: GlancedStore, timeline: Timeline, recovered: boolean): Examined {
  const [finding] = store.findings;
  if (finding !== undefined) return { kind: "found", reason: finding, recovered };
  const wrong = timeline.judge(store.namespaces);
  if (wrong !== undefined) return { kind: "wrong", reason: wrong, recovered };
  return { kind: "right", reason: undefined, recovered };
}

function noteBad(counted: Counted, bad: BadState, plan: CheckPlan): void {
  const { keepBadIn, scratch, share, seed } = plan;
  if (counted.bad < samplesKept) {
    counted.samples.push(bad);
    if (keepBadIn !== undefined) {
      const kept = join(keepBadIn, `bad-${[seed, share.index, counted.bad].join("-")}`);
      cpSync(scratch, kept, { recursive: true });
      writeFileSync(join(kept, "reason.json"), JSON.stringify(bad));
    }
  }
  counted.bad++;
}

/** Makes the directory hold exactly these files. */
export function writeContent(directory: string, content: Content): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(directory)) {
    if (!content.has(name)) rmSync(join(directory, name), { recursive: true });
  }
  for (const [name, bytes] of content) {
    const file = join(directory, name);
    if (name.includes("/")) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, bytes, { mode: 0o600 });
  }
}

/** Files beside it are ours, and SQLite does not look at them. */
function onlyOfSqlite(content: Content): Content {
  return new Map([...content].filter(([name]) => sqliteFiles.includes(name)));
}

/** Sixty-four bits of two checksums: two that are taken for one are merely one state less. */
function digestOf(content: Content, acknowledged: number): string {
  let one = acknowledged;
  let other = acknowledged;
  for (const [name, bytes] of content) {
    one = crc32c(bytes, crc32c(Buffer.from(name), one));
    other = crc32(bytes, crc32(name, other));
  }
  return `${String(one)}/${String(other)}`;
}

/** Spreads the wanted number of states over the operations, the same way in every process. */
class StatePicker {
  readonly #plan: CheckPlan;
  readonly #perWeight: number;
  readonly #random: Random;
  #owed = 0;
  #count = 0;

  constructor(plan: CheckPlan, operations: readonly Operation[]) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
    const disk = new Disk();
    let weight = 0;
    for (const operation of operations) {
      disk.apply(operation);
      weight += this.#weightOf(operation, disk);
    }
    this.#perWeight = plan.states / Math.max(1, weight);
  }

  /** Those that this process is to build after the operation, which the disk has seen. */
  *at(
    operation: Operation,
    disk: Disk,
  ): Generator<{ readonly pattern: Pattern; readonly random: Random }> {
    const { share } = this.#plan;
    this.#owed += this.#weightOf(operation, disk) * this.#perWeight;
    const first = this.#random.below(patterns.length);
    for (let nth = 0; this.#owed >= 1; this.#owed--, nth++) {
      const seed = this.#random.uint32();
      // Each in its turn, as far as that goes; then those that have something new.
      const pattern =
        nth < patterns.length
          ? patterns[(first + nth) % patterns.length]
          : richPatterns[this.#random.below(richPatterns.length)];
      const mine = this.#count++ % share.of === share.index;
      if (mine && pattern !== undefined) yield { pattern, random: seededRandom(seed) };
    }
  }

  #weightOf(operation: Operation, disk: Disk): number {
    const { from, to } = this.#plan.window;
    if (operation.index < from || operation.index > to) return 0;
    if (silentKinds.includes(operation.kind)) return 0;
    return weightOfCertainty + Math.min(unsyncedCounted, disk.unsynced);
  }
}
