/** A watch with previous entries: they are looked up a part at a time, and others get their turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBatches } from "../../../../src/engine/record/entry-codec.js";
import { LogPages } from "../../../../src/engine/watch/log-pages.js";
import { WatchHub } from "../../../../src/engine/watch/watch-hub.js";
import {
  type PreviousSource,
  WatchSubscription,
} from "../../../../src/engine/watch/watch-subscription.js";
import { ManualClock } from "../../../../src/foundation/clock.js";
import { watchPreviousPerTurnMax } from "../../../../src/storage/limits.js";
import type { Change } from "../../../../src/storage/log-entry.js";
import type {
  Entry,
  Epoch,
  Key,
  Namespace,
  Revision,
  StoreId,
} from "../../../../src/storage/model.js";
import type { WatchEvent } from "../../../../src/storage/storage-engine.js";

const namespace = "test" as Namespace;
const identity = { epoch: 1n as Epoch, nodeId: "node", storeId: "store" as StoreId };
const revision = 1n as Revision;
const keys = watchPreviousPerTurnMax * 3 + 1;

/** Knows for each key the entry that it replaced, and counts what it is asked in which turn. */
class Counting implements PreviousSource {
  readonly asked: { readonly changes: number; readonly turn: number }[] = [];
  turn = 0;
  #counting = true;

  constructor() {
    this.#count();
  }

  assertKept(): void {
    assert.equal(this.asked.length, 0);
  }

  of(_namespace: Namespace, batch: { readonly changes: readonly Change[] }): Entry[] {
    this.asked.push({ changes: batch.changes.length, turn: this.turn });
    return batch.changes.map(({ key }) => entryOf(key));
  }

  stop(): void {
    this.#counting = false;
  }

  #count(): void {
    setImmediate(() => {
      this.turn++;
      if (this.#counting) this.#count();
    });
  }
}

test("what a great revision replaced is looked up in parts, a turn between two of them", async () => {
  const previous = new Counting();
  const { hub, events } = opened(previous, new AbortController().signal);
  assert.equal((await events.next()).value?.kind, "standing");
  const next = events.next();
  hub.publish([deletions()]);
  const event = (await next).value;
  previous.stop();
  assert.ok(event?.kind === "batches");
  const [batch] = event.batches;
  assert.deepEqual(
    batch?.previous.map((entry) => entry?.key),
    batch?.changes.map(({ key }) => key),
  );
  assert.equal(batch?.changes.length, keys);
  const most = watchPreviousPerTurnMax;
  assert.deepEqual(
    previous.asked.map(({ changes }) => changes),
    [most, most, most, 1],
  );
  assert.equal(new Set(previous.asked.map(({ turn }) => turn)).size, 4, "each in its own turn");
});

test("a watch that ends while they are looked up gives up at once, and says why", async () => {
  const previous = new Counting();
  const { hub, events } = opened(previous, new AbortController().signal);
  await events.next();
  const next = events.next();
  hub.publish([deletions()]);
  while (previous.asked.length === 0) await new Promise(setImmediate);
  hub.end(new Error("the store is closing"));
  await assert.rejects(next, /closing/);
  previous.stop();
  assert.ok(previous.asked.length < 4, `${String(previous.asked.length)} parts`);
});

function opened(
  previous: PreviousSource,
  signal: AbortSignal,
): { readonly hub: WatchHub; readonly events: AsyncIterator<WatchEvent, void> } {
  const hub = new WatchHub();
  const subscription = new WatchSubscription(
    {
      clock: new ManualClock(),
      hub,
      pages: new LogPages(() => Promise.reject(new Error("nothing is read from the log here"))),
      head: () => undefined,
      headerAt: (name, at) => ({ namespace: name, revision: at, ...identity }),
      previous,
      onPage: () => undefined,
      onCut: () => undefined,
    },
    {
      namespace,
      from: undefined,
      options: {
        range: { start: new Uint8Array(0), end: undefined },
        puts: true,
        deletions: true,
        keysOnly: false,
        previous: true,
        progressIntervalMs: undefined,
      },
    },
    signal,
  );
  return { hub, events: subscription[Symbol.asyncIterator]() };
}

/** One revision that takes all keys away. */
function deletions(): Parameters<WatchHub["publish"]>[0][number] {
  const changes = Array.from(
    { length: keys },
    (_none, at): Change => ({
      key: new TextEncoder().encode(String(at).padStart(6, "0")) as Key,
      value: null,
      createRevision: revision,
      version: 0n,
      expiresAtMs: undefined,
      leaseId: undefined,
      cause: "client",
    }),
  );
  const batch = { revision, principal: undefined, request: undefined, changes };
  return { namespace, first: revision, last: revision, payload: encodeBatches([batch]) };
}

function entryOf(key: Key): Entry {
  return {
    key,
    value: new Uint8Array(0),
    createRevision: revision,
    modRevision: revision,
    version: 1n,
    expiresAtMs: undefined,
    leaseId: undefined,
  };
}
