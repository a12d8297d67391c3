/**
 * What sixteen clients were answered, by a daemon that is killed every two seconds, has one order:
 * found without our revisions by a search, and given by them, dense, unique, each batch whole. What
 * was on its way when a daemon died has happened before its death, or never.
 *
 * Two mistakes are then planted fifty times each in what was recorded; a third is a daemon of its own.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Random } from "../../src/foundation/random.js";
import { buildMutant } from "../../src/prove/mutants/mutant-build.js";
import { acknowledgesBeforeCommit } from "../../src/prove/mutants/mutants.js";
import { inexplicableIn } from "../history/linearizable.js";
import { type Planted, Planter } from "../history/planted.js";
import { judgeByRevisions } from "../history/revision-order.js";
import { sizeFor } from "../support/prove-setup.js";
import { seedFor } from "../support/seed.js";
import { tempDirectory } from "../support/temp-directory.js";
import { historyUnderKills, type KilledHistory } from "./killed-again.js";

/** Some two calls are at one object at once. */
const crowded = { callsPerList: 16, crowd: 10, past: true };
/** The same, and a key is written and read again within a commit or two. */
const meeting = { callsPerList: 3, crowd: 1, past: false };

const plan = sizeFor({
  ci: { calls: 100_000, kills: 10, lifeMs: 2_000, ...crowded },
  full: { calls: 2_000_000, kills: 10, lifeMs: 2_000, ...crowded },
});

const planted = 50;
/** Of the planted ones, those that no order can excuse: they must all be found. */
const inexcusableLeast = 20;
const hasty = { calls: 0, kills: 2, lifeMs: 1_000, ...meeting };
/** How often the hasty daemon may get away with it: a search without revisions excuses much. */
const hastyRunsMax = 8;

test("what sixteen clients were answered has one order, whenever the daemon was killed", async (t) => {
  const { random } = seedFor(t);
  const killed = await historyUnderKills(t, random, plan);
  const { recorder, log, kills } = killed;
  const { history, unknown, withdrawn } = recorder;
  assert.ok(history.length + withdrawn >= plan.calls, "every call is accounted for");
  assert.ok(kills >= plan.kills);
  const { violations, happened } = judgeByRevisions(history, log);
  assert.deepEqual(violations.slice(0, 5), [], `${violations.length} violations`);
  assert.deepEqual(inexplicableIn(history), []);
  t.diagnostic(
    `${history.length} calls and ${log.length} revisions over ${kills} kills; ${withdrawn} ` +
      `withdrawn, ${unknown} unknown, of which ${happened} had happened`,
  );
  findPlanted(t, killed, random);
});

function findPlanted(t: TestContext, { recorder, log }: KilledHistory, random: Random): void {
  const planter = new Planter(recorder.history, log, random);
  const find = (what: string, plant: () => Planted): void => {
    const all = Array.from({ length: planted }, plant);
    const found = all.filter(({ calls }) => inexplicableIn(calls).length > 0);
    const inexcusable = all.filter(({ excusable }) => !excusable);
    assert.ok(inexcusable.length >= inexcusableLeast, `${inexcusable.length} prove anything`);
    assert.deepEqual(
      inexcusable.filter((each) => !found.includes(each)),
      [],
    );
    t.diagnostic(
      `${what}: found in ${found.length} of ${planted}, ${inexcusable.length} had to be`,
    );
  };
  find("an acknowledged write is lost with the store", () => planter.lostTail("before"));
  find("a read is older than what was acknowledged", () => planter.staleRead());
  for (let tries = 0; tries < planted; tries++) {
    assert.deepEqual(inexplicableIn(planter.lostTail("after").calls), [], "nothing was planted");
  }
}

test("a daemon that answers before its commit is found out by both judges", async (t) => {
  const { daemon: program } = buildMutant(tempDirectory(t), acknowledgesBeforeCommit);
  const { random } = seedFor(t);
  const found = { byRevisions: 0, bySearch: 0 };
  for (let run = 1; found.byRevisions === 0 || found.bySearch === 0; run++) {
    assert.ok(run <= hastyRunsMax, `after ${hastyRunsMax} runs: ${JSON.stringify(found)}`);
    const { recorder, log } = await historyUnderKills(t, random, { ...hasty, program });
    found.byRevisions += judgeByRevisions(recorder.history, log).violations.length;
    found.bySearch += inexplicableIn(recorder.history).length;
  }
  t.diagnostic(`${found.byRevisions} violations, ${found.bySearch} objects without an order`);
});
