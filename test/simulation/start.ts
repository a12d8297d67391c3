/** A start of a simulated engine: it serves, or it dies or fails on the way as the seed has it. */
import type { Values } from "../model/values.js";
import { failsAtStart } from "./draws.js";
import { OpeningDeath } from "./opening-death.js";
import type { Rig } from "./rig.js";

const diesOneIn = 3;
/** No fewer than a start makes of the file system. */
const requestsMax = 45;

export type StartEnd = "serves" | "killed" | "refused";

export interface StartPorts {
  readonly values: Values;
  /** The files are taken as they are at this moment; the next start finds them. */
  copyFiles(): void;
  /** Lets messages through and timers run until it is so. */
  pumpUntil(isSo: () => boolean): Promise<void>;
}

/** Throws why the engine does not open, unless the seed has had its first commit fail. */
export async function start(rig: Rig, ports: StartPorts): Promise<StartEnd> {
  const { values } = ports;
  const death = values.seldom(diesOneIn)
    ? new OpeningDeath(values.random.below(requestsMax), () => {
        ports.copyFiles();
      })
    : undefined;
  rig.open();
  const isOver = (): boolean => rig.hasOpened || rig.refusal !== undefined;
  try {
    await ports.pumpUntil(() => isOver() || death?.hasCome === true);
  } finally {
    death?.end();
  }
  if (death?.hasCome === true) return "killed";
  if (rig.refusal === undefined) return "serves";
  if (!failsAtStart(rig.setup.failpoints)) throw rig.refusal;
  ports.copyFiles();
  return "refused";
}
