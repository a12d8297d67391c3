/**
 * A thread is a body and a thin file that starts it: the body is given its end of the link, time and
 * chance, and keeps nothing in its module, so that a simulation can run several of them in one thread
 * and decide which message comes next.
 */
import { type Clock, systemClock } from "../foundation/clock.js";
import { type Random, systemRandom } from "../foundation/random.js";
import { type HostPort, ownHostPort } from "../foundation/thread-host.js";

export interface BodyPorts {
  readonly port: HostPort;
  readonly clock: Clock;
  readonly random: Random;
}

/** Of the thread that calls this. Asserts outside a worker thread. */
export function ownPorts(): BodyPorts {
  return { port: ownHostPort(), clock: systemClock(), random: systemRandom() };
}
