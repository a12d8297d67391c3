/**
 * All parts of the proof, one after the other, in one of two sizes. A part that meets a mechanism
 * that this machine does not have is not proven; a part that cannot be run for another reason has
 * failed, because a proof that breaks off proves nothing either.
 */
import { rmSync } from "node:fs";
import { availableParallelism, release, totalmem } from "node:os";
import type { Clock } from "../foundation/clock.js";
import type { Random } from "../foundation/random.js";
import { describeError } from "../observability/log.js";
import { clearLeftovers, proofDirectory } from "./leftovers.js";
import { MissingMechanism } from "./missing-mechanism.js";
import type { PartReport, ProveContext } from "./part.js";
import type { PartName } from "./part-names.js";
import { proveBitFlips } from "./parts/bit-flips.js";
import { proveControls } from "./parts/controls.js";
import { proveDiskFull } from "./parts/disk-full.js";
import { proveDiskSync } from "./parts/disk-sync.js";
import { proveFailedSyncs } from "./parts/failed-syncs.js";
import { proveKills } from "./parts/kills.js";
import { provePowerCuts } from "./parts/power-cuts.js";
import { proveReadFaults } from "./parts/read-faults.js";
import { proveExactKills, proveIoFaults } from "./parts/single-faults.js";
import { buildRecorder } from "./recording/recorder.js";

export const proofSizes = {
  quick: {
    syncs: 300,
    powerCuts: {
      states: 5_000,
      statesOfStart: 600,
      statesOfUpgrade: 100,
      engineEvery: 20,
      writesPerRound: 12,
    },
    failedSyncs: { scenarios: 12, states: 30 },
    ioFaults: 40,
    readFaults: 16,
    exactKills: 36,
    kills: 6,
    fullDisks: 1,
    flips: 1_000,
    controls: { states: 150, failedSyncStates: 200, flips: 450 },
  },
  full: {
    syncs: 3_000,
    powerCuts: {
      states: 1_000_000,
      statesOfStart: 100_000,
      statesOfUpgrade: 10_000,
      engineEvery: 10,
      writesPerRound: 60,
    },
    failedSyncs: { scenarios: 100, states: 600 },
    ioFaults: 600,
    readFaults: 200,
    exactKills: 600,
    kills: 60,
    fullDisks: 5,
    flips: 30_000,
    controls: { states: 400, failedSyncStates: 1_000, flips: 600 },
  },
} as const;

export type ProofSize = keyof typeof proofSizes;

export interface ProofOrder {
  /** On the disk that is put to the proof. A directory is made in it and removed. */
  readonly directory: string;
  readonly size: ProofSize;
  readonly clock: Clock;
  readonly random: Random;
  /** Mechanisms that may be missing. */
  readonly allowMissing: readonly string[];
  /** Names of parts; undefined = all of them. */
  readonly only: readonly string[] | undefined;
  /** Where the files of a violation are kept; undefined = nowhere. */
  readonly keepIn: string | undefined;
  readonly progress: (text: string) => void;
  /** Called with each directory of a run that had been killed, once it is gone. */
  readonly onCleared: (path: string) => void;
  /** Called with each report as soon as there is one. */
  readonly onReport: (report: TimedReport) => void;
  readonly signal: AbortSignal;
}

export interface Proof {
  readonly verdict: "held" | "violated" | "not-proven" | "interrupted";
  readonly size: ProofSize;
  /** Undefined: every part. */
  readonly only: readonly string[] | undefined;
  readonly atMs: number;
  readonly durationMs: number;
  readonly machine: readonly string[];
  readonly reports: readonly TimedReport[];
}

export interface TimedReport extends PartReport {
  /** Of the part; the first of several reports of one part has all of it. */
  readonly durationMs: number;
}

type Part = (context: ProveContext) => Promise<readonly PartReport[]>;

interface NamedPart {
  /** For the report, when the part cannot be run. */
  readonly name: PartName;
  readonly title: string;
  readonly run: Part;
}

