/**
 * kill -9 in the middle of 64 concurrent callers, again and again on the same files. Counted are
 * acknowledged puts over all cycles together: twenty cycles of 5,000 on average, so 100,000 and more.
 * A quarter of the callers put several keys in one batch: what is acknowledged costs less then.
 * After each kill every key that was ever acknowledged is read and compared.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connectTo } from "../support/grpc-client.js";
import { seedFor } from "../support/seed.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";
import { AcknowledgedLoad } from "./acknowledged-load.js";

const cycles = 20;
const putsInAll = 100_000;
const callers = 64;
const batching = 16;
const cycleBoundMs = 120_000;

test("no acknowledged put is missing after twenty kills under load", async (t) => {
  const { seed, random } = seedFor(t);
  const file = join(tempDirectory(t), "kv.db");
  const load = new AcknowledgedLoad(seed, random);
  for (let cycle = 1; cycle <= cycles; cycle++) {
    const daemon = startDaemon(t, { file });
    const { grpc } = await daemon.ready();
    const client = connectTo(t, grpc[0] ?? "");
    assert.deepEqual(await load.broken(client), [], `before cycle ${String(cycle)}`);
    // Somewhere between half and one and a half of its share, so that kills hit any moment.
    const share = putsInAll / cycles;
    const left = putsInAll - load.acknowledgements;
    const puts = cycle === cycles ? Math.max(left, share) : share / 2 + random.below(share);
    const target = load.acknowledgements + puts;
    const running = load.run(client, callers, batching);
    await waitFor(
      `${String(puts)} acknowledged puts`,
      () => (load.acknowledgements >= target || !daemon.running ? true : undefined),
      cycleBoundMs,
    );
    assert.ok(daemon.running, `the daemon ended by itself:\n${daemon.stderr.join("\n")}`);
    await daemon.stop("SIGKILL");
    await running;
    client.close();
  }
  assert.ok(load.acknowledgements >= putsInAll);
  const daemon = startDaemon(t, { file });
  const { grpc } = await daemon.ready();
  assert.deepEqual(await load.broken(connectTo(t, grpc[0] ?? "")), [], "after the last kill");
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  t.diagnostic(`${String(load.acknowledgements)} puts acknowledged, ${String(load.keys)} keys`);
});
