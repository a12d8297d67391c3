/** The hub: who is shown what of a commit, what it shares, and when it wakes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBatches } from "../../../../src/engine/record/entry-codec.js";
import type { Interest, SizedBatch } from "../../../../src/engine/watch/interest.js";
import type { Subscriber } from "../../../../src/engine/watch/watch-group.js";
import { WatchHub } from "../../../../src/engine/watch/watch-hub.js";
import { watchersPerTurnMax } from "../../../../src/storage/limits.js";
import type { Change } from "../../../../src/storage/log-entry.js";
import type { Key, Namespace, Revision } from "../../../../src/storage/model.js";

const namespace = "test" as Namespace;
const head = 10n as Revision;

/** Keeps what it is given, and says that it waited. */
class Listener implements Subscriber {
  readonly interest: Interest;
  readonly received: SizedBatch[] = [];
  woken = 0;
  ended: Error | undefined;

  constructor(start: string, end: string | undefined, interest: Partial<Interest> = {}) {
    const range = { start: bytes(start), end: end === undefined ? undefined : bytes(end) };
    this.interest = { range, puts: true, deletions: true, keysOnly: false, ...interest };
  }

  receive(batches: readonly SizedBatch[]): boolean {
    this.received.push(...batches);
    return true;
  }

  wake(): void {
    this.woken++;
  }

  end(reason: Error): void {
    this.ended = reason;
  }

  get seen(): string[] {
    return this.received.flatMap(({ revision, changes }) =>
      changes.map(({ key }) => `${revision} ${new TextDecoder().decode(key)}`),
    );
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function change(key: string, value: string | null): Change {
  return {
    key: bytes(key) as Key,
    value: value === null ? null : bytes(value),
    createRevision: 1n as Revision,
    version: value === null ? 0n : 1n,
    expiresAtMs: undefined,
    leaseId: undefined,
    cause: "client",
  };
}

/** One entry: a list of changes per revision, from `first` on. */
function entry(first: bigint, ...revisions: readonly (readonly Change[])[]) {
  const batches = revisions.map((changes, at) => ({
    revision: (first + BigInt(at)) as Revision,
    principal: undefined,
    request: undefined,
    changes,
  }));
  const last = (first + BigInt(revisions.length) - 1n) as Revision;
  return { namespace, first: first as Revision, last, payload: encodeBatches(batches) };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("a commit is shown to those whose range holds a key of it, revision by revision", () => {
  const hub = new WatchHub();
  const b = new Listener("b", "c");
  const all = new Listener("", undefined);
  const puts = new Listener("", undefined, { deletions: false, keysOnly: true });
  for (const listener of [b, all, puts]) hub.subscribe(namespace, listener, head);
  hub.publish([entry(11n, [change("b2", "x"), change("b1", "x")], [change("a", null)])]);
  assert.deepEqual(b.seen, ["11 b1", "11 b2"]);
  assert.deepEqual(all.seen, ["11 b1", "11 b2", "12 a"]);
  assert.deepEqual(puts.seen, ["11 b1", "11 b2"]);
  assert.deepEqual(
    puts.received.flatMap(({ changes }) => changes.map(({ value }) => value?.length)),
    [0, 0],
  );
});

test("watchers that want the very same share one batch, decoded once", () => {
  const hub = new WatchHub();
  const listeners = Array.from({ length: 3 }, () => new Listener("b", "c"));
  for (const listener of listeners) hub.subscribe(namespace, listener, head);
  hub.publish([entry(11n, [change("b", "x")])]);
  const [first, ...others] = listeners.map(({ received }) => received[0]);
  for (const other of others) assert.equal(other, first);
});

test("a small part of a large entry does not keep the entry in memory", () => {
  const hub = new WatchHub();
  const listener = new Listener("small", "smalm");
  hub.subscribe(namespace, listener, head);
  const large = entry(11n, [change("large", "x".repeat(100_000)), change("small", "x")]);
  hub.publish([large]);
  const [kept] = listener.received[0]?.changes ?? [];
  assert.ok(kept !== undefined && kept.value !== null);
  for (const part of [kept.key, kept.value]) {
    assert.notEqual(part.buffer, large.payload.buffer);
    assert.equal(part.buffer.byteLength, part.length);
  }
});

test("a namespace that nobody watches costs nothing: its entry is not even decoded", () => {
  const hub = new WatchHub();
  const listener = new Listener("", undefined);
  hub.subscribe("other" as Namespace, listener, head).leave();
  hub.subscribe("other" as Namespace, listener, head);
  const { first, last } = entry(11n, [change("a", "x")]);
  hub.publish([{ namespace, first, last, payload: new Uint8Array([255]) }]);
  assert.deepEqual(listener.seen, []);
});

test("a revision that was left out is a bug that stops the process", () => {
  const hub = new WatchHub();
  hub.subscribe(namespace, new Listener("", undefined), head);
  assert.throws(() => {
    hub.publish([entry(12n, [change("a", "x")])]);
  }, /without a gap/);
});

test("a head that the file was ahead with is published when its commit is, and never steps back", () => {
  const hub = new WatchHub();
  const seat = hub.subscribe(namespace, new Listener("", undefined), head);
  hub.publish([entry(9n, [change("a", "x")])]);
  assert.equal(seat.published, 10n);
  hub.publish([entry(10n, [change("a", "x")], [change("a", "x")])]);
  assert.equal(seat.published, 11n);
});

test("a crowd is woken a few at a time, in later turns", async () => {
  const hub = new WatchHub();
  const listeners = Array.from(
    { length: watchersPerTurnMax * 2 + 1 },
    () => new Listener("a", "b"),
  );
  for (const listener of listeners) hub.subscribe(namespace, listener, head);
  hub.publish([entry(11n, [change("a", "x")])]);
  const woken = (): number => listeners.filter((listener) => listener.woken > 0).length;
  const counts = [woken()];
  for (let turn = 0; turn < 3; turn++) {
    await nextTurn();
    counts.push(woken());
  }
  assert.deepEqual(counts, [
    0,
    watchersPerTurnMax,
    watchersPerTurnMax * 2,
    watchersPerTurnMax * 2 + 1,
  ]);
});

test("who has left is shown nothing, and the end of a namespace reaches only its own", () => {
  const hub = new WatchHub();
  const [gone, here, elsewhere] = ["a", "b", "c"].map((start) => new Listener(start, undefined));
  assert.ok(gone !== undefined && here !== undefined && elsewhere !== undefined);
  const seat = hub.subscribe(namespace, gone, head);
  hub.subscribe(namespace, here, head);
  hub.subscribe("other" as Namespace, elsewhere, head);
  seat.leave();
  seat.leave();
  assert.equal(hub.subscribers, 2);
  hub.publish([entry(11n, [change("z", "x")])]);
  hub.end(new Error("over"), namespace);
  assert.deepEqual([gone.seen, here.seen], [[], ["11 z"]]);
  assert.deepEqual(
    [gone.ended, here.ended?.message, elsewhere.ended],
    [undefined, "over", undefined],
  );
});
