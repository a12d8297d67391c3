/**
 * The integrity check of a start. After a clean stop it never delays readiness; after a crash a
 * quick check may, within its budget; a full check always does. Whenever it ends, its failure meets
 * the policy: refuse (the process exits), read-only, or a warning.
 */
import type { Cancel, Clock } from "../foundation/clock.js";
import type { IntegrityReport } from "../storage/maintenance.js";
import type { EngineOptions } from "./engine-options.js";
import type { DamageWatch } from "./integrity/damage-watch.js";
import type { IntegrityChecker } from "./integrity/integrity-check.js";

export interface StartupCheckParts {
  readonly options: EngineOptions;
  readonly clock: Clock;
  readonly unclean: boolean;
  readonly integrity: IntegrityChecker;
  readonly damage: DamageWatch;
}

/** Resolves when readiness may go on: at once, after the budget, or after the check. */
export async function startupCheck(parts: StartupCheckParts): Promise<void> {
  const { options, clock, unclean } = parts;
  const mode = options.integrityOnStart;
  if (mode === "off") return;
  if (mode === "full") return check(mode, parts);
  if (unclean) return firstOf(check(mode, parts), options.integrityStartupBudgetMs, clock);
  // Nobody waits for it: its process is started when the caller serves, and not beside that.
  setImmediate(() => {
    void check(mode, parts);
  });
}

async function check(mode: "quick" | "full", parts: StartupCheckParts): Promise<void> {
  applyPolicy(await parts.integrity.checkAtStart(mode), parts);
}

function applyPolicy(report: IntegrityReport, { damage }: StartupCheckParts): void {
  if (report.verdict === "passed" || report.verdict === "cancelled") return;
  const reason = `the integrity check at start ${report.verdict === "failed" ? "failed" : "could not run"}`;
  damage.found(reason, report.messages[0] ?? "no details");
}

async function firstOf(finished: Promise<void>, budgetMs: number, clock: Clock): Promise<void> {
  let cancel: Cancel = () => undefined;
  const budget = new Promise<void>((resolve) => {
    cancel = clock.after(budgetMs, resolve);
  });
  try {
    await Promise.race([finished, budget]);
  } finally {
    cancel();
  }
}
