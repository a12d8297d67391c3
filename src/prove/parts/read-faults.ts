/**
 * One read at a time fails: of each file that a start looks at, of the database and of the WAL while
 * the store recovers, writes, checkpoints and stops. A failed read is not damage: it is repeated, or
 * ends the process with a code after which a restart is tried, and nothing acknowledged is lost.
 */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../foundation/random.js";
import { inParallel } from "../in-parallel.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { readOperationLog } from "../recording/operation-log.js";
import { runSolo } from "../solo/run-solo.js";
import { type SoloStep, soloNamespace } from "../solo/solo-order.js";
import { type Fault, faultText } from "./fault-rules.js";
import { judge, type SweepSize } from "./single-faults.js";

const write: SoloStep = { kind: "write", namespace: soloNamespace };
const before: readonly SoloStep[] = Array<SoloStep>(7).fill(write);

/** What the store was left as, which decides what its next start reads. */
const endings = {
  "a killed store": { kind: "kill" },
  "a stopped store": { kind: "close" },
} as const satisfies Record<string, SoloStep>;

type Ending = keyof typeof endings;

const life: readonly SoloStep[] = [
  write,
  write,
  { kind: "rest" },
  { kind: "checkpoint", mode: "passive" },
  write,
  { kind: "checkpoint", mode: "truncate" },
  write,
  { kind: "close" },
];

/** How many reads of a file are each made to fail, beginning with the first. */
const readsOf = {
  "kv.db": 24,
  "kv.db-wal": 60,
  "kv.db.hwm": 2,
  "kv.db.owner": 2,
  "kv.db.clean": 2,
  "kv.db.lock": 2,
} as const;

/** With more of them the places lie further apart the later they come. */
const spread = 1.25;

interface ReadFault {
  readonly ending: Ending;
  readonly fault: Fault;
}

export async function proveReadFaults(context: ProveContext, size: SweepSize): Promise<PartReport> {
  return await withDirectory(context, "read-faults", async (directory) => {
    for (const ending of Object.keys(endings) as Ending[]) await leave(context, directory, ending);
    const problems: string[] = [];
    let fired = 0;
    let done = 0;
    const faults = thinned(allFaults(), size.faults);
    await inParallel(faults, context.processes, async (each) => {
      const found = await oneLife(context, directory, each);
      context.progress(`failed reads: ${String(++done)} of ${String(faults.length)}`);
      // The file is read less often than that.
      if (found.during === undefined) return;
      fired++;
      const { fault, ending } = each;
      problems.push(...found.problems.map((text) => `${ending}, ${faultText(fault)}: ${text}`));
    });
    return reportOf(
      {
        name: "read-faults",
        title:
          "a read that fails once is repeated or ends the process, and is never taken for damage",
        tried: fired,
        unit: "failed reads, one in each life of a store that was killed or stopped before",
        facts: [`${String(faults.length)} places, of which ${String(fired)} were read`],
      },
      problems,
    );
  });
}

function allFaults(): ReadFault[] {
  return (Object.keys(endings) as Ending[]).flatMap((ending) => {
    return Object.entries(readsOf).flatMap(([name, most]) => {
      const places: number[] = [];
      for (let nth = 1; nth <= most; nth = Math.max(nth + 1, Math.floor(nth * spread))) {
        places.push(nth);
      }
      return places.map((nth) => ({ ending, fault: { call: "read", name, nth, what: "EIO" } }));
    });
  });
}

function thinned(faults: readonly ReadFault[], wanted: number): readonly ReadFault[] {
  const step = Math.max(1, faults.length / wanted);
  return faults.filter((_fault, index) => {
    return index === 0 || Math.floor(index / step) > Math.floor((index - 1) / step);
  });
}

interface Place {
  readonly data: string;
  readonly logFile: string;
}

function placeIn(directory: string, ending: Ending): Place {
  const own = join(directory, ending.replaceAll(" ", "-"));
  return { data: join(own, "data"), logFile: join(own, "operations.log") };
}

/** The store that each life begins with, made once. */
async function leave({ recorder }: ProveContext, directory: string, ending: Ending): Promise<void> {
  const place = placeIn(directory, ending);
  mkdirSync(place.data, { recursive: true, mode: 0o700 });
  await runSolo({ recorder, ...place, steps: [...before, endings[ending]] });
}

async function oneLife(
  context: ProveContext,
  directory: string,
  { ending, fault }: ReadFault,
): ReturnType<typeof judge> {
  const seed = context.random.uint32();
  const from = placeIn(directory, ending);
  return await withDirectory(context, "failed-read", async (own) => {
    const [data, logFile] = [join(own, "data"), join(own, "operations.log")];
    cpSync(from.data, data, { recursive: true });
    cpSync(from.logFile, logFile);
    const { recorder } = context;
    const run = { recorder, data, logFile, steps: life, faults: [faultText(fault)] };
    const { lastWords, ...end } = await runSolo(run);
    const lived = { data, operations: readOperationLog(logFile), end, lastWords };
    return await judge(lived, fault, seededRandom(seed));
  });
}
