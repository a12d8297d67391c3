/**
 * The start of the process, up to where a store is needed: settings, and the answers that need no
 * store. It imports little, so that these answers are quick, and so that the writer's thread can be
 * started before the rest of the daemon is loaded. The rest is serve.ts.
 */
import { loadConfig } from "../config/load-config.js";
import { processInputs } from "../config/process-inputs.js";
import { WaitingWriter } from "../engine/writer-link.js";
import { startWorker } from "../foundation/thread-link.js";
import { answerOf } from "./command-line.js";
import { exitCode } from "./exit-codes.js";

const privateUmask = 0o077;

/** Runs until a signal or a fault; the exit code of the process says how it ended. */
export async function runDaemon(): Promise<void> {
  try {
    await start();
  } catch (cause) {
    endBeforeLog(cause);
  }
}

/** There is no log yet, and the writer's thread may keep the process alive: so it is told and ended. */
function endBeforeLog(cause: unknown): never {
  const code = exitCode("unexpected");
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const stack = cause instanceof Error ? (cause.stack ?? "") : "";
  process.stderr.write(
    `kvdbd: the start failed with exit code ${String(code)}: ${reason}\n` +
      "kvdbd: the installation may be incomplete, or the system has no room for another thread\n" +
      `${stack}\n`,
  );
  process.exit(code);
}

async function start(): Promise<void> {
  // 1. Before anything can be created: nothing of ours is readable for others.
  process.umask(privateUmask);

  // 2. Every setting is known and checked before anything is opened; all problems at once.
  const inputs = processInputs();
  const loaded = loadConfig(inputs);
  const answer = answerOf(loaded);
  if (answer !== undefined || loaded.kind !== "loaded") {
    process.stdout.write(answer?.stdout ?? "");
    process.stderr.write(answer?.stderr ?? "");
    process.exitCode = answer?.code ?? exitCode("unexpected");
    return;
  }

  // 3. Most of a start is loading modules: the writer's thread loads its own while this one does.
  // It touches no file before it is told which.
  const writer = WaitingWriter.start(startWorker);
  const { serve } = await import("./serve.js");
  await serve(loaded, inputs.env, writer);
}
