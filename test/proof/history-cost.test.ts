/**
 * What keeping replaced versions costs overwrites: the same work in a namespace that keeps them and
 * in one that does not, in turns, in one process. Rates are printed. What is judged is processor
 * time, which a busy machine blurs less, and the judgement is wide of what was measured.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../src/foundation/random.js";
import type { Key, Namespace, Revision } from "../../src/storage/model.js";
import { median } from "../support/figures.js";
import { sizeFor } from "../support/prove-setup.js";
import { seedFor } from "../support/seed.js";
import { bytesOf, okOf, patient, putOf, TempEngine } from "../support/temp-engine.js";

const { writes } = sizeFor({ ci: { writes: 6_000 }, full: { writes: 40_000 } });
const turns = 4;
const keys = 10_000;
const callers = 64;
const valueBytes = 512;
const rowsPerCommit = 1_000;
/** The promise is a half; a busy machine may not break the build. */
const shareLeast = 0.4;
/** The revision at which every key has its first value. */
const filled = BigInt(keys / rowsPerCommit) as Revision;

interface Turn {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

test("overwrites with history cost at most about twice what they cost without", async (t) => {
  const { random } = seedFor(t);
  const temp = await TempEngine.open(t);
  for (const [name, historyReads] of [["off", false] as const, ["on", true] as const]) {
    await temp.engine.namespaces.create(name as Namespace, { historyReads });
    await fill(temp, name);
  }
  const off: Turn[] = [];
  const on: Turn[] = [];
  for (let turn = 0; turn < turns; turn++) {
    off.push(await overwrite(temp, "off", random));
    on.push(await overwrite(temp, "on", random));
  }
  const rate = median(on.map((turn) => turn.perSecond)) / median(off.map((each) => each.perSecond));
  const share =
    median(off.map((turn) => turn.cpuMicroseconds)) /
    median(on.map((turn) => turn.cpuMicroseconds));
  t.diagnostic(`off: ${described(off)}`);
  t.diagnostic(`on:  ${described(on)}`);
  t.diagnostic(`rate with history ${rate.toFixed(2)} of that without`);
  t.diagnostic(`by processor time ${share.toFixed(2)}`);
  assert.ok(share >= shareLeast, `${share.toFixed(2)} of the rate without history`);

  // Both did what they were for: one still knows the beginning, the other does not.
  assert.equal(
    (await valueAt(temp, "on", filled))?.every((byte) => byte === 0),
    true,
  );
  await assert.rejects(valueAt(temp, "off", filled), { kind: "history-off" });
});

async function fill(temp: TempEngine, namespace: string): Promise<void> {
  const value = new Uint8Array(valueBytes);
  for (let from = 0; from < keys; from += rowsPerCommit) {
    const puts = Array.from({ length: rowsPerCommit }, (_none, at) =>
      putOf(keyOf(from + at), value),
    );
    okOf(await temp.commit(puts, { namespace }));
  }
}

async function valueAt(
  temp: TempEngine,
  namespace: string,
  at: Revision,
): Promise<Uint8Array | undefined> {
  const read = { keys: [bytesOf(keyOf(0)) as Key], at, keysOnly: false };
  return (await temp.engine.get(namespace as Namespace, read, patient)).entries[0]?.value;
}

/** Many callers, each with one overwrite at a time, anywhere in the keys. */
async function overwrite(temp: TempEngine, namespace: string, random: Random): Promise<Turn> {
  let left = writes;
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (left-- > 0) {
        const value = new Uint8Array(valueBytes).fill(left);
        okOf(await temp.put(keyOf(random.below(keys)), value, { namespace }));
      }
    }),
  );
  const { user, system } = process.cpuUsage(cpuBefore);
  const perSecond = (writes * 1_000) / (performance.now() - beganMs);
  return { perSecond, cpuMicroseconds: (user + system) / writes };
}

function keyOf(row: number): string {
  return `key/${String(row).padStart(6, "0")}`;
}

function described(all: readonly Turn[]): string {
  const each = all.map(({ perSecond }) => perSecond.toFixed(0)).join(", ");
  const cpu = median(all.map((turn) => turn.cpuMicroseconds)).toFixed(0);
  return `${each} writes/s; ${cpu} microseconds of processor time each`;
}
