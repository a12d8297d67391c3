/**
 * The composition root: the only place where settings, engine, handlers, transport and the HTTP
 * side meet. Starting is a straight list of steps that begins in daemon.ts, and their order is the
 * point of both files.
 */
import type { ConfigWarning, LoadedConfig } from "../config/load-config.js";
import type { Config } from "../config/settings.js";
import type { WaitingWriter } from "../engine/writer-link.js";
import { systemClock } from "../foundation/clock.js";
import { describeError, type Log } from "../observability/log.js";
import { openLog } from "../observability/winston-log.js";
import { OpenError } from "../storage/errors.js";
import { packageVersion } from "./command-line.js";
import { type ExitName, exitCode, exitOfOpenError } from "./exit-codes.js";
import { RunningDaemon } from "./running-daemon.js";
import { exitOnBugs } from "./sudden-exit.js";
import { type NotifyEnvironment, SystemdNotify } from "./systemd-notify.js";

/** Resolves when calls are served; ends the process when that does not come off. */
export async function serve(
  { config, warnings }: LoadedConfig & { readonly kind: "loaded" },
  environment: NotifyEnvironment,
  writer: WaitingWriter,
): Promise<void> {
  // 4. From here on there is a log, and a bug stops the process instead of leaving half a daemon.
  const clock = systemClock();
  const log = openLog({ level: config.logLevel, clock });
  exitOnBugs(log);
  const version = packageVersion();
  log.event("daemon.starting", { version, pid: process.pid });
  logWarnings(warnings, config, log);

  // 5. A service that runs as root by accident owns files that its real user cannot open later.
  if (process.geteuid?.() === 0 && !config.allowRoot) {
    const hint = "run it as a user of its own, or give --allow-root";
    fail(log, "permission", "it was started as root", hint);
    return;
  }

  // 6. Listeners, then the store, then SERVING and the ready line: see RunningDaemon.start.
  const notify = new SystemdNotify(environment, { clock, log });
  const daemon = new RunningDaemon({ config, clock, log, notify, version, writer });
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
