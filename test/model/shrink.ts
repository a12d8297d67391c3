/** Makes a failing history small: leaves steps out as long as what is left still shows a difference. */
import type { Call } from "./calls.js";
import { History, isDifference, type Step } from "./history.js";
import type { Port } from "./port.js";

export interface Shrunk {
  readonly steps: readonly Step[];
  readonly error: Error;
}

interface Budget {
  /** Stores that may be opened for it. */
  readonly attempts: number;
  readonly ms: number;
}

const budgetDefault: Budget = { attempts: 80, ms: 60_000 };

/** Undefined: one step after the other, the history shows nothing; it takes callers at once. */
export async function shrink(
  open: () => Promise<Port>,
  steps: readonly Step[],
  budget: Budget = budgetDefault,
): Promise<Shrunk | undefined> {
  const endMs = performance.now() + budget.ms;
  let attempts = 0;
  const isOver = (): boolean => attempts >= budget.attempts || performance.now() > endMs;
  const attempt = async (tried: readonly Step[]): Promise<Shrunk | undefined> => {
    attempts++;
    return firstDifference(await open(), tried);
  };
  let best = (await attempt(steps.flatMap(apart))) ?? (await attempt(steps));
  if (best === undefined) return undefined;
  for (let size = Math.ceil(best.steps.length / 2); size >= 1 && !isOver(); ) {
    let start = 0;
    let hasFound = false;
    while (start < best.steps.length && !isOver()) {
      const tried = best.steps.filter((_step, at) => at < start || at >= start + size);
      const found = await attempt(tried);
      hasFound ||= found !== undefined;
      if (found === undefined) start += size;
      else best = found;
    }
    if (size === 1 && !hasFound) break;
    size = Math.max(1, Math.floor(size / 2));
  }
  return best;
}

/** Each entry of a pipeline as a call of its own. */
function apart(step: Step): Step[] {
  if (step.kind !== "call" || step.call.rpc !== "Pipeline") return [step];
  return step.call.entries.flat().map((call: Call) => ({ kind: "call", call }));
}

/** The steps up to the first difference, on a store of its own. */
async function firstDifference(port: Port, steps: readonly Step[]): Promise<Shrunk | undefined> {
  const history = new History(port);
  try {
    for (const step of steps) await history.take(step);
    return undefined;
  } catch (error) {
    if (!isDifference(error)) throw error;
    return { steps: history.steps, error };
  } finally {
    await port.close();
  }
}
