/** The contract, put to the test on a daemon of its own. */
import { daemonRunner } from "./daemon-runner.js";
import { contractSuites } from "./suites.js";

contractSuites(daemonRunner);
