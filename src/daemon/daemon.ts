/**
 * The composition root: the only place where settings, engine, handlers, transport and the HTTP
 * side meet. Starting is a straight list of steps, and their order is the point of this file.
 */
import type { ConfigWarning } from "../config/load-config.js";
import { loadConfig } from "../config/load-config.js";
import { processInputs } from "../config/process-inputs.js";
import type { Config } from "../config/settings.js";
import { systemClock } from "../foundation/clock.js";
import { describeError, type Log } from "../observability/log.js";
import { openLog } from "../observability/winston-log.js";
import { OpenError } from "../storage/errors.js";
import { answerOf, packageVersion } from "./command-line.js";
import { type ExitName, exitCode, exitOfOpenError } from "./exit-codes.js";
import { RunningDaemon } from "./running-daemon.js";
import { exitOnBugs } from "./sudden-exit.js";
import { SystemdNotify } from "./systemd-notify.js";

const privateUmask = 0o077;

/** Runs until a signal or a fault; the exit code of the process says how it ended. */
export async function runDaemon(): Promise<void> {
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

  // 3. From here on there is a log, and a bug stops the process instead of leaving half a daemon.
  const { config, warnings } = loaded;
  const clock = systemClock();
  const log = openLog({ level: config.logLevel, clock });
  exitOnBugs(log);
  log.event("daemon.starting", { version: packageVersion(), pid: process.pid });
  logWarnings(warnings, config, log);

  // 4. A service that runs as root by accident owns files that its real user cannot open later.
  if (process.geteuid?.() === 0 && !config.allowRoot) {
    const hint = "run it as a user of its own, or give --allow-root";
    fail(log, "permission", "it was started as root", hint);
    return;
  }

  // 5. Listeners, then the store, then SERVING and the ready line: see RunningDaemon.start.
  const notify = new SystemdNotify(inputs.env, { clock, log });
  const daemon = new RunningDaemon({ config, clock, log, notify, version: packageVersion() });
  try {
    await daemon.start();
  } catch (cause) {
    fail(log, exitNameOf(cause), describeError(cause), hintOf(cause));
  }
}

function logWarnings(warnings: readonly ConfigWarning[], config: Config, log: Log): void {
  for (const { event, variable, risk } of warnings) log.event(event, { variable, risk });
  if (config.failpoints !== undefined) {
    log.event("config.failpoints-armed", { failpoints: config.failpoints });
  }
}

/** Ends a start that did not come off. Either nothing is open any more, or a bug was met: then closing is wrong. */
function fail(log: Log, name: ExitName, reason: string, hint: string): void {
  const code = exitCode(name);
  log.event("daemon.start-failed", { reason, hint, exitCode: code });
  process.exit(code);
}

function exitNameOf(cause: unknown): ExitName {
  return cause instanceof OpenError ? exitOfOpenError[cause.kind] : "unexpected";
}

function hintOf(cause: unknown): string {
  const { hint } = cause as { readonly hint?: unknown };
  return typeof hint === "string" ? hint : "the reason says what failed";
}
