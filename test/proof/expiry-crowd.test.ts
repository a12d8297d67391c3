/**
 * A great many keys whose time ends at the same instant. They are gone for readers at once; they
 * leave the file in slices, each a logged change of bounded size that says why; and whoever writes
 * meanwhile is not held up by more than a slice.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import { expiryKeysPerCommit, expiryRestMsMax } from "../../src/storage/limits.js";
import type { Operation } from "../../src/storage/model.js";
import { rangeOf, WatchReader } from "../engine/watch-reader.js";
import { latencies } from "../support/figures.js";
import { sizeFor } from "../support/prove-setup.js";
import { okOf, putOf, TempEngine, testNamespace } from "../support/temp-engine.js";
import { pause, waitFor } from "../support/wait.js";
import { keyOfRow, rowOfKey } from "./million-rows.js";

const { keys } = sizeFor({ ci: { keys: 200_000 }, full: { keys: 1_000_000 } });
const keysPerCommit = 5_000;
const lifeMs = 3_600_000;
const prefix = "mortal/";
const writers = 4;
const quietMs = 2_000;
/** Never reached unless the sweep stands still: at full size it takes a minute. */
const sweepMsMax = 480_000;

test("keys that all end at one instant vanish at once and are swept in slices beside writers", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const endMs = clock.wallMs() + lifeMs;
  for (let from = 0; from < keys; from += keysPerCommit) {
    okOf(await temp.commit(mortals(from, endMs)));
  }
  okOf(await temp.put("immortal", "1"));
  const before = (await temp.head()).revision;

  const quiet = new Writers(temp);
  await pause(quietMs);
  t.diagnostic(`writers before: ${latencies(await quiet.stop())}`);

  const all = rangeOf(prefix, "mortal0");
  assert.equal((await temp.list({ range: all, rowsMax: 1, count: true })).count, keys);
  const writing = new Writers(temp);
  const beganMs = performance.now();
  clock.advance(lifeMs);
  assert.equal(await temp.get(keyOfRow(prefix, 0)), undefined);
  assert.equal(await temp.get(keyOfRow(prefix, keys - 1)), undefined);
  const rowsLeft = (): number => temp.engine.namespaces.get(testNamespace).keys;
  assert.ok(rowsLeft() > keys / 2, "they vanished before they were swept");
  const page = await temp.list({ range: all, count: true });
  assert.deepEqual([page.entries.length, page.count], [0, 0]);
  t.diagnostic(`a page of none and a count of none after ${sinceText(beganMs)}`);

  await waitFor(
    "the sweep to end",
    () => {
      clock.advance(expiryRestMsMax);
      return rowsLeft() === 1 + writers ? true : undefined;
    },
    sweepMsMax,
  );
  const took = sinceText(beganMs);
  t.diagnostic(`writers meanwhile: ${latencies(await writing.stop())}`);
  assert.deepEqual(temp.log.of("expiry.sweep-refused"), []);

  const slices = await removals(await WatchReader.open(t, temp, { from: before + 1n, range: all }));
  t.diagnostic(`${String(keys)} keys swept in ${String(slices.length)} slices, ${took}`);
  assert.ok(slices.every((slice) => slice.length <= expiryKeysPerCommit));
  assert.deepEqual(
    slices.flat().sort((a, b) => a - b),
    Array.from({ length: keys }, (_none, row) => row),
  );

  async function removals(reader: WatchReader): Promise<number[][]> {
    const batches = await reader.through((await temp.head()).revision);
    return batches.map(({ changes }) =>
      changes.map(({ key, value, cause }) => {
        assert.deepEqual([value, cause], [null, "expired"]);
        return rowOfKey(prefix, key);
      }),
    );
  }
});

function mortals(from: number, atMs: number): Operation[] {
  const count = Math.min(keysPerCommit, keys - from);
  return Array.from({ length: count }, (_none, at) =>
    putOf(keyOfRow(prefix, from + at), "1", { kind: "at", atMs }),
  );
}

/** Each puts its own key, one put after the other, and remembers how long each took. */
class Writers {
  readonly #ms: number[] = [];
  readonly #ended: Promise<unknown>;
  #stopped = false;

  constructor(temp: TempEngine) {
    this.#ended = Promise.all(
      Array.from({ length: writers }, async (_none, writer) => {
        while (!this.#stopped) {
          const beganMs = performance.now();
          okOf(await temp.put(`writer/${String(writer)}`, String(beganMs)));
          this.#ms.push(performance.now() - beganMs);
          // A writer that never lets go of the event loop would measure itself.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
  }

  async stop(): Promise<readonly number[]> {
    this.#stopped = true;
    await this.#ended;
    assert.ok(this.#ms.length > 0);
    return this.#ms;
  }
}

function sinceText(beganMs: number): string {
  return `${((performance.now() - beganMs) / 1_000).toFixed(2)} s`;
}
