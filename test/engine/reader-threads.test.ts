/** Reader threads that the system does not give us, or that end before they have begun. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FatalFault } from "../../src/engine/index.js";
import { type StartThread, startWorker } from "../../src/foundation/thread-link.js";
import { readerStartsMax } from "../../src/storage/limits.js";
import { okOf, refusalOf, TempEngine } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

const noneThere = new URL("./no-such-thread.js", import.meta.url);

function faultOf(temp: TempEngine): Promise<FatalFault> {
  return waitFor("the fault", () => temp.faults[0]);
}

const failing: readonly {
  readonly what: string;
  readonly startThread: StartThread;
  readonly says: RegExp;
  readonly exits: number;
}[] = [
  {
    what: "a reader thread that the system refuses",
    startThread(thread) {
      if (thread.name === "reader-2") throw new Error("EAGAIN: no more threads");
      return startWorker(thread);
    },
    says: /no reader thread can be started: .*EAGAIN: no more threads/,
    exits: 0,
  },
  {
    what: "reader threads that end before they have said anything",
    startThread: (thread) =>
      startWorker(thread.name.startsWith("reader") ? { ...thread, entry: noneThere } : thread),
    says: /no reader thread can be started: .*no-such-thread/,
    exits: readerStartsMax,
  },
];

for (const { what, startThread, says, exits } of failing) {
  test(`${what}: the engine fails closed and says why, once`, async (t) => {
    const threads: ReturnType<StartThread>[] = [];
    // An engine that has failed ends no thread: its process does.
    t.after(() => Promise.all(threads.map((thread) => thread.terminate())));
    const temp = await TempEngine.open(t, {
      options: { readerThreads: 2 },
      startThread(thread) {
        const started = startThread(thread);
        threads.push(started);
        return started;
      },
    });
    const { kind, reason } = await faultOf(temp);
    assert.equal(kind, "thread");
    assert.match(reason, says);
    const { state, reason: told } = temp.engine.maintenance.status();
    assert.deepEqual([state, told], ["failed", reason]);
    assert.equal(await refusalOf(() => temp.put("after", "1")), "storage-fault");
    await assert.rejects(temp.list(), { kind: "storage-fault" });
    await temp.close();
    assert.equal(temp.faults.length, 1);
    assert.ok(temp.log.of("engine.thread-exited").length >= exits);
  });
}

test("a reader thread that ends at its work is replaced as often as it takes", async (t) => {
  const threads: ReturnType<StartThread>[] = [];
  const startThread: StartThread = (thread) => {
    const started = startWorker(thread);
    if (thread.name.startsWith("reader")) threads.push(started);
    return started;
  };
  const temp = await TempEngine.open(t, { startThread, options: { readerThreads: 1 } });
  okOf(await temp.put("key", "1"));
  for (let round = 1; round <= readerStartsMax + 1; round++) {
    assert.equal((await temp.list()).entries.length, 1);
    await threads.at(-1)?.terminate();
    await waitFor("the next thread", () => (threads.length > round ? true : undefined));
  }
  assert.deepEqual(temp.faults, []);
});

test("while one reader works, others that cannot be started are tried again without end", async (t) => {
  const threads: ReturnType<StartThread>[] = [];
  const failingStarts = readerStartsMax + 2;
  const temp = await TempEngine.open(t, {
    options: { readerThreads: 2 },
    startThread(thread) {
      const isReader = thread.name.startsWith("reader");
      const fails = isReader && threads.length >= 2 && threads.length < 2 + failingStarts;
      const started = startWorker(fails ? { ...thread, entry: noneThere } : thread);
      if (isReader) threads.push(started);
      return started;
    },
  });
  okOf(await temp.put("key", "1"));
  for (let round = 0; round < 4; round++) await Promise.all([temp.list(), temp.list()]);
  await threads[1]?.terminate();
  await waitFor("the thread behind those that failed", () => threads[2 + failingStarts]);
  assert.equal((await temp.list()).entries.length, 1);
  assert.deepEqual(temp.faults, []);
});
