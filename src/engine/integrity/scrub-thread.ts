/** Starts the scrubber in a thread of its own. */
import { workerData } from "node:worker_threads";
import { systemClock } from "../../foundation/clock.js";
import { ownHostPort } from "../../foundation/thread-host.js";
import { serveScrubber } from "./scrub-body.js";
import type { ScrubStart } from "./scrub-protocol.js";

serveScrubber(workerData as ScrubStart, { port: ownHostPort(), clock: systemClock() });
