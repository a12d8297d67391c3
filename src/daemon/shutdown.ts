/**
 * The stop, as an ordered list of steps with a time budget each. A step that takes longer is named
 * in the log and left behind; the steps after it still run, because the last one closes the store.
 * A second signal shortens what merely waits. Nothing shortens the store's own step: being killed
 * in it is safe, skipping it is not a clean stop.
 */
import type { Clock } from "../foundation/clock.js";
import { describeError, type Log } from "../observability/log.js";

export interface StopStep {
  readonly name: string;
  /** How long the stop waits for it. */
  readonly budgetMs: number;
  run(patience: Patience): Promise<void> | void;
}

export interface StopPorts {
  readonly clock: Clock;
  readonly log: Log;
}

export type StepOutcome = "done" | "failed" | "overdue";

/** Waits that a second signal ends. */
export class Patience {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #hurried = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get hurried(): boolean {
    return this.#hurried;
  }

  /** Ends every wait, those that are still to come included. */
  hurry(): void {
    this.#hurried = true;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves after the time, or as soon as somebody hurries. */
  wait(ms: number): Promise<void> {
    if (this.#hurried) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, () => {
        wake();
      });
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }
}

/** Runs every step, in order, whatever became of those before it. Never rejects. */
export async function stopInOrder(
  steps: readonly StopStep[],
  patience: Patience,
  ports: StopPorts,
): Promise<ReadonlyMap<string, StepOutcome>> {
  const outcomes = new Map<string, StepOutcome>();
  for (const step of steps) outcomes.set(step.name, await runStep(step, patience, ports));
  return outcomes;
}

function runStep(step: StopStep, patience: Patience, ports: StopPorts): Promise<StepOutcome> {
  const { name, budgetMs } = step;
  return new Promise((resolve) => {
    const cancel = ports.clock.after(budgetMs, () => {
      ports.log.event("daemon.stop-step-overdue", { step: name, budgetMs });
      resolve("overdue");
    });
    // Started in a callback so that a step that throws at once ends like one that rejects.
    Promise.resolve()
      .then(() => step.run(patience))
      .then(() => {
        resolve("done");
      })
      .catch((cause: unknown) => {
        ports.log.event("daemon.stop-step-failed", { step: name, cause: describeError(cause) });
        resolve("failed");
      })
      .finally(cancel);
  });
}
