/** Runs the engine on its own, recorded, and reads what came of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Synchronous } from "../../engine/index.js";
import { readOperationLog } from "../recording/operation-log.js";
import { recordedEnvironment } from "../recording/recorder.js";
import { databaseName } from "../states/state-check.js";
import { runToEnd, type WorkerEnd } from "../worker.js";
import type { SoloOrder, SoloStep } from "./solo-order.js";

const soloProgram = fileURLToPath(new URL("./solo-process.js", import.meta.url));

/** A life takes a second; only one that hangs is there so long. */
const lifeMs = 300_000;

/**
 * Most of a life is the loading of modules, in three threads: nothing runs so often that optimizing
 * it would pay.
 */
const nodeFlags = ["--no-turbofan", "--v8-pool-size=1"];

export interface SoloRun {
  readonly recorder: string;
  /** Recorded; made by the caller. */
  readonly data: string;
  readonly logFile: string;
  readonly steps: readonly SoloStep[];
  /** Counted from the start of the process. */
  readonly faults?: readonly string[];
  /** Another build of the program. */
  readonly program?: string;
  readonly synchronous?: Synchronous;
}

/** A second run on the same log goes on with the same story. */
export async function runSolo(run: SoloRun): Promise<WorkerEnd> {
  const { recorder, data, logFile, steps, faults, program, synchronous } = run;
  const order: SoloOrder = {
    file: join(data, databaseName),
    firstWrite: nextWriteIn(logFile),
    steps,
    ...(synchronous !== undefined && { synchronous }),
  };
  const environment = {
    ...recordedEnvironment({
      recorder,
      directory: data,
      log: logFile,
      ...(faults !== undefined && { faults }),
    }),
    // Hundreds of short lives, each with a report of some megabytes: no coverage of them.
    NODE_V8_COVERAGE: "",
  };
  const job = {
    program: program ?? soloProgram,
    nodeFlags,
    argument: order,
    environment,
    boundMs: lifeMs,
  };
  return await runToEnd(job, () => undefined);
}

function nextWriteIn(logFile: string): number {
  let next = 0;
  for (const operation of readIfThere(logFile)) {
    if (operation.kind !== "marked" || !operation.text.startsWith("asked ")) continue;
    next = Math.max(next, Number(operation.text.split(" ")[1]) + 1);
  }
  return next;
}

function readIfThere(logFile: string): ReturnType<typeof readOperationLog> {
  return existsSync(logFile) ? readOperationLog(logFile) : [];
}
