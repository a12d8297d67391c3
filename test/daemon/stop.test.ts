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
import { pause, waitFor } from "../support/wait.js";

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

test("a signal while the store is being opened ends with 0 as soon as it is open", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const env = { KVDB_FAILPOINTS: "before-commit=delay:3000@1" };
  const daemon = startDaemon(t, { file, env });
  await waitFor("the listeners", () => daemon.logged("listening for gRPC calls")[0]);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null }, daemon.stderr.join("\n"));
  assert.deepEqual(daemon.stdout, [], "it never served");
  assert.equal(existsSync(`${file}-wal`), false);
});

test("while a call is finished during a stop, new ones are refused as UNAVAILABLE", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  // Every commit but those of the start takes two seconds in the writer.
  const env = { KVDB_FAILPOINTS: "before-commit=delay:2000" };
  const daemon = startDaemon(t, { file, env });
  const { grpc } = await daemon.ready();
  const inFlight = connectTo(t, grpc[0] ?? "");
  const late = connectTo(t, grpc[0] ?? "");
  await late.get("connected");
  const put = inFlight.put("a", "1");
  await pause(500);
  daemon.process.kill("SIGTERM");
  await waitFor("the stop to begin", () => daemon.logged("kvdbd is stopping")[0]);
  await assert.rejects(late.put("b", "2"), /UNAVAILABLE/);
  await put;
  assert.deepEqual(await daemon.ended, { code: 0, signal: null });
  const next = startDaemon(t, { file });
  const client = connectTo(t, (await next.ready()).grpc[0] ?? "");
  assert.deepEqual(await client.get("a"), new TextEncoder().encode("1"));
  assert.equal(await client.get("b"), undefined);
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
