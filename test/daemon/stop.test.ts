/** How a daemon ends: in order by a signal, without a trace; by a kill, with a trace that heals. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AcknowledgedLoad } from "../crash/acknowledged-load.js";
import { connectTo } from "../support/grpc-client.js";
import { seedFor } from "../support/seed.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

const callers = 16;
const putsBeforeTheSignal = 500;
/** What a service manager grants before it kills. */
const graceMs = 30_000;

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} under load ends with 0, without a WAL and without a lost write`, async (t) => {
    const { seed, random } = seedFor(t);
    const file = join(tempDirectory(t), "kv.db");
    const daemon = startDaemon(t, { file });
    const { grpc } = await daemon.ready();
    const load = new AcknowledgedLoad(seed, random);
    const running = load.run(connectTo(t, grpc[0] ?? ""), callers);
    await waitFor("some puts", () =>
      load.acknowledgements > putsBeforeTheSignal ? true : undefined,
    );
    const from = performance.now();
    assert.deepEqual(
      await daemon.stop(signal),
      { code: 0, signal: null },
      daemon.stderr.join("\n"),
    );
    assert.ok(performance.now() - from < graceMs);
    await running;
    for (const suffix of ["-wal", "-shm"]) assert.equal(existsSync(file + suffix), false, suffix);
    assert.equal(daemon.logged("closeDatabase checkpoint completed").length, 1);
    assert.equal(daemon.logged("kvdbd has stopped").length, 1);

    const next = startDaemon(t, { file });
    const address = (await next.ready()).grpc[0] ?? "";
    assert.deepEqual(next.logged("startup detected WAL residue"), []);
    assert.deepEqual(await load.broken(connectTo(t, address)), []);
    assert.deepEqual(await next.stop(), { code: 0, signal: null });
  });
}

test("a second signal ends the waiting for calls, and the store is still closed in order", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const daemon = startDaemon(t, { file, env: { KVDB_SHUTDOWN_DRAIN_MS: "20000" } });
  const { grpc } = await daemon.ready();
  const client = connectTo(t, grpc[0] ?? "");
  await client.put("a", "1");
  // A stream that never sends anything keeps its connection busy for as long as the drain allows.
  const stream = client.kv.pipeline();
  stream.on("error", () => {
    // The daemon cuts it; that is what the test is about.
  });
  stream.on("data", () => undefined);
  const from = performance.now();
  daemon.process.kill("SIGTERM");
  await waitFor("the stop to begin", () => daemon.logged("kvdbd is stopping")[0]);
  daemon.process.kill("SIGTERM");
  assert.deepEqual(await daemon.ended, { code: 0, signal: null });
  assert.ok(performance.now() - from < 20_000, "the drain time was not waited for");
  assert.equal(existsSync(`${file}-wal`), false);
});

test("a kill leaves WAL residue that the next start names once and recovers", async (t) => {
  const { seed, random } = seedFor(t);
  const file = join(tempDirectory(t), "kv.db");
  const daemon = startDaemon(t, { file });
  const { grpc } = await daemon.ready();
  const load = new AcknowledgedLoad(seed, random);
  const running = load.run(connectTo(t, grpc[0] ?? ""), callers);
  await waitFor("some puts", () =>
    load.acknowledgements > putsBeforeTheSignal ? true : undefined,
  );
  assert.deepEqual(await daemon.stop("SIGKILL"), { code: null, signal: "SIGKILL" });
  await running;

  const next = startDaemon(t, { file });
  const ready = await next.ready();
  assert.equal(next.logged("startup detected WAL residue").length, 1);
  assert.equal(next.logged("startup-recovery checkpoint completed").length, 1);
  assert.deepEqual(await load.broken(connectTo(t, ready.grpc[0] ?? "")), []);
  const recoveries = async (http: string | undefined): Promise<string | undefined> => {
    const body = await (await fetch(`http://${http ?? ""}/metrics`)).text();
    return /^sqlite_startup_recovery_executed (\d+)$/m.exec(body)?.[1];
  };
  assert.equal(await recoveries(ready.http), "1");
  assert.deepEqual(await next.stop(), { code: 0, signal: null });

  const clean = startDaemon(t, { file });
  const { http } = await clean.ready();
  assert.deepEqual(clean.logged("startup detected WAL residue"), []);
  assert.equal(await recoveries(http), "1", "the count is kept, and a clean start adds nothing");
});
