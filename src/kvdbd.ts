#!/usr/bin/env node
/** The daemon. Everything is in src/daemon; this is the file that is run. */
import { runDaemon } from "./daemon/daemon.js";

await runDaemon();
