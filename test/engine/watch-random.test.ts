/**
 * Six properties of every watch, over random runs: filtered, ordered, unique, atomic, reliable,
 * resumable. And the same runs with a fault planted into what was given, which must be noticed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../src/foundation/random.js";
import { seedFor } from "../support/seed.js";
import { TempEngine } from "../support/temp-engine.js";
import { batchesOf, mutants } from "./watch-mutants.js";
import { type Outcome, type Plan, type Watched, WatchRun } from "./watch-run.js";
import { violationsOf } from "./watch-validator.js";

const calm: Plan = {
  ...{ writers: 4, commitsPerWriter: 40, watchers: 12 },
  ...{ restarts: 0, compactions: 0, valueBytesMax: 20_000 },
};

const runs: readonly { readonly when: string; readonly plan: Plan }[] = [
  { when: "while nothing else happens", plan: calm },
  { when: "over restarts", plan: { ...calm, restarts: 3, valueBytesMax: 2_000 } },
  { when: "while the log is compacted", plan: { ...calm, compactions: 6 } },
  { when: "over restarts and compactions", plan: { ...calm, restarts: 2, compactions: 4 } },
];

for (const { when, plan } of runs) {
  test(`a watch breaks none of its six properties ${when}`, async (t) => {
    const { random } = seedFor(t);
    const temp = await TempEngine.open(t);
    const { history, watched } = await WatchRun.play(temp, random, plan);
    for (const each of watched) {
      assert.deepEqual(violationsOf(history, each.wanted, each.seen), []);
    }
    t.diagnostic(await summaryOf(temp, { history, watched }));
    assertMutantsAreNoticed({ history, watched }, random);
  });
}

/** In the very data of this run, not only in a made-up one. */
function assertMutantsAreNoticed({ history, watched }: Outcome, random: Random): void {
  for (const mutant of mutants) {
    const hosts = watched.filter((each) => placesFor(each, mutant.name).length > 0);
    const host = hosts[random.below(Math.max(1, hosts.length))];
    if (host === undefined) continue;
    const places = placesFor(host, mutant.name);
    const at = places[random.below(places.length)] ?? 0;
    const broken = violationsOf(history, host.wanted, mutant.plant(host.seen, at));
    for (const property of mutant.breaks) {
      assert.ok(
        broken.some((violation) => violation.property === property),
        `${mutant.name}, planted at ${String(at)}, was not noticed as ${property}`,
      );
    }
  }
}

/** Which batches a fault can be planted into so that it is one. */
function placesFor({ seen, wanted }: Watched, name: string): number[] {
  if (name.includes("another range") && wanted.range.start.length === 0) return [];
  const compacted = seen.some(({ kind }) => kind === "compacted");
  const batches = batchesOf(seen);
  // What was given before a compaction may be missing without anybody being wronged.
  if (compacted || batches.length < 2) return [];
  const needsSeveral = name.includes("torn") || name.includes("left out");
  return [...batches.keys()].filter((at) => {
    return !needsSeveral || (batches[at]?.changes.length ?? 0) > 1;
  });
}

async function summaryOf(temp: TempEngine, { history, watched }: Outcome): Promise<string> {
  const text = await temp.metrics.expose();
  const pages = /^kvdb_watch_log_pages_total (\d+)$/m.exec(text)?.[1] ?? "no";
  const resumes = watched.reduce((sum, each) => sum + each.resumes, 0);
  const responses = watched.reduce((sum, { seen }) => sum + seen.length, 0);
  return `${String(history.size)} revisions, ${String(responses)} responses, ${String(resumes)} resumes, ${pages} pages of the log`;
}
