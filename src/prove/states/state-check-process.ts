/**
 * A checking process. It opens one copy of a store after the other; several such processes run side
 * by side, each with a directory of its own, so no store is ever open twice.
 */
import type { CheckPlan, FromCheck } from "./check-plan.js";
import { checkStates } from "./state-check.js";

const progressEvery = 25;

function tell(message: FromCheck): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

process.umask(0o077);
const plan = JSON.parse(process.argv[2] ?? "") as CheckPlan;
const result = await checkStates(plan, (states) => {
  if (states % progressEvery === 0) tell({ kind: "progress", states });
});
tell(result);
