/**
 * One seed is one trace, and in every trace the engine answers as the model does. KVDB_SEED=n plays
 * one seed again, KVDB_PROVE_FULL=1 the seeds of a night, KVDB_MODEL_SCALE=n so many times as many.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scaledOperations } from "../support/model-operations.js";
import { sizeFor } from "../support/prove-setup.js";
import { seedFor, seedIsGiven } from "../support/seed.js";
import { tempDirectory } from "../support/temp-directory.js";
import { emptyTally, type Tally } from "./plan.js";
import { Simulation } from "./simulation.js";
import { seedsOfCi, seedsOfNight, stepsOfSeed } from "./sizes.js";

const seeds = seedIsGiven ? 1 : scaledOperations(sizeFor({ ci: seedsOfCi, full: seedsOfNight }));
/** Played a second time. */
const seedsAgain = 6;
/** What must have happened in a hundred seeds, or else they have shown nothing. */
const leastOfHundred = {
  answers: 8_000,
  commits: 4_000,
  expired: 200,
  batches: 500,
  kills: 80,
  faults: 10,
  stops: 100,
  readerDeaths: 50,
  timers: 40_000,
  cuts: 50,
  compactedWatches: 8,
  foreignWrites: 15,
  foreignWritesMet: 6,
  startsKilled: 35,
  startsFailed: 4,
} as const satisfies Partial<Tally>;

// As the daemon's is; the engine expects it of its process.
process.umask(0o077);

test("in every schedule the engine answers as the model does, through kills and faults", async (t) => {
  const { seed } = seedFor(t);
  const root = tempDirectory(t);
  const sum = emptyTally();
  const traces = new Set<string>();
  for (let count = 0; count < seeds; count++) {
    const { tally, trace } = await played(seed + count, root);
    traces.add(trace.end());
    add(sum, tally);
  }
  t.diagnostic(`${String(seeds)} seeds: ${JSON.stringify(sum)}`);
  assert.equal(traces.size, seeds, "another seed is another trace");
  if (seedIsGiven) return;
  for (const name of Object.keys(leastOfHundred) as (keyof typeof leastOfHundred)[]) {
    const least = leastOfHundred[name];
    const times = (sum[name] / seeds) * 100;
    assert.ok(times >= least, `${name} in a hundred seeds: ${String(times)} of ${String(least)}`);
  }
});

test("a seed that is played again is the same trace, line by line", async (t) => {
  const { seed } = seedFor(t);
  const root = tempDirectory(t);
  for (let count = 0; count < (seedIsGiven ? 1 : seedsAgain); count++) {
    const [first, second] = [await played(seed + count, root), await played(seed + count, root)];
    assert.deepEqual(second.trace.lines, first.trace.lines);
    assert.equal(second.trace.end(), first.trace.end());
    assert.deepEqual(second.tally, first.tally);
    if (!seedIsGiven) continue;
    for (const line of first.trace.tail) t.diagnostic(line);
    t.diagnostic(JSON.stringify(first.tally));
  }
});

async function played(seed: number, root: string): Promise<Simulation> {
  const directory = join(root, String(seed));
  const simulation = new Simulation({ seed, steps: stepsOfSeed, directory, keepsTrace: true });
  try {
    await simulation.play();
  } catch (cause) {
    await simulation.abandon();
    throw new Error(explained(cause, seed, simulation), { cause });
  }
  rmSync(directory, { recursive: true, force: true });
  return simulation;
}

function add(sum: Tally, tally: Tally): void {
  for (const name of Object.keys(tally) as (keyof Tally)[]) sum[name] += tally[name];
}

function explained(cause: unknown, seed: number, { tally, trace }: Simulation): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return [
    `KVDB_SEED=${String(seed)} npm test -- simulation/simulation shows it again; step ${String(tally.steps)}`,
    message,
    "the end of the trace:",
    ...trace.tail.map((line) => `  ${line}`),
  ].join("\n");
}
