/** What a change has replaced, where the key begins anew: an entry that was live, or one that had run out. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import type { Expiry, LeaseId, Namespace, Operation } from "../../src/storage/model.js";
import { keyOf, kindOf, okOf, putOf, TempEngine, textOf } from "../support/temp-engine.js";
import { WatchReader } from "./watch-reader.js";

const namespace = "kept" as Namespace;
const hourMs = 3_600_000;
const leaseId = 7n as LeaseId;

const lives = {
  "has no end": { kind: "never" },
  "has an end": { kind: "after", ttlMs: hourMs },
  "is bound to a lease": { kind: "lease", leaseId },
} as const satisfies Record<string, Expiry>;

const deletion: Operation = {
  kind: "delete",
  span: { kind: "key", key: keyOf("b") },
  returnPrevious: false,
};
const beginnings = {
  "renamed onto": [{ kind: "rename", from: keyOf("a"), to: keyOf("b"), overwrite: true }],
  "deleted and put again at once": [deletion, putOf("b", "new")],
} as const satisfies Record<string, readonly Operation[]>;

for (const [life, expiry] of Object.entries(lives)) {
  for (const [how, operations] of Object.entries(beginnings)) {
    test(`a watch shows the live entry that ${life} when its key is ${how}`, async (t) => {
      const temp = await opened(t, true);
      okOf(await temp.commit([putOf("b", "old", expiry)], { namespace }));
      const { revision } = okOf(await temp.commit(operations, { namespace })).header;
      assert.equal(await previousAt(t, temp, revision), "old");
    });

    test(`an entry that ${life} was there and is not kept when its key is ${how}: no watch calls it absent`, async (t) => {
      const temp = await opened(t, false);
      okOf(await temp.commit([putOf("b", "old", expiry)], { namespace }));
      const { revision } = okOf(await temp.commit(operations, { namespace })).header;
      await temp.engine.namespaces.update(namespace, { historyReads: true });
      const refused: unknown = await previousAt(t, temp, revision).catch((error: unknown) => error);
      assert.equal(kindOf(refused), "revision-compacted");
    });
  }
}

test("a watch shows no previous entry where what was there had run out", async (t) => {
  const clock = new ManualClock();
  const temp = await opened(t, true, clock);
  okOf(await temp.commit([putOf("b", "old", { kind: "after", ttlMs: 10 })], { namespace }));
  clock.advance(10);
  const { revision } = okOf(await temp.put("b", "new", { namespace })).header;
  assert.equal(await previousAt(t, temp, revision), undefined);
});

async function opened(
  t: TestContext,
  historyReads: boolean,
  clock = new ManualClock(),
): Promise<TempEngine> {
  const temp = await TempEngine.open(t, { clock });
  await temp.engine.namespaces.create(namespace, { historyReads });
  okOf(await temp.commit([{ kind: "lease-grant", leaseId, ttlMs: hourMs }], { namespace }));
  okOf(await temp.put("a", "1", { namespace }));
  return temp;
}

/** What the change of "b" at this revision is said to have replaced. */
async function previousAt(
  t: TestContext,
  temp: TempEngine,
  from: bigint,
): Promise<string | undefined> {
  const watch = await WatchReader.open(t, temp, { namespace, from, previous: true });
  const [batch] = await watch.through(from);
  assert.ok(batch !== undefined);
  const at = batch.changes.findIndex(({ key }) => textOf(key) === "b");
  const previous = batch.previous[at];
  return previous && textOf(previous.value);
}
