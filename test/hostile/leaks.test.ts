/**
 * A minute and a half of mixed work, clients coming and going: memory and descriptors of the daemon
 * do not grow. A daemon that keeps something of every hundredth of a second is found out by the same
 * reading, or the reading would prove nothing.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { seededRandom } from "../../src/foundation/random.js";
import { mebibytes } from "../support/figures.js";
import { openDescriptors, residentBytes } from "../support/process-figures.js";
import type { Printing } from "../support/seed.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { pause } from "../support/wait.js";
import { oneClientsLife } from "./mixed-work.js";
import { growthPerMinute, type Reading } from "./slope.js";

/**
 * First compiled code, caches and pools reach the size they stay at. That takes work, not time: on a
 * busy machine memory had stopped growing after 1,100 clients. A leak goes on and warming up does
 * not, so a time in which memory grew is followed by another, and the last one counts.
 */
const whole = { warmLives: 1_000, readSeconds: 50, times: 3 };
/** A planted leak is seen sooner. */
const short = { warmLives: 150, readSeconds: 24, times: 1 };
const readEveryMs = 3_000;
const clientsAtOnce = 4;
/** Some 15,000 calls a minute: half a kibibyte kept of each would be found. */
const grownBytesPerMinuteMax = 8 * 2 ** 20;
const smallHeap = "--max-old-space-size=64 --max-semi-space-size=2";

test("a minute and a half of mixed work leave memory and descriptors where they were", async (t) => {
  const { memory, descriptors } = await work(t, smallHeap, whole);
  const growth = growthPerMinute(memory);
  t.diagnostic(`memory grows by ${mebibytes(growth)} a minute`);
  assert.ok(growth < grownBytesPerMinuteMax, shown(memory));
  const [first, last] = [descriptors.at(0), descriptors.at(-1)];
  assert.ok(first !== undefined && last !== undefined);
  // One client more or less may be connected at the moment of a reading.
  assert.ok(Math.abs(last.value - first.value) <= clientsAtOnce + 4, shown(descriptors));
});

test("a daemon that leaks is found out by the same reading", async (t) => {
  const leak = "globalThis.kept=[];setInterval(()=>kept.push(Buffer.alloc(4096,1)),20).unref()";
  const planted = `--import "data:text/javascript,${encodeURIComponent(leak)}"`;
  const { memory } = await work(t, `${smallHeap} ${planted}`, short);
  const growth = growthPerMinute(memory);
  t.diagnostic(`memory grows by ${mebibytes(growth)} a minute`);
  assert.ok(growth >= grownBytesPerMinuteMax, shown(memory));
});

async function work(
  test: Ending & Printing,
  nodeOptions: string,
  { warmLives, readSeconds, times }: typeof whole,
): Promise<{ readonly memory: readonly Reading[]; readonly descriptors: readonly Reading[] }> {
  const daemon = startDaemon(test, {
    file: join(tempDirectory(test), "data", "kv.db"),
    // A small heap is collected often: what stays resident then is held, not merely not yet freed.
    env: { NODE_OPTIONS: nodeOptions, KVDB_CACHE_BYTES: "1048576" },
  });
  const { grpc, pid } = await daemon.ready();
  const [address] = grpc;
  assert.ok(address !== undefined);
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1_000;
  let lives = 0;
  let isOver = false;
  const clients = Array.from({ length: clientsAtOnce }, async (_, seed) => {
    const random = seededRandom(seed);
    while (!isOver) {
      await oneClientsLife(address, random);
      lives++;
    }
  });
  let memory: Reading[] = [];
  const descriptors: Reading[] = [];
  // A client that fails ends the wait too.
  const everyone = Promise.all(clients);
  const next = (): Promise<unknown> => Promise.race([pause(readEveryMs), everyone]);
  while (lives < warmLives) await next();
  const warmSeconds = seconds();
  for (let time = 1; time <= times; time++) {
    memory = [];
    const from = seconds();
    while (seconds() < from + readSeconds) {
      await next();
      memory.push({ seconds: seconds(), value: residentBytes(pid) });
      descriptors.push({ seconds: seconds(), value: openDescriptors(pid) });
    }
    if (growthPerMinute(memory) < grownBytesPerMinuteMax) break;
  }
  isOver = true;
  await everyone;
  test.diagnostic(`${String(lives)} clients came and went, warm after ${warmSeconds.toFixed(0)} s`);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  return { memory, descriptors };
}

function shown(readings: readonly Reading[]): string {
  return readings.map(({ value }) => String(value)).join(" ");
}
