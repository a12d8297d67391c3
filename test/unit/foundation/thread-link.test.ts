/** Every request over a thread link is answered exactly once, however the thread ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ownHostPort, type ThreadFailure } from "../../../src/foundation/thread-host.js";
import { startWorker, ThreadLink } from "../../../src/foundation/thread-link.js";
import type { TestEvent, TestReplies, ToTestThread } from "./thread-link-thread.js";

interface Started {
  readonly link: ThreadLink<ToTestThread, TestReplies, TestEvent>;
  readonly events: number[];
  readonly exits: { exitCode: number; error: Error | undefined }[];
}

function start(
  ending: { after(run: () => Promise<void>): void },
  revive?: (failure: ThreadFailure) => Error,
): Started {
  const events: number[] = [];
  const exits: Started["exits"] = [];
  const link = ThreadLink.start<ToTestThread, TestReplies, TestEvent>({
    name: "test",
    startThread: startWorker,
    entry: new URL("./thread-link-thread.js", import.meta.url),
    workerData: { greeting: "hello" },
    onEvent: (event) => events.push(event.number),
    onExit: (exitCode, error) => exits.push({ exitCode, error }),
    ...(revive === undefined ? {} : { revive }),
  });
  ending.after(() => link.terminate());
  return { link, events, exits };
}

test("requests are answered, each with its own answer, and see the data of the start", async (t) => {
  const { link } = start(t);
  const answers = await Promise.all(
    ["a", "b", "c"].map((text) => link.request({ kind: "echo", text })),
  );
  assert.deepEqual(
    answers,
    ["a", "b", "c"].map((text) => ({ text, greeting: "hello" })),
  );
  assert.equal(link.pending, 0);
});

test("an answer that takes long lets later ones overtake it", async (t) => {
  const { link } = start(t);
  const order: string[] = [];
  const slow = link.request({ kind: "later", delayMs: 50, fail: false });
  const quick = link.request({ kind: "echo", text: "quick" });
  await Promise.all([slow.then((text) => order.push(text)), quick.then(() => order.push("quick"))]);
  assert.deepEqual(order, ["quick", "late"]);
});

test("buffers in the transfer list move, in both directions", async (t) => {
  const { link } = start(t);
  const bytes = new Uint8Array(1_000).fill(2);
  assert.equal(await link.request({ kind: "sum", bytes }, [bytes.buffer]), 2_000);
  assert.equal(bytes.length, 0);
  const made = await link.request({ kind: "make", bytes: 500 });
  assert.deepEqual(made, new Uint8Array(500).fill(1));
});

test("a refusal arrives with its name, its message and its plain fields", async (t) => {
  const { link } = start(t);
  await assert.rejects(link.request({ kind: "refuse" }), (error: Error) => {
    assert.equal(error.name, "ThreadRequestError");
    assert.equal(error.message, "Refusal: no room");
    const { failure } = error as Error & { failure: ThreadFailure };
    assert.deepEqual(failure.fields, { kind: "disk-full", metadata: { limit: "4" } });
    assert.match(failure.stack ?? "", /thread-link-thread/);
    return true;
  });
  await assert.rejects(link.request({ kind: "later", delayMs: 1, fail: true }), /too late/);
  await assert.rejects(link.request({ kind: "not-cloneable" }), /DataCloneError/);
  assert.equal((await link.request({ kind: "echo", text: "alive" })).text, "alive");
});

test("a refusal becomes the error that the link was told to make of it", async (t) => {
  const { link } = start(t, ({ message }) => new RangeError(message));
  await assert.rejects(link.request({ kind: "refuse" }), new RangeError("no room"));
});

test("what the thread announces arrives in order, before the answer that follows it", async (t) => {
  const { link, events } = start(t);
  await link.request({ kind: "announce", times: 3 });
  assert.deepEqual(events, [1, 2, 3]);
});

test("a message that cannot be sent is refused at once and nobody waits for it", async (t) => {
  const { link } = start(t);
  const text = (() => undefined) as unknown as string;
  await assert.rejects(link.request({ kind: "echo", text }), { name: "DataCloneError" });
  assert.equal(link.pending, 0);
});

for (const kind of ["bug", "late-bug"] as const) {
  test(`a ${kind} in the thread ends it, and all who wait are told`, async (t) => {
    const { link, exits } = start(t);
    const waiting = [
      link.request({ kind: "later", delayMs: 60_000, fail: false }),
      link.request({ kind }),
    ];
    for (const request of waiting) {
      await assert.rejects(request, { name: "ThreadExitError", message: /this cannot be/ });
    }
    assert.equal(await link.exited(), 1);
    assert.equal(exits.length, 1);
    assert.match(exits[0]?.error?.message ?? "", /this cannot be/);
  });
}

test("an exit of the thread rejects who waits and who comes later, and is told once", async (t) => {
  const { link, exits } = start(t);
  const waiting = link.request({ kind: "later", delayMs: 60_000, fail: false });
  const exiting = link.request({ kind: "exit", code: 3 });
  const told = { name: "ThreadExitError", message: "thread test has ended: exit code 3" };
  await assert.rejects(waiting, told);
  await assert.rejects(exiting, told);
  await assert.rejects(link.request({ kind: "echo", text: "too late" }), told);
  assert.deepEqual(exits, [{ exitCode: 3, error: undefined }]);
});

test("terminating rejects who waits, and twice is fine", async (t) => {
  const { link } = start(t);
  const waiting = link.request({ kind: "later", delayMs: 60_000, fail: false });
  const rejected = assert.rejects(waiting, { name: "ThreadExitError" });
  await Promise.all([link.terminate(), link.terminate()]);
  await rejected;
});

test("a thread that closes its end answers first and exits cleanly", async (t) => {
  const { link, exits } = start(t);
  assert.equal(await link.request({ kind: "stop" }), "stopping");
  assert.equal(await link.exited(), 0);
  assert.deepEqual(exits, [{ exitCode: 0, error: undefined }]);
});

test("a thread file that does not exist rejects the first request and tells why", async (t) => {
  const link = ThreadLink.start<ToTestThread, TestReplies>({
    name: "missing",
    startThread: startWorker,
    entry: new URL("./no-such-thread.js", import.meta.url),
    workerData: undefined,
    onEvent: () => undefined,
    onExit: () => undefined,
  });
  t.after(() => link.terminate());
  await assert.rejects(link.request({ kind: "echo", text: "?" }), {
    name: "ThreadExitError",
    message: /no-such-thread/,
  });
});

test("a thread's inner end refuses to be served on the main thread", () => {
  assert.throws(() => ownHostPort(), { name: "AssertionError" });
});
