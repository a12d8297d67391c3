/** The exits that are not a stop come off, whatever else hangs, and say why. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { exitForceMs } from "../../src/storage/limits.js";

const program = fileURLToPath(new URL("./sudden-exit-program.js", import.meta.url));
const stuckSeconds = 30;

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ms: number;
  readonly log: string;
}

async function run(...flags: readonly string[]): Promise<End> {
  const from = performance.now();
  const child = spawn(process.execPath, [program, ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = new Promise<Omit<End, "log">>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      resolve({ code, signal, ms: performance.now() - from });
    });
  });
  // Read from the start: what nobody reads until the end is thrown away by then.
  const log = text(child.stderr);
  return { ...(await exited), log: await log };
}

test("with its threads at rest the process ends by itself, with the code of the fault", async () => {
  const { code, signal, log } = await run("stuck", "0");
  assert.deepEqual({ code, signal }, { code: 74, signal: null });
  assert.match(log, /kvdbd exits: the disk failed/);
});

test("with a thread that hangs the process is killed after a few seconds", async () => {
  const { code, signal, ms } = await run("stuck", String(stuckSeconds));
  assert.deepEqual({ code, signal }, { code: null, signal: "SIGKILL" });
  assert.ok(ms >= exitForceMs);
  assert.ok(ms < stuckSeconds * 1_000);
});

test("without the process that watches its end it ends all the same, and says what was refused", async () => {
  const { code, signal, log } = await run("unwatched");
  assert.deepEqual({ code, signal }, { code: 74, signal: null });
  assert.match(log, /kvdbd met a bug.*null bytes/);
});

for (const mode of ["rejection", "exception"]) {
  test(`an ${mode === "rejection" ? "unhandled rejection" : "uncaught exception"} is logged as a bug and ends with 1`, async () => {
    const { code, signal, log } = await run(mode);
    assert.deepEqual({ code, signal }, { code: 1, signal: null });
    assert.match(log, /kvdbd met a bug/);
    assert.match(log, /nobody catches this/);
    assert.match(log, /sudden-exit-program/, "with the place it came from");
  });
}
