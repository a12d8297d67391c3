/**
 * The checking process. A native check cannot be interrupted, but a process can be killed, and the
 * kernel frees its locks at once. Its main thread does nothing but pass messages on and watch the
 * channel: when the parent goes, whatever way it went, this process ends itself in the middle of the
 * check, because a reader that outlives its daemon would keep the next start from emptying the WAL.
 */
import { constants, setPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { integrityHeartbeatMs } from "../../storage/limits.js";
import type { CheckOrder, FromCheck } from "./integrity-protocol.js";

// Before the thread is made, which inherits it: callers come first, also where cores are few.
try {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // A sandbox may forbid it, and a check at the usual priority is better than none: this once ended
  // every start under the unit's own filter of system calls.
}

const order = JSON.parse(process.argv[2] ?? "") as CheckOrder;
let newest: FromCheck = { kind: "progress", phase: "opening", rowsDone: 0, rowsTotal: 0 };

function send(message: FromCheck): void {
  newest = message;
  if (process.connected) process.send?.(message);
}

// Signals to the whole group are for the daemon: it ends its checks itself, and reports them.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    send(newest);
  });
}
process.on("disconnect", () => {
  process.kill(process.pid, "SIGKILL");
});

const heartbeat = setInterval(() => {
  send(newest);
}, integrityHeartbeatMs);
const thread = new Worker(new URL("./integrity-thread.js", import.meta.url), { workerData: order });
thread.on("message", (message: FromCheck) => {
  if (message.kind !== "progress") clearInterval(heartbeat);
  send(message);
});
thread.on("error", (error) => {
  clearInterval(heartbeat);
  send({ kind: "impossible", reason: error.message });
});
