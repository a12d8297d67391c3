#!/usr/bin/env node
/** The command line tool. Everything is in src/cli; this is the file that is run. */
import { runCli } from "./cli/main.js";

await runCli();
