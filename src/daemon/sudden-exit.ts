/**
 * The ways to end that are not a stop. Nothing is flushed, closed or checkpointed: after a storage
 * fault, closing would write what cannot be trusted, and after a bug nobody knows what holds. The
 * guard connection of the engine is still open here, so no other connection is the last to close.
 */
import { spawn } from "node:child_process";
import type { Clock } from "../foundation/clock.js";
import { describeError, type Log } from "../observability/log.js";
import { exitForceMs, lastAnswersMs } from "../storage/limits.js";
import { type ExitName, exitCode } from "./exit-codes.js";

/** Logs why, and ends the process with the code of that name, or the one it is ending with already. */
export function exitAtOnce(name: ExitName, reason: string, log: Log): never {
  const code = process.exitCode ?? exitCode(name);
  log.event("daemon.exiting", { reason, exitCode: code });
  forceLater(log);
  process.exit(code);
}

/**
 * The same, once those who wait have their answers, or after a moment: for a store that has latched
 * and answers nothing but refusals. `answered` is asked in a later turn, when the answers are on
 * their way.
 */
export function exitAnswered(
  name: ExitName,
  reason: string,
  ports: { readonly clock: Clock; readonly log: Log; answered(): Promise<unknown> },
): void {
  const code = exitCode(name);
  ports.log.event("daemon.exiting", { reason, exitCode: code });
  // A bug that is met meanwhile is logged, and does not change what the next start must know.
  process.exitCode = code;
  const leave = (): void => {
    process.exit(code);
  };
  ports.clock.after(lastAnswersMs, leave);
  forceLater(ports.log);
  setImmediate(() => {
    void ports.answered().finally(leave);
  });
}

/** An error that nobody caught is a bug: say so and stop. Call it before anything else can fail. */
export function exitOnBugs(log: Log): void {
  const onBug = (cause: unknown): void => {
    const stack = cause instanceof Error ? (cause.stack ?? "") : "";
    log.event("daemon.bug", { cause: describeError(cause), stack });
    exitAtOnce("unexpected", describeError(cause), log);
  };
  process.on("uncaughtException", onBug);
  process.on("unhandledRejection", onBug);
}

/**
 * Leaving waits for the threads, and a thread that is stuck in a system call never ends. No timer
 * of ours runs meanwhile, so a small process of its own watches: it is told of our end by its closed
 * input, and kills us when that does not come. While the pipe is open, the number is still ours.
 */
function forceLater(log: Log): void {
  const watch =
    `setTimeout(() => process.kill(${String(process.pid)}, "SIGKILL"), ${String(exitForceMs)});` +
    "process.stdin.on('end', () => process.exit()).resume();";
  // When not even this process can be made, the service manager's watchdog is what is left.
  const unwatched = (cause: unknown): void => {
    log.event("daemon.bug", { cause: describeError(cause) });
  };
  try {
    const child = spawn(process.execPath, ["-e", watch], {
      detached: true,
      env: {},
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.on("error", unwatched);
  } catch (cause) {
    // Some errors come as an event and some at once, a lack of memory among these.
    unwatched(cause);
  }
}
