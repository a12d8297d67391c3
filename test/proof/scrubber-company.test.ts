/**
 * What other callers feel of the scrubber. It has a thread of its own, so what they share with it is
 * the processor, the page cache and the WAL, which a slice pins while it runs. Measured with calls
 * that leave when they are due, whatever became of those before, in turn without it and at full
 * speed: no rests, a pass every second. The figures are printed and judge nothing: they are the
 * machine's as much as ours. Judged is that every call is answered while pass follows pass.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GetStatusResponse } from "../../src/wire/kvdb/v1/admin.js";
import { ScrubberState } from "../../src/wire/kvdb/v1/admin.js";
import { latencies } from "../support/figures.js";
import { answerTo, connectTo, type TestClient } from "../support/grpc-client.js";
import { sizeFor } from "../support/prove-setup.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { okOf, putOf, TempEngine } from "../support/temp-engine.js";
import { pause, waitFor } from "../support/wait.js";

const { rows, rounds, seconds } = sizeFor({
  ci: { rows: 5_000, rounds: 1, seconds: 3 },
  full: { rows: 100_000, rounds: 5, seconds: 10 },
});
const rowsPerCommit = 500;
const valueBytes = 1_000;
const getsPerSecond = 200;
const putsPerSecond = 50;

const speeds = {
  off: { KVDB_SCRUB_BYTES_PER_SECOND: "0" },
  full: {
    KVDB_SCRUB_BYTES_PER_SECOND: String(1024 * 1024 * 1024),
    KVDB_SCRUB_CPU_PERCENT: "100",
    KVDB_SCRUB_INTERVAL_MS: "1000",
  },
} as const;

function keyOfRow(row: number): string {
  return `key-${String(row % rows).padStart(8, "0")}`;
}

/** Of calls that leave at a fixed rate: from the moment each was due to its answer. */
async function openLoop(perSecond: number, call: (number: number) => Promise<unknown>) {
  const calls: Promise<number>[] = [];
  const beganMs = performance.now();
  for (let number = 0; number < perSecond * seconds; number++) {
    const dueMs = beganMs + (number * 1_000) / perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await pause(waitMs);
    calls.push(call(number).then(() => performance.now() - dueMs));
  }
  return Promise.all(calls);
}

function statusOf(client: TestClient): Promise<GetStatusResponse> {
  return answerTo((done) => client.admin.getStatus({}, done));
}

test("callers are answered while the scrubber walks at full speed", async (t) => {
  const temp = await TempEngine.open(t, { options: { synchronous: "OFF" } });
  for (let row = 0; row < rows; row += rowsPerCommit) {
    const puts = Array.from({ length: rowsPerCommit }, (_none, index) => {
      return putOf(keyOfRow(row + index), new Uint8Array(valueBytes).fill(row % 251));
    });
    okOf(await temp.commit(puts, { namespace: "default" }));
  }
  await temp.close();
  const figures = { off: { get: [], put: [] }, full: { get: [], put: [] } } as Record<
    keyof typeof speeds,
    { readonly get: number[]; readonly put: number[] }
  >;
  let passes = 0;
  for (let round = 0; round < rounds; round++) {
    for (const speed of ["off", "full"] as const) {
      const daemon = startDaemon(t, { file: temp.file, env: speeds[speed] });
      const client = connectTo(t, (await daemon.ready()).grpc[0] ?? "");
      if (speed === "full") {
        await waitFor("a pass to begin", async () => {
          return (await statusOf(client)).scrubber?.state === ScrubberState.SCRUBBER_STATE_WALKING
            ? true
            : undefined;
        });
      }
      const [get, put] = await Promise.all([
        openLoop(getsPerSecond, (number) => client.get(keyOfRow(number * 7_919))),
        openLoop(putsPerSecond, (number) => client.put(keyOfRow(number * 104_729), "new")),
      ]);
      figures[speed].get.push(...get);
      figures[speed].put.push(...put);
      if (speed === "full") {
        // It began before the calls; on a busy machine it may end after them.
        passes += await waitFor("a pass to end", async () => {
          return (await statusOf(client)).scrubber?.passes || undefined;
        });
      }
      const { scrubber } = await statusOf(client);
      assert.equal(scrubber?.findings, 0);
      if (speed === "off") assert.equal(scrubber.state, ScrubberState.SCRUBBER_STATE_OFF);
      client.close();
      assert.equal((await daemon.stop()).code, 0);
    }
  }
  for (const [speed, { get, put }] of Object.entries(figures)) {
    t.diagnostic(`scrubber ${speed}: get ${latencies(get)}; put ${latencies(put)}`);
  }
  t.diagnostic(`${String(rows)} rows, ${String(passes)} passes at full speed`);
});
