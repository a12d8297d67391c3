/** What the simulation has found, each as the few messages that show it. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { seededRandom } from "../../src/foundation/random.js";
import { EngineError } from "../../src/storage/errors.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";
import { Values } from "../model/values.js";
import { tempDirectory } from "../support/temp-directory.js";
import { patient, putOf } from "../support/temp-engine.js";
import { Beside } from "./beside.js";
import { drawOptions } from "./draws.js";
import { fileIn } from "./homes.js";
import { honest } from "./network.js";
import { gone } from "./questions.js";
import { quiet } from "./quiet.js";
import { Rig } from "./rig.js";
import { Trace } from "./trace.js";
import { VirtualClock } from "./virtual-clock.js";

/** Far more than any of this takes. */
const turnsMax = 1_000;

process.umask(0o077);

test("a watched namespace is deleted and written again before anybody is told: its watch ends", async (t) => {
  const rig = await opened(t);
  const { engine } = rig;
  await told(rig, put(engine, "a"));
  const watcher = watching(rig);
  await quiet();
  const deleted = engine.namespaces.delete(gone);
  const written = put(engine, "b");
  await writerDoes(rig, 2);
  await told(rig, Promise.all([deleted, written]));
  await quiet();
  assert.equal(watcher.reason, "namespace-missing");
  assert.equal(rig.fatal, undefined);
  await told(rig, engine.close());
});

test("a watch that begins when a deletion is done and not told ends those of before", async (t) => {
  const rig = await opened(t);
  const { engine } = rig;
  await told(rig, put(engine, "a"));
  const before = watching(rig);
  await quiet();
  const deleted = engine.namespaces.delete(gone);
  await writerDoes(rig, 1);
  const after = watching(rig);
  await quiet();
  assert.equal(before.reason, "namespace-missing");
  assert.equal(after.reason, undefined);
  await told(rig, deleted);
  await told(rig, engine.close());
});

async function opened(t: TestContext): Promise<Rig> {
  const random = seededRandom(1);
  const directory = join(tempDirectory(t), "life");
  mkdirSync(directory, { mode: 0o700 });
  const clock = new VirtualClock(1_700_000_000_000);
  const rig = new Rig({
    directory,
    options: { ...drawOptions(new Values(random)), file: fileIn(directory) },
    failpoints: "",
    clock,
    engineClock: clock,
    random,
    meddler: honest,
    beside: new Beside(),
    trace: new Trace({ keepsAll: false }),
    onGroup: () => undefined,
  });
  rig.open();
  for (let turns = 0; !rig.hasOpened && turns < turnsMax; turns++) await letThrough(rig);
  return rig;
}

function put(engine: StorageEngine, key: string): Promise<unknown> {
  const body = { compares: [], success: [putOf(key, "1")], failure: [] };
  const request = { namespace: gone, principal: undefined, requestId: undefined, body };
  return engine.commit(request, patient);
}

/** Says why the engine has ended the watch; undefined = it has not. */
function watching({ engine }: Rig): { readonly reason: string | undefined } {
  const range = { start: new Uint8Array(0), end: undefined };
  const shown = { puts: true, deletions: true, keysOnly: false, previous: false };
  const options = { range, ...shown, progressIntervalMs: undefined };
  const stream = engine.watch(gone, undefined, options, new AbortController().signal);
  const watch: { reason: string | undefined } = { reason: undefined };
  const follow = async (): Promise<void> => {
    for await (const event of stream) assert.equal(event.kind, "standing");
  };
  follow().catch((error: unknown) => {
    watch.reason = error instanceof EngineError ? error.kind : String(error);
  });
  return watch;
}

/** The writer works off so many messages, and none of its answers is let through. */
async function writerDoes(rig: Rig, messages: number): Promise<void> {
  for (let done = 0; done < messages; done++) {
    await quiet();
    const writer = rig.network.threads.find(({ name }) => name === "writer");
    assert.ok(writer !== undefined);
    writer.takeRequest();
  }
  await quiet();
}

/** Lets messages through until it has settled. */
async function told<T>(rig: Rig, running: Promise<T>): Promise<T> {
  const state = { settled: false };
  const ending = running.finally(() => {
    state.settled = true;
  });
  for (let turns = 0; !state.settled && turns < turnsMax; turns++) await letThrough(rig);
  assert.ok(state.settled, "it comes to its end");
  return ending;
}

async function letThrough(rig: Rig): Promise<void> {
  await quiet();
  const [next] = rig.network.waiting;
  if (next?.direction === "to") next.thread.takeRequest();
  if (next?.direction === "from") next.thread.takeAnswer();
  await quiet();
}
