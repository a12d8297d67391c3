/** Starts the writer in a thread of its own. */
import { ownPorts } from "../thread-body.js";
import { serveWriter } from "./writer-body.js";

serveWriter(ownPorts());
