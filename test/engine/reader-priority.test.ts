/** Reader threads stand back, so that a scan on a busy machine leaves room to whoever waits for one key. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { test } from "node:test";
import { readerThreadStepsBack } from "../../src/storage/limits.js";
import { okOf, putOf, TempEngine } from "../support/temp-engine.js";

/** The nineteenth field of stat; the second is a name in brackets that may hold anything. */
const niceBehindName = 16;

function threadsAt(nice: number): number {
  const niceOf = (thread: string): number => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[niceBehindName]);
  };
  return readdirSync("/proc/self/task").filter((thread) => niceOf(thread) === nice).length;
}

test("reader threads stand back from the event loop, and nothing else does", async (t) => {
  const own = getPriority();
  const back = Math.min(own + readerThreadStepsBack, 19);
  const readerThreads = 2;
  const before = threadsAt(back);
  const temp = await TempEngine.open(t, { options: { readerThreads } });
  okOf(await temp.commit([putOf("a", "1")]));
  // Whoever has answered has started.
  await Promise.all([temp.scan(), temp.scan()]);
  const more = threadsAt(back) - before;
  // Where everything stands as far back as it can already, the others are among them.
  assert.ok(back === own ? more >= readerThreads : more === readerThreads, String(more));
  assert.equal(getPriority(), own);
});
