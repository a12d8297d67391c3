/** A thousand watches over the wire, as many as a service mesh would open, and one writer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { latencies } from "../support/figures.js";
import { shown, Watching } from "./cases/watch.js";
import { bytes } from "./client.js";
import { startInProcess } from "./in-process-runner.js";

const watchers = 1_000;
const commits = 5;
const namespace = "default";

test("a thousand watches over one connection all get every change, in order", async (t) => {
  const { client, metrics } = await startInProcess(t);
  const watching = await Promise.all(
    Array.from({ length: watchers }, () => Watching.standing(client, { namespace })),
  );
  const readMs: number[] = [];
  const all = watching.map(async (watch) => {
    const events = await watch.through(BigInt(commits));
    readMs.push(performance.now());
    return shown(events);
  });
  for (let count = 1; count <= commits; count++) {
    // Over the same connection, which has room for more than its watches.
    await client.put({ namespace, key: bytes("key"), value: bytes(String(count)) });
  }
  const answeredMs = performance.now();
  const expected = Array.from({ length: commits }, (_none, at) => {
    return `${String(at + 1)} key=${String(at + 1)}`;
  });
  for (const seen of await Promise.all(all)) assert.deepEqual(seen, expected);
  assert.match(await metrics.expose(), /^kvdb_watch_log_pages_total 0$/m);
  const delays = readMs.map((ms) => ms - answeredMs);
  t.diagnostic(`all changes read after the writer's last answer: ${latencies(delays)}`);
});