function partsOf(size: ProofSize): readonly NamedPart[] {
  const of = proofSizes[size];
  const one = (
    name: PartName,
    title: string,
    run: (context: ProveContext) => Promise<PartReport>,
  ): NamedPart => ({ name, title, run: async (context) => [await run(context)] });
  return [
    one("disk-sync", "syncs of this disk", (context) => {
      return proveDiskSync(context, { syncs: of.syncs });
    }),
    {
      name: "power-cuts",
      title: "order of answers, and power cuts",
      run: async (context) => {
        const { order, states } = await provePowerCuts(context, of.powerCuts);
        return [order, states];
      },
    },
    one("failed-syncs", "failed syncs", (context) => proveFailedSyncs(context, of.failedSyncs)),
    one("io-faults", "single faults", (context) => {
      return proveIoFaults(context, { faults: of.ioFaults });
    }),
    one("read-faults", "failed reads", (context) => {
      return proveReadFaults(context, { faults: of.readFaults });
    }),
    one("disk-full", "a full disk", (context) => proveDiskFull(context, { rounds: of.fullDisks })),
    one("exact-kills", "kills at exact calls", (context) => {
      return proveExactKills(context, { faults: of.exactKills });
    }),
    one("kills", "kills under load", (context) => proveKills(context, { cycles: of.kills })),
    one("bit-flips", "damage at rest", (context) => {
      return proveBitFlips(context, { positions: of.flips });
    }),
    one("controls", "planted mistakes", (context) => proveControls(context, of.controls)),
  ];
}

/**
 * When the signal is aborted the parts that had ended are told. The one that ran is not: an interrupt
 * of a terminal ends its daemons too, and what it saw of them is no violation.
 */
export async function runProof(order: ProofOrder): Promise<Proof> {
  const { clock, size, only } = order;
  const beganMs = clock.monotonicMs();
  const atMs = clock.wallMs();
  for (const path of clearLeftovers(order.directory)) order.onCleared(path);
  const directory = proofDirectory(order.directory);
  const reports: TimedReport[] = [];
  const interrupted = (): boolean => order.signal.aborted;
  try {
    const context = contextIn(directory, order);
    const parts = partsOf(size).filter(({ name }) => only === undefined || only.includes(name));
    for (const part of parts) {
      if (interrupted()) break;
      const partBeganMs = clock.monotonicMs();
      const found = await reportsOf(part, context);
      if (interrupted()) break;
      for (const [index, report] of found.entries()) {
        const durationMs = index === 0 ? clock.monotonicMs() - partBeganMs : 0;
        reports.push({ ...report, durationMs });
        order.onReport({ ...report, durationMs });
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const durationMs = clock.monotonicMs() - beganMs;
  const verdict = verdictOf(reports, order);
  return { verdict, size, only, atMs, durationMs, machine: machine(), reports };
}

function contextIn(directory: string, order: ProofOrder): ProveContext {
  const { clock, random, progress, keepIn } = order;
  let recorder: string | undefined;
  return {
    directory,
    clock,
    random,
    progress,
    keepIn,
    processes: Math.max(2, availableParallelism()),
    // Compiled when the first part asks for it: some do without.
    get recorder() {
      recorder ??= buildRecorder(directory);
      return recorder;
    },
  };
}

async function reportsOf(part: NamedPart, context: ProveContext): Promise<readonly PartReport[]> {
  const nothing = { tried: 0, unit: "", examples: [], facts: [] };
  try {
    return await part.run(context);
  } catch (cause) {
    const { name, title } = part;
    if (cause instanceof MissingMechanism) {
      const notProven = `${cause.mechanism} is missing: ${cause.message}; ${cause.hint}`;
      const { mechanism } = cause;
      return [{ ...nothing, name, title, violations: 0, notProven, missing: mechanism }];
    }
    const examples = [`it could not be tried: ${describeError(cause)}`];
    return [{ ...nothing, name, title, violations: 1, examples, notProven: undefined }];
  }
}

function verdictOf(
  reports: readonly PartReport[],
  { allowMissing, signal }: Pick<ProofOrder, "allowMissing" | "signal">,
): Proof["verdict"] {
  if (reports.some(({ violations }) => violations > 0)) return "violated";
  if (signal.aborted) return "interrupted";
  const doubtful = reports.filter(({ notProven, missing }) => {
    return notProven !== undefined && !(missing !== undefined && allowMissing.includes(missing));
  });
  return doubtful.length > 0 ? "not-proven" : "held";
}

function machine(): readonly string[] {
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return [
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    `${String(availableParallelism())} processors, ${String(gibibytes)} GiB of memory`,
  ];
}
