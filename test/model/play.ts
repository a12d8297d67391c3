/** A run as a test has it: seed and figures are printed, and a failure is explained. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { seededRandom } from "../../src/foundation/random.js";
import { canonical } from "../support/canonical.js";
import { seedFor } from "../support/seed.js";
import { isDifference, type Step } from "./history.js";
import type { Port } from "./port.js";
import { Run, type RunPlan } from "./run.js";
import { shrink } from "./shrink.js";

const stepsShown = 12;
const stepCharactersMax = 600;

/** Opens a store of its own each time: one for the run, more if it has to be explained. */
export async function play(
  t: TestContext,
  open: () => Promise<Port>,
  plan: RunPlan,
): Promise<{ readonly run: Run; readonly exercised: ReadonlySet<string> }> {
  const { seed } = seedFor(t);
  const port = await open();
  const run = new Run(port, seededRandom(seed), plan);
  try {
    await run.play();
  } catch (cause) {
    await port.close();
    throw new Error(await explanation(cause, seed, run, open), { cause });
  }
  await port.close();
  const { operations, restarts } = run.history;
  t.diagnostic(
    `${String(operations)} operations, ${String(restarts)} restarts, ${String(run.upsets)} of them at work`,
  );
  assert.ok(operations >= plan.operations, "every operation of the plan is answered");
  return { run, exercised: port.exercised };
}

async function explanation(
  cause: unknown,
  seed: number,
  run: Run,
  open: () => Promise<Port>,
): Promise<string> {
  const { steps, operations } = run.history;
  const lines = [
    `KVDB_SEED=${String(seed)} shows it again; after ${String(operations)} operations`,
    cause instanceof Error ? cause.message : String(cause),
    `the last of ${String(steps.length)} steps:`,
    ...steps.slice(-stepsShown).map(shownStep),
  ];
  if (!isDifference(cause)) return lines.join("\n");
  const shrunk = await shrink(open, steps);
  if (shrunk === undefined) {
    lines.push("one step after the other it does not show: it takes callers at the same time");
    return lines.join("\n");
  }
  lines.push(
    `${String(shrunk.steps.length)} steps are enough:`,
    ...shrunk.steps.map(shownStep),
    shrunk.error.message,
  );
  return lines.join("\n");
}

export function shownStep(step: Step): string {
  return `  ${canonical(step).slice(0, stepCharactersMax)}`;
}
