/**
 * The way to the writer, with a writer that answers what the test says: who shares a group, who is
 * withdrawn, who is refused before waiting, and that everybody is answered in every end.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupReply, LatchedFault } from "../../../../src/engine/commit/writer-protocol.js";
import {
  groupCommitBytesWhenSmall,
  groupCommitRequestsMax,
  smallRequestBytesMax,
  writeQueueBytesMax,
  writeQueueWaitMsMax,
} from "../../../../src/storage/limits.js";
import { okOf, patient } from "../../../support/temp-engine.js";
import { busyBudgetMs, identity, Scene, settle } from "./queue-scene.js";

function latched(outcomeUnknown: boolean): GroupReply & { kind: "latched" } {
  const fault: LatchedFault = { kind: "io", code: "SQLITE_IOERR", message: "", outcomeUnknown };
  return { kind: "latched", fault };
}

test("a lone writer waits for nobody, and who comes meanwhile shares the next group", async () => {
  const scene = new Scene();
  const first = await scene.putAlone("a");
  const asked = [first, scene.put("b"), scene.put("c")];
  assert.deepEqual(scene.last.keys, ["a"]);
  await scene.last.done();
  assert.deepEqual(scene.last.keys, ["b", "c"]);
  await scene.last.done();
  const outcomes = await Promise.all(asked.map(({ outcome }) => outcome));
  assert.deepEqual(
    outcomes.map((outcome) => okOf(outcome).header.revision),
    [1n, 2n, 3n],
  );
  assert.deepEqual(okOf(await first.outcome).header.epoch, identity.epoch);
});

test("what one turn of the event loop brings goes to an idle writer together", async () => {
  const scene = new Scene();
  for (const key of ["a", "b", "c"]) scene.put(key);
  assert.equal(scene.sent.length, 0);
  await settle();
  assert.deepEqual(scene.last.keys, ["a", "b", "c"]);
});

test("others are told of a commit before its caller is, and the writer goes on meanwhile", async () => {
  const scene = new Scene();
  const { outcome } = await scene.putAlone("a");
  scene.put("b");
  const order = outcome.then(() => scene.told.slice());
  await scene.last.done();
  assert.deepEqual(await order, ["sent 1", "written", "sent 1", "committed 1"]);
});

const small = 100;
const groupings = [
  { when: "all are small", sizes: [small, small, small], groups: [3] },
  {
    when: "small ones come before a large one, which would make them wait",
    sizes: [small, groupCommitBytesWhenSmall, small],
    groups: [1, 2],
  },
  {
    when: "the first is large and takes many with it",
    sizes: [smallRequestBytesMax * 2, groupCommitBytesWhenSmall, groupCommitBytesWhenSmall],
    groups: [3],
  },
  {
    when: "the first alone is larger than any group",
    sizes: [groupCommitBytesWhenSmall * 33, small],
    groups: [1, 1],
  },
  {
    when: "there are more than a group may hold",
    sizes: Array.from({ length: groupCommitRequestsMax + 1 }, () => 1),
    groups: [groupCommitRequestsMax, 1],
  },
];

for (const { when, sizes, groups } of groupings) {
  test(`requests make ${String(groups.length)} group(s) when ${when}`, async () => {
    const scene = new Scene();
    await scene.putAlone("first");
    for (const [index, bytes] of sizes.entries()) scene.put(String(index), { bytes });
    const counts: number[] = [];
    while (counts.length < groups.length) {
      await scene.last.done();
      counts.push(scene.last.count);
    }
    await scene.last.done();
    assert.deepEqual(counts, groups);
    assert.deepEqual(scene.queue.depth, { requests: 0, bytes: 0 });
  });
}

test("who has gone or is too late is withdrawn until the group is sent, and not after", async () => {
  const scene = new Scene();
  const deadlineMs = scene.clock.wallMs() + 50;
  let gone = false;
  const call = { deadlineMs, cancelled: () => gone };
  const first = await scene.putAlone("first", { call });
  const late = scene.put("late", { call: { deadlineMs, cancelled: () => false } });
  const left = scene.put("left", { call: { ...patient, cancelled: () => gone } });
  const stays = scene.put("stays");
  scene.clock.advance(50);
  gone = true;
  await scene.last.done();
  assert.deepEqual([scene.last.keys, scene.last.count], [["stays"], 3]);
  await scene.last.done();
  assert.deepEqual(
    [first, late, left, stays].map(({ end }) => end),
    ["ok", "deadline", "cancelled", "ok"],
  );
  assert.deepEqual(scene.queue.depth, { requests: 0, bytes: 0 });
});

test("a group of which nobody is left is not sent", async () => {
  const scene = new Scene();
  let gone = false;
  await scene.putAlone("first");
  const left = scene.put("left", { call: { ...patient, cancelled: () => gone } });
  gone = true;
  await scene.last.done();
  assert.deepEqual([scene.sent.length, left.end], [1, "cancelled"]);
  await scene.queue.drained();
});

test("a caller that has gone already is refused before anything waits", () => {
  const scene = new Scene();
  const call = { deadlineMs: scene.clock.wallMs(), cancelled: () => false };
  assert.throws(() => scene.put("late", { call }), { kind: "deadline" });
  assert.throws(() => scene.put("left", { call: { ...patient, cancelled: () => true } }), {
    kind: "cancelled",
  });
  assert.equal(scene.sent.length, 0);
});

test("above its bound of requests the queue refuses before it lets anybody wait", async () => {
  const scene = new Scene({ requestsMax: 2 });
  await scene.putAlone("a");
  scene.put("b");
  assert.throws(() => scene.put("c"), { kind: "overloaded" });
  await scene.last.done();
  scene.put("c");
  assert.equal(scene.queue.depth.requests, 2);
});

test("above its bound of bytes the queue refuses, and takes the request that crosses it", async () => {
  const scene = new Scene();
  const half = writeQueueBytesMax / 2;
  await scene.putAlone("a", { bytes: half });
  scene.put("b", { bytes: half });
  assert.throws(() => scene.put("c"), { kind: "overloaded" });
  await scene.last.done();
  assert.ok(scene.queue.depth.bytes <= half + small);
  scene.put("c");
});

test("a group that met a lock goes again, unchanged, until its budget is used up", async () => {
  const scene = new Scene();
  const early = await scene.putAlone("early");
  await scene.last.busy();
  const later = scene.put("later");
  assert.equal(scene.sent.length, 1, "nothing overtakes the group that waits for the lock");
  scene.clock.advance(busyBudgetMs / 2);
  assert.deepEqual(scene.last.keys, ["early"]);
  await scene.last.busy();
  scene.clock.advance(busyBudgetMs / 2);
  await scene.last.busy();
  scene.clock.advance(busyBudgetMs / 2);
  await settle();
  assert.equal(early.end, "storage-busy");
  assert.deepEqual(scene.last.keys, ["later"]);
  await scene.last.done();
  assert.equal(later.end, "ok");
  assert.deepEqual(scene.queue.depth, { requests: 0, bytes: 0 });
});

test("who asks for the end of the queue while a group waits for a lock, waits for it too", async () => {
  const scene = new Scene();
  await scene.putAlone("a");
  await scene.last.busy();
  let drained = false;
  void scene.queue.drained().then(() => {
    drained = true;
  });
  await settle();
  assert.equal(drained, false);
  scene.clock.advance(busyBudgetMs / 2);
  await scene.last.done();
  assert.equal(drained, true);
});

test("a lock that is let go in time is never noticed by the caller", async () => {
  const scene = new Scene();
  const asked = await scene.putAlone("a");
  await scene.last.busy();
  scene.clock.advance(busyBudgetMs / 2);
  await scene.last.done();
  assert.equal(asked.end, "ok");
  assert.deepEqual(scene.told, ["sent 1", "SQLITE_BUSY", "sent 1", "written", "committed 1"]);
});

test("while the writer is slow, what fits into the next group is taken and no more", async () => {
  const scene = new Scene();
  const first = await scene.putAlone("first");
  scene.clock.advance(writeQueueWaitMsMax + 1);
  const large = groupCommitBytesWhenSmall - 100;
  const next = scene.put("next", { bytes: 1 });
  const fitting = scene.put("fitting", { bytes: large / 2 });
  assert.throws(() => scene.put("beyond", { bytes: large }), { kind: "overloaded" });
  await scene.last.done();
  await scene.last.done();
  assert.deepEqual([first.end, next.end, fitting.end], ["ok", "ok", "ok"]);
});

test("while groups are quick, they may wait in line", async () => {
  const scene = new Scene();
  await scene.putAlone("first");
  const waiting = Array.from({ length: 3 }, (_, index) =>
    scene.put(`waits ${String(index)}`, { bytes: groupCommitBytesWhenSmall - 100 }),
  );
  for (let group = 0; group < 4; group++) await scene.last.done();
  assert.deepEqual(
    waiting.map(({ end }) => end),
    ["ok", "ok", "ok"],
  );
});

test("a full disk refuses its group alone", async () => {
  const scene = new Scene();
  const [first, second] = [await scene.putAlone("a"), scene.put("b")];
  await scene.last.reply({ kind: "disk-full", code: "SQLITE_FULL" });
  await scene.last.done();
  assert.deepEqual([first.end, second.end], ["disk-full", "ok"]);
});

for (const { when, outcomeUnknown, end } of [
  { when: "at its COMMIT", outcomeUnknown: true, end: "unknown" },
  { when: "before its COMMIT", outcomeUnknown: false, end: "storage-fault" },
]) {
  test(`a fault ${when} ends its group "${end}", the queue refused, and everything later`, async () => {
    const scene = new Scene();
    const inHand = await scene.putAlone("a", { requestId: "id-1" });
    const queued = scene.put("b");
    await scene.last.reply(latched(outcomeUnknown));
    assert.deepEqual([inHand.end, queued.end], [end, "storage-fault"]);
    assert.throws(() => scene.put("c"), { kind: "storage-fault" });
    assert.deepEqual(scene.told, ["sent 1", "fault SQLITE_IOERR"]);
    assert.deepEqual(scene.queue.depth, { requests: 0, bytes: 0 });
    await scene.queue.drained();
    if (outcomeUnknown) {
      assert.deepEqual(await inHand.outcome, { kind: "unknown", requestId: "id-1" });
    }
  });
}

test("a writer that ends without an answer leaves its group unknown", async () => {
  const scene = new Scene();
  const asked = await scene.putAlone("a");
  await scene.last.break(new Error("the thread has ended"));
  assert.equal(asked.end, "unknown");
  assert.deepEqual(scene.told, ["sent 1", "fault WRITER_LOST"]);
  await scene.queue.drained();
});

test("a bug in who follows commits answers whom it befell, and ends the store for the others", async () => {
  const scene = new Scene({ bug: new Error("a bug") });
  const first = await scene.putAlone("a");
  const next = scene.put("b", { requestId: "id-2" });
  const queued = scene.put("c", { bytes: groupCommitBytesWhenSmall });
  await scene.last.done();
  assert.deepEqual([first.end, next.end, queued.end], ["ok", "waiting", "storage-fault"]);
  assert.deepEqual(scene.told, ["sent 1", "written", "sent 1", "fault COMMIT_NOT_FOLLOWED"]);
  await scene.last.done();
  assert.deepEqual(await next.outcome, { kind: "unknown", requestId: "id-2" });
  assert.equal(scene.told.length, 4, "nobody is told of what came after the bug");
  await scene.queue.drained();
});

test("a fault of a checkpoint answers who waits for a lock, and nothing is tried again", async () => {
  const scene = new Scene();
  const [retrying, queued] = [await scene.putAlone("a"), scene.put("b")];
  await scene.last.busy();
  scene.queue.fail(latched(false).fault);
  scene.clock.advance(busyBudgetMs);
  await settle();
  assert.deepEqual([retrying.end, queued.end], ["storage-fault", "storage-fault"]);
  assert.deepEqual([scene.sent.length, scene.clock.timers], [1, 0]);
  await scene.queue.drained();
});

const endsAfterFault: readonly { reply: string; end: string }[] = [
  { reply: "done", end: "ok" },
  { reply: "busy", end: "storage-busy" },
  { reply: "latched", end: "storage-fault" },
];

for (const { reply, end } of endsAfterFault) {
  test(`a group that is in hand when something else fails, and is ${reply}, ends "${end}"`, async () => {
    const scene = new Scene();
    const inHand = await scene.putAlone("a");
    scene.queue.fail(latched(false).fault);
    let drained = false;
    void scene.queue.drained().then(() => {
      drained = true;
    });
    await settle();
    assert.equal(drained, false, "a group is still in the writer's hands");
    if (reply === "latched") await scene.last.reply(latched(false));
    else await (reply === "done" ? scene.last.done() : scene.last.busy());
    assert.deepEqual([inHand.end, drained, scene.clock.timers], [end, true, 0]);
    assert.deepEqual(scene.told.filter((line) => line.startsWith("fault")).length, 1);
  });
}

test("the queue is drained only when nothing waits, is in hand, or waits for a lock", async () => {
  const scene = new Scene();
  await scene.queue.drained();
  await scene.putAlone("a");
  scene.put("b");
  let drained = false;
  void scene.queue.drained().then(() => {
    drained = true;
  });
  await scene.last.done();
  assert.equal(drained, false, "b is in hand");
  await scene.last.busy();
  assert.equal(drained, false, "b waits for a lock");
  scene.clock.advance(busyBudgetMs / 2);
  await scene.last.done();
  assert.equal(drained, true);
});
