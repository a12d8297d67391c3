/**
 * The phrases that operators and their scripts search for, in a run as it happens: start, write,
 * crash, restart, stop. Each grep is spelled as the guides spell it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connectTo } from "../support/grpc-client.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

test("the greps of the guides find their lines in a run with a crash", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const env = {
    KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS: "100",
    KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP: "QUICK",
  };
  const first = startDaemon(t, { file, env });
  const address = (await first.ready()).grpc[0] ?? "";
  const secret = "the-value-that-no-log-may-show";
  await connectTo(t, address).put("the-key-that-no-log-may-show", secret);
  await waitFor("a periodic checkpoint", () => first.logged("periodic-checkpoint completed")[0]);
  await waitFor("the check", () => first.logged("startup quick_check passed")[0]);
  // No checkpoint may come between the last write and the kill, or there is nothing to recover.
  await first.stop();
  const second = startDaemon(t, { file });
  await connectTo(t, (await second.ready()).grpc[0] ?? "").put("b", secret);
  await second.stop("SIGKILL");
  const third = startDaemon(t, { file });
  await third.ready();
  await third.stop();

  const runs = [first, second, third];
  const lines = runs.flatMap(({ stderr }) => stderr);
  const found = (pattern: RegExp): readonly string[] => lines.filter((line) => pattern.test(line));
  for (const phrase of [
    "startup detected WAL residue",
    "startup-recovery checkpoint completed",
    "startup quick_check passed",
    "periodic-checkpoint completed",
    "closeDatabase checkpoint completed",
  ]) {
    assert.ok(
      found(/(startup|checkpoint|integrity)/).some((line) => line.includes(phrase)),
      phrase,
    );
  }
  const configuration = found(/(journal_mode|synchronous|checkpoint|integrity)/).filter((line) => {
    return line.includes("effective configuration journal_mode=wal synchronous=3");
  });
  assert.equal(configuration.length, runs.length, "once per start");
  assert.ok(found(/(periodic-checkpoint|startup-recovery|checkpoint failed)/).length >= 2);
  assert.deepEqual(found(/checkpoint failed/), []);
  assert.deepEqual(found(/no-log-may-show/), []);
});

test("every log line is one JSON object with the common fields first", async (t) => {
  const daemon = startDaemon(t, { file: join(tempDirectory(t), "kv.db") });
  await daemon.ready();
  await daemon.stop();
  assert.ok(daemon.stderr.length > 3);
  for (const line of daemon.stderr) {
    const fields = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual(Object.keys(fields).slice(0, 4), ["ts", "level", "msg", "event"], line);
  }
});
