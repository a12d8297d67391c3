/**
 * A process of ours that does one job and reports in lines of JSON on its standard output. When it
 * ends without success, what it said on standard error is the reason.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { environmentWithoutSettings } from "../config/client-environment.js";

const reasonCharactersMax = 2_000;

export interface WorkerJob {
  readonly program: string;
  /** Handed over as JSON. */
  readonly argument: unknown;
  /** Of Node itself. */
  readonly nodeFlags?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** After this it is killed; undefined = it may take as long as it likes. */
  readonly boundMs?: number;
}

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it said on standard error. */
  readonly lastWords: string;
}

/** Resolves with how it ended, whatever way that was. */
export async function runToEnd(
  job: WorkerJob,
  listen: (message: unknown) => void,
): Promise<WorkerEnd> {
  const words = [...(job.nodeFlags ?? []), job.program, JSON.stringify(job.argument)];
  const child = spawn(process.execPath, words, {
    env: job.environment ?? environmentWithoutSettings(),
    stdio: ["ignore", "pipe", "pipe"],
    ...(job.boundMs !== undefined && { timeout: job.boundMs, killSignal: "SIGKILL" }),
  });
  let lastWords = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(-reasonCharactersMax);
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) listen(JSON.parse(line));
  });
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({ code, signal, lastWords });
    });
  });
}

/** Rejects unless it ended with 0. */
export async function runWorker(job: WorkerJob, listen: (message: unknown) => void): Promise<void> {
  const { code, signal, lastWords } = await runToEnd(job, listen);
  if (code === 0) return;
  throw new Error(`${job.program} ended with ${String(code ?? signal)}: ${lastWords.trim()}`);
}
