/** The contract, put to the test in one process. */
import { inProcessRunner } from "./in-process-runner.js";
import { contractSuites } from "./suites.js";

contractSuites(inProcessRunner);
