/** Starts a reader in a thread of its own. */
import { workerData } from "node:worker_threads";
import { ownHostPort } from "../../foundation/thread-host.js";
import { standBack } from "../../foundation/thread-priority.js";
import { readerThreadStepsBack } from "../../storage/limits.js";
import { serveReader } from "./reader-body.js";
import type { ReaderStart } from "./reader-protocol.js";

// A scan takes a processor for itself; whoever waits for a single key waits for the event loop.
standBack(readerThreadStepsBack);
serveReader(workerData as ReaderStart, { port: ownHostPort() });
