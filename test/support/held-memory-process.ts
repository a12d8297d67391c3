/**
 * Loaded into a daemon before its own program: on SIGUSR2 it collects what nothing holds any more and
 * says on standard error how many bytes are left. What is resident also counts what was let go of and
 * is not collected yet, which after a hundred megabytes of writes is many times what is held.
 */
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";
import { heldBytesMark } from "./held-memory.js";

/** Buffers go only after the objects that had them. */
const collections = 2;

// Threads load it too, and hear no signals.
if (isMainThread) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  process.on("SIGUSR2", () => {
    void (async () => {
      for (let nth = 0; nth < collections; nth++) {
        collect();
        await setImmediate();
      }
      const { heapUsed, external } = process.memoryUsage();
      process.stderr.write(`${heldBytesMark}${String(heapUsed + external)}\n`);
    })();
  });
}
