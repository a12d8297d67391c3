/**
 * Concurrent histories of the engine and of the daemon, judged twice: without our revisions, by a
 * search for an order that explains them, and with them, exactly. Some calls have deadlines that they
 * may miss, and one daemon is killed half way.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/foundation/clock.js";
import { ContractClient } from "../contract/client.js";
import { seedFor } from "../support/seed.js";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { TempEngine, testNamespace } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";
import { DaemonStore, daemonLog } from "./daemon-store.js";
import { EngineStore, engineLog } from "./engine-store.js";
import { inexplicableIn } from "./linearizable.js";
import { Recorder } from "./recorder.js";
import { judgeByRevisions } from "./revision-order.js";
import type { LoggedRevision } from "./store.js";
import { Workload } from "./workload.js";

/** One mutation in so many is given a few milliseconds, which it may miss. */
const hastyOneIn = 40;

for (const { callers, calls, past } of [
  { callers: 8, calls: 8_000, past: true },
  { callers: 32, calls: 8_000, past: false },
]) {
  const kept = past ? "with its past kept" : "without a past";
  test(`${callers} callers see one order of the engine, ${kept}`, async (t) => {
    const temp = await TempEngine.open(t);
    await temp.engine.namespaces.create(testNamespace, { historyReads: past });
    const { recorder, workload } = begin(t, past);
    const store = new EngineStore(temp);
    await workload.run(store, { callers, calls, hastyOneIn });
    await workload.readBack(store);
    judge(t, recorder, await engineLog(t, temp), calls);
  });
}

test("16 callers see one order of the daemon", async (t) => {
  const { client } = await startedDaemon(t, join(tempDirectory(t), "kv.db"));
  const { recorder, workload } = begin(t, true);
  const store = await DaemonStore.create(client);
  const calls = 3_000;
  await workload.run(store, { callers: 16, calls, hastyOneIn });
  await workload.readBack(store);
  judge(t, recorder, await daemonLog(client, newestIn(recorder)), calls);
});

test("16 callers see one order of a daemon that is killed half way", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const first = await startedDaemon(t, file);
  const { recorder, workload } = begin(t, true);
  const calls = 2_000;
  const plan = { callers: 16, hastyOneIn };
  const store = await DaemonStore.create(first.client);
  const running = workload.run(store, { ...plan, calls: Infinity });
  const { daemon } = first;
  await waitFor("half of the calls", () => (workload.asked >= calls ? true : undefined), 60_000);
  await daemon.stop("SIGKILL");
  await running;
  assert.ok(recorder.unknown >= plan.callers, "every caller had a call on its way");
  const second = await startedDaemon(t, file);
  const again = new DaemonStore(second.client);
  await workload.readBack(again);
  await workload.run(again, { ...plan, calls });
  await workload.readBack(again);
  judge(t, recorder, await daemonLog(second.client, newestIn(recorder)), 2 * calls);
});

async function startedDaemon(
  t: TestContext,
  file: string,
): Promise<{ readonly daemon: Daemon; readonly client: ContractClient }> {
  const daemon = startDaemon(t, { file });
  const [address] = (await daemon.ready()).grpc;
  return { daemon, client: new ContractClient(t, address ?? "") };
}

function begin(t: TestContext, past: boolean) {
  const { random } = seedFor(t);
  const recorder = new Recorder();
  const clock = systemClock();
  return { recorder, workload: new Workload({ recorder, random, clock, past }) };
}

function newestIn(recorder: Recorder): bigint {
  const revisions = recorder.history.map(({ answer }) => answer?.revision ?? 0n);
  return revisions.reduce((newest, revision) => (revision > newest ? revision : newest), 0n);
}

function judge(
  t: TestContext,
  recorder: Recorder,
  log: readonly LoggedRevision[],
  callsMin: number,
): void {
  const { history, unknown, withdrawn } = recorder;
  assert.ok(history.length + withdrawn >= callsMin, "every call is accounted for");
  const { violations, happened } = judgeByRevisions(history, log);
  assert.deepEqual(violations.slice(0, 5), [], `${violations.length} violations`);
  assert.deepEqual(inexplicableIn(history), []);
  t.diagnostic(
    `${history.length} calls and ${log.length} revisions checked; ${withdrawn} withdrawn, ` +
      `${unknown} unknown, of which ${happened} had happened`,
  );
}
