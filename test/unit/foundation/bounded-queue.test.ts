/** The queue refuses, never drops: whatever is done to it, it behaves as a list with bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BoundedQueue } from "../../../src/foundation/bounded-queue.js";

interface Item {
  readonly bytes: number;
}

function queue(itemsMax: number, bytesMax: number): BoundedQueue<Item> {
  return new BoundedQueue<Item>({ itemsMax, bytesMax, bytesOf: (item) => item.bytes });
}

test("items come out in the order they went in", () => {
  const line = queue(3, 100);
  const items = [{ bytes: 1 }, { bytes: 2 }, { bytes: 3 }];
  for (const item of items) assert.equal(line.offer(item), "queued");
  assert.equal(line.peek(), items[0]);
  assert.deepEqual([line.take(), line.take(), line.take(), line.take()], [...items, undefined]);
});

test("a full queue says which bound was in the way, and keeps what it has", () => {
  const line = queue(2, 10);
  line.offer({ bytes: 8 });
  assert.equal(line.offer({ bytes: 3 }), "bytes-full");
  line.offer({ bytes: 2 });
  assert.equal(line.offer({ bytes: 0 }), "items-full");
  assert.equal(line.items, 2);
  assert.equal(line.bytes, 10);
});

test("an item larger than the byte bound is served when it is alone", () => {
  const line = queue(5, 10);
  assert.equal(line.offer({ bytes: 50 }), "queued");
  assert.equal(line.offer({ bytes: 0 }), "bytes-full");
  line.take();
  assert.equal(line.bytes, 0);
});

test("draining gives everything in order and leaves an empty queue", () => {
  const line = queue(5, 10);
  const items = [{ bytes: 1 }, { bytes: 2 }, { bytes: 3 }];
  for (const item of items) line.offer(item);
  line.take();
  assert.deepEqual(line.drain(), items.slice(1));
  assert.equal(line.items + line.bytes, 0);
});

test("any sequence of offers, takes and withdrawals is that of a bounded list", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("offer" as const), bytes: fc.nat(6) }),
    fc.record({ do: fc.constant("take" as const) }),
    fc.record({ do: fc.constant("withdraw" as const), index: fc.nat(7) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const line = queue(6, 20);
      const model: Item[] = [];
      const bytesOf = (items: readonly Item[]): number =>
        items.reduce((sum, item) => sum + item.bytes, 0);
      for (const next of steps) {
        if (next.do === "offer") {
          const item = { bytes: next.bytes };
          const fits = model.length === 0 || bytesOf(model) + item.bytes <= 20;
          const expected = model.length >= 6 ? "items-full" : fits ? "queued" : "bytes-full";
          assert.equal(line.offer(item), expected);
          if (expected === "queued") model.push(item);
        } else if (next.do === "take") {
          assert.equal(line.take(), model.shift());
        } else {
          const item = model[next.index] ?? { bytes: 0 };
          assert.equal(line.withdraw(item), next.index < model.length);
          if (next.index < model.length) model.splice(next.index, 1);
        }
        assert.equal(line.items, model.length);
        assert.equal(line.bytes, bytesOf(model));
        assert.equal(line.peek(), model[0]);
      }
    }),
  );
});

test("a queue that is used for long lets go of what it served", () => {
  const line = queue(10, 10);
  let served = 0;
  for (let round = 0; round < 5_000; round++) {
    line.offer({ bytes: 1 });
    line.offer({ bytes: 1 });
    for (let take = 0; take < 2; take++) served += line.take()?.bytes ?? 0;
    if (round % 3 === 0) line.offer({ bytes: 1 });
    if (line.items > 5) line.drain();
  }
  assert.ok(served >= 10_000);
  assert.ok(line.items <= 10);
});
