/** The contract, put to the test in one process. */
import { pointCases } from "./cases/point.js";
import { inProcessRunner } from "./in-process-runner.js";

for (const runner of [inProcessRunner]) {
  pointCases(runner);
}
