/**
 * A program for sudden-exit.test.ts. "stuck N": leaves through exitAtOnce while a thread of it hangs
 * for N seconds in a system call that nothing can interrupt, as a thread does whose disk has stopped
 * answering. "unwatched": the process that watches its end is refused at once. "rejection" and
 * "exception": meets an error that nobody catches.
 */
import { Worker } from "node:worker_threads";
import { exitAnswered, exitAtOnce, exitOnBugs } from "../../src/daemon/sudden-exit.js";
import { systemClock } from "../../src/foundation/clock.js";
import { openLog } from "../../src/observability/winston-log.js";

const [mode, seconds = "0"] = process.argv.slice(2);
const log = openLog({ level: "info", clock: systemClock() });

if (mode === "stuck") {
  const stuck = `
    require("node:worker_threads").parentPort.postMessage("stuck");
    require("node:child_process").spawnSync("sleep", ["${seconds}"], { stdio: "ignore" });
  `;
  new Worker(stuck, { eval: true }).once("message", () => {
    // A moment later, so that the thread is in its system call and not on the way to it.
    setTimeout(() => exitAtOnce("io", "the disk failed", log), 200);
  });
} else if (mode === "unwatched") {
  // No program can have this name, so that the system is not even asked.
  process.execPath = "\0";
  setInterval(() => undefined, 1_000);
  const answered = (): Promise<void> => Promise.resolve();
  exitAnswered("io", "the disk failed", { clock: systemClock(), log, answered });
} else {
  exitOnBugs(log);
  // Without this timer the program would end by itself, whatever became of the error.
  setInterval(() => undefined, 1_000);
  const bug = new Error("nobody catches this");
  if (mode === "rejection") void Promise.reject(bug);
  else
    setImmediate(() => {
      throw bug;
    });
}
