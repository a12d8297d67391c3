/**
 * The wall clock is set forward and back while keys and leases live by it. The rule, in one line: a
 * step forward counts as time that has passed, a step back counts as nothing. So what was seen to
 * run out never comes back, what has not run out is not hurt by a step back, and a time to live
 * that is given afterwards is as long as it says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import type { LeaseId } from "../../src/storage/model.js";
import { rangeOf, WatchReader } from "../engine/watch-reader.js";
import { seedFor } from "../support/seed.js";
import { okOf, putOf, TempEngine, testNamespace } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Where the wall stands after each, beside a clock that was never touched: +1, -2, +22 and -2 h. */
const steps = [hour, -3 * hour, day, -day] as const;
/** As far ahead as the wall has ever been, and what really passes on the way. */
const passed = 22 * hour + steps.length * 21 * minute;

interface Scene {
  readonly temp: TempEngine;
  readonly clock: ManualClock;
}

const restarts = { "while it runs": false, "with a restart after each": true } as const;

for (const [how, restarting] of Object.entries(restarts)) {
  test(`a clock that is set forward and back ${how} revives nothing and shortens nothing`, async (t) => {
    const clock = new ManualClock();
    const temp = await TempEngine.open(t, { clock });
    const scene = { temp, clock };
    await putFor(scene, "first", 30 * minute);
    await putFor(scene, "longest", passed + 30 * minute);
    const before = (await temp.head()).revision;

    for (const [at, step] of steps.entries()) {
      clock.stepWall(step);
      await settle(scene);
      if (restarting) await temp.reopen();
      assert.equal(await temp.text("first"), undefined, "it ran out with the first step");
      assert.equal(await temp.text("longest"), "1", `not yet, after step ${String(at + 1)}`);
      await assertLives(scene, String(at));
    }

    // All of it without the wall's help: it stands two hours behind.
    clock.advance(hour);
    await settle(scene);
    assert.equal(await temp.text("longest"), undefined);
    const watch = await WatchReader.open(t, temp, { from: before + 1n, puts: false });
    const ends = (await watch.through((await temp.head()).revision)).flatMap(({ changes }) =>
      changes.map(({ key, cause }) => `${new TextDecoder().decode(key)} ${cause}`),
    );
    const each = steps.flatMap((_step, at) => [
      `key-${String(at)} expired`,
      `bound-${String(at)} lease-expired`,
    ]);
    assert.deepEqual(ends.sort(), ["first expired", "longest expired", ...each].sort());
  });
}

test("whatever the wall does, a key lives no shorter than its time and never twice", async (t) => {
  const { random } = seedFor(t);
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const scene = { temp, clock };
  /** Engine time as the rule has it: the wall where it is ahead, else what really passes. */
  let nowMs = clock.wallMs();
  const ends = new Map<string, number>();
  for (let round = 0; round < 150; round++) {
    const key = `k${String(random.below(12))}`;
    const choice = random.below(10);
    if (choice < 4) {
      const ttlMs = 1_000 + random.below(3 * hour);
      await putFor(scene, key, ttlMs);
      ends.set(key, nowMs + ttlMs);
    } else if (choice < 7) {
      const ms = random.below(hour);
      clock.advance(ms);
      nowMs = Math.max(nowMs + ms, clock.wallMs());
    } else if (choice < 9) {
      clock.stepWall(random.below(4 * hour) - 2 * hour);
      nowMs = Math.max(nowMs, clock.wallMs());
    } else {
      // What was the time is stored with a commit; without one a restart may repeat some of it.
      okOf(await temp.put("now", "1"));
      await temp.reopen();
    }
    for (const [name, endMs] of ends) {
      const expected = nowMs < endMs ? "1" : undefined;
      assert.equal(await temp.text(name), expected, `${name} in round ${String(round)}`);
    }
  }
});

/** A key and a lease of ten minutes, given now, last ten minutes and then end by themselves. */
async function assertLives(scene: Scene, name: string): Promise<void> {
  const { temp, clock } = scene;
  const ttlMs = 10 * minute;
  const leaseId = BigInt(`1${name}`) as LeaseId;
  await putFor(scene, `key-${name}`, ttlMs);
  okOf(await temp.commit([{ kind: "lease-grant", leaseId, ttlMs }]));
  okOf(await temp.commit([putOf(`bound-${name}`, "1", { kind: "lease", leaseId })]));
  clock.advance(ttlMs - 1);
  assert.equal(await temp.text(`key-${name}`), "1");
  assert.equal(await temp.text(`bound-${name}`), "1");
  const { info } = temp.engine.leases.get(testNamespace, leaseId, 1);
  const { leases } = temp.engine.leases.list(testNamespace, { after: 0n, rowsMax: 10 });
  assert.deepEqual([info?.remainingMs, leases[0]?.remainingMs, leases.length], [1, 1, 1]);
  okOf(await temp.commit([{ kind: "lease-keep-alive", leaseId }]));
  clock.advance(1);
  assert.equal(await temp.text(`key-${name}`), undefined);
  assert.equal(await temp.text(`bound-${name}`), "1", "it was kept alive");
  clock.advance(ttlMs);
  assert.equal(await temp.text(`bound-${name}`), undefined);
  await settle(scene);
}

async function putFor({ temp }: Scene, key: string, ttlMs: number): Promise<void> {
  okOf(await temp.commit([putOf(key, "1", { kind: "after", ttlMs })]));
}

/** Until what has run out has left the file; the sweeper looks once a second at least. */
async function settle({ temp, clock }: Scene): Promise<void> {
  await waitFor("the sweep", async () => {
    const { count } = await temp.list({ range: rangeOf("", undefined), count: true });
    if (temp.engine.namespaces.get(testNamespace).keys === count) return true;
    clock.advance(50);
    return undefined;
  });
}
