/** What a stop does, in order, and how long each part may take. The reasons are in shutdown.ts. */
import type { Readiness } from "../rpc/readiness.js";
import { extendTimeoutMs, stopEngineMs, stopHttpMs } from "../storage/limits.js";
import type { StorageEngine } from "../storage/storage-engine.js";
import type { Listeners } from "./listeners.js";
import type { Patience, StopStep } from "./shutdown.js";
import type { SystemdNotify } from "./systemd-notify.js";

export interface StopParts {
  readonly readiness: Readiness;
  readonly listeners: Listeners | undefined;
  readonly engine: StorageEngine | undefined;
  readonly notify: SystemdNotify;
  readonly drainMs: number;
}

export function stopSteps(parts: StopParts): readonly StopStep[] {
  const { readiness, listeners, engine, notify, drainMs } = parts;
  return [
    {
      name: "refuse",
      budgetMs: stopHttpMs,
      run: () => {
        readiness.stop("the daemon is stopping");
        // Not awaited: telling the manager must not hold up the stop.
        void notify.stopping("finishing the calls in progress");
      },
    },
    {
      name: "calls",
      // The drain cuts by itself when its time is up; the budget is for a drain that does not.
      budgetMs: drainMs + stopHttpMs,
      run: (patience) => drainCalls(listeners, drainMs, patience),
    },
    { name: "http", budgetMs: stopHttpMs, run: () => listeners?.ops?.close() },
    {
      name: "store",
      budgetMs: stopEngineMs,
      run: async () => {
        const stopAsking = notify.extendTimeout(extendTimeoutMs);
        try {
          await engine?.close();
        } finally {
          stopAsking();
        }
      },
    },
  ];
}

/** Running calls get the time; a second signal cuts them. */
async function drainCalls(
  listeners: Listeners | undefined,
  drainMs: number,
  patience: Patience,
): Promise<void> {
  if (listeners === undefined) return;
  const drained = listeners.grpc.drain(drainMs).then(() => undefined);
  await Promise.race([drained, patience.wait(drainMs)]);
  await listeners.grpc.close();
}
