/**
 * An engine whose disk fails, in a process of its own, because such an engine cannot be closed: that
 * is its point. Writes a little, meets the failpoint, asks everything that can be asked, prints what
 * it saw as one line of JSON, and leaves as a daemon would, through process.exit.
 */
import { existsSync, statSync } from "node:fs";
import { endsOfVerbs } from "./engine-verbs.js";
import type { Sighting } from "./latched-engine.js";
import type { Ending } from "./temp-directory.js";
import { refusalOf, TempEngine } from "./temp-engine.js";

const [directory, failpoints] = process.argv.slice(2);
if (directory === undefined || failpoints === undefined)
  throw new Error("two arguments are needed");

/** The parent cleans up. */
const ending: Ending = {
  after() {
    // Nothing of this process outlives it.
  },
};

const temp = await TempEngine.open(ending, { directory, failpoints });
const before = await refusalOf(() => temp.put("acknowledged", "1", { requestId: "first" }));
const inHand = refusalOf(() => temp.put("in-hand", "1", { requestId: "second" }));
// The writer gets what one turn brings.
await new Promise((resolve) => setImmediate(resolve));
const queued = refusalOf(() => temp.put("queued", "1", { requestId: "third" }));
const ends = await Promise.all([inHand, queued]);
const later = await refusalOf(() => temp.put("later", "1", { requestId: "fourth" }));
const verbs = await endsOfVerbs(temp.engine);
await temp.close();
const sighting: Sighting = {
  before,
  inHand: ends[0],
  queued: ends[1],
  later,
  faults: temp.faults,
  verbs,
  walBytes: existsSync(temp.walFile) ? statSync(temp.walFile).size : 0,
  checkpoints: temp.log.lines.filter(({ name }) => name.startsWith("checkpoint.")).length,
};
process.stdout.write(`${JSON.stringify(sighting)}\n`, () => {
  process.exit(0);
});
