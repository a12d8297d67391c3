/** Starts the scrubber in a thread of its own. */
import { workerData } from "node:worker_threads";
import { ownPorts } from "../thread-body.js";
import { serveScrubber } from "./scrub-body.js";
import type { ScrubStart } from "./scrub-protocol.js";

serveScrubber(workerData as ScrubStart, ownPorts());
