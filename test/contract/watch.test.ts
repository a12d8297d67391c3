/** How a server ends watches, and what only a look inside can tell. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { statusCode } from "../../src/rpc/status-code.js";
import { waitFor } from "../support/wait.js";
import { Watching } from "./cases/watch.js";
import { bytes } from "./client.js";
import { startInProcess } from "./in-process-runner.js";

const namespace = "default";

test("a drain ends open watches with UNAVAILABLE and a delay, and resume lets new ones in", async (t) => {
  const { client } = await startInProcess(t);
  await client.put({ namespace, key: bytes("a"), value: bytes("1") });
  const watching = await Watching.standing(client, { namespace });
  const drained = new Promise((resolve) => {
    client.admin.drain({ reason: "a test" }, resolve);
  });
  const refusal = await watching.end();
  await drained;
  assert.equal(refusal.code, statusCode.UNAVAILABLE);
  assert.equal(refusal.reason, "DRAINING");
  assert.ok((refusal.retryMs ?? 0) > 0);
  await new Promise((resolve) => {
    client.admin.resume({}, resolve);
  });
  const again = await Watching.standing(client, { namespace, startRevision: 1n });
  assert.equal((await again.through(1n)).length, 1);
});

test("a server that stops ends open watches with UNAVAILABLE and a delay", async (t) => {
  const { client, server, readiness } = await startInProcess(t);
  const watching = await Watching.standing(client, { namespace });
  readiness.stop("the test is over");
  const stopped = server.drain(10_000);
  const refusal = await watching.end();
  assert.equal(refusal.code, statusCode.UNAVAILABLE);
  assert.equal(refusal.reason, "DRAINING");
  assert.ok((refusal.retryMs ?? 0) > 0);
  client.close();
  assert.deepEqual(await stopped, { cut: 0 });
});

test("a watch from before what is retained gets one response with the oldest, then COMPACTED", async (t) => {
  const { client, engine } = await startInProcess(t);
  for (let count = 0; count < 5; count++) {
    await client.put({ namespace, key: bytes("a"), value: bytes("1") });
  }
  await engine.maintenance.compact(namespace as never, 3n as never);
  const watching = await Watching.standing(client, { namespace, startRevision: 2n });
  const { compactedRevision, events } = await watching.next();
  assert.equal(compactedRevision, 4n);
  assert.equal(events.length, 0);
  const refusal = await watching.end();
  assert.equal(refusal.code, statusCode.OUT_OF_RANGE);
  assert.equal(refusal.reason, "COMPACTED");
});

test("deleting a namespace ends its watches with NOT_FOUND, and blocking its reads ends them too", async (t) => {
  const { client, engine } = await startInProcess(t);
  await client.put({ namespace: "one", key: bytes("a"), value: bytes("1") });
  await client.put({ namespace: "two", key: bytes("a"), value: bytes("1") });
  const one = await Watching.standing(client, { namespace: "one" });
  const two = await Watching.standing(client, { namespace: "two" });
  await engine.namespaces.delete("one" as never);
  await engine.namespaces.update("two" as never, { blockReads: true, blockReason: "a test" });
  assert.equal((await one.end()).code, statusCode.NOT_FOUND);
  assert.equal((await two.end()).reason, "NAMESPACE_BLOCKED");
});

test("where history is kept, events carry the entry as it was before", async (t) => {
  const { client, engine } = await startInProcess(t);
  await engine.namespaces.create("kept" as never, { historyReads: true });
  const watching = await Watching.standing(client, {
    namespace: "kept",
    prevKv: true,
    startRevision: 1n,
  });
  await client.put({ namespace: "kept", key: bytes("a"), value: bytes("1") });
  await client.put({ namespace: "kept", key: bytes("a"), value: bytes("2") });
  await client.delete({ namespace: "kept", key: bytes("a") });
  const events = await watching.through(3n);
  const before = events.map(({ prevKv }) =>
    prevKv === undefined ? undefined : [Buffer.from(prevKv.value).toString(), prevKv.modRevision],
  );
  assert.deepEqual(before, [undefined, ["1", 1n], ["2", 2n]]);
  const again = await Watching.standing(client, {
    namespace: "kept",
    prevKv: true,
    startRevision: 1n,
  });
  assert.deepEqual(
    (await again.through(3n)).map(({ prevKv }) => prevKv?.modRevision),
    [undefined, 1n, 2n],
  );
});

test("a client that goes away leaves no watch behind", async (t) => {
  const { client, metrics } = await startInProcess(t);
  const open = async (): Promise<string | undefined> =>
    /^kvdb_watchers (\d+)$/m.exec(await metrics.expose())?.[1];
  const watching = await Watching.standing(client, { namespace });
  assert.equal(await open(), "1");
  watching.cancel();
  await waitFor("the watch to be closed", async () => ((await open()) === "0" ? true : undefined));
});
