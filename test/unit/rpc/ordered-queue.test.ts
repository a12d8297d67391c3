/** The order and the bound of the queue between sending and acknowledging. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OrderedQueue } from "../../../src/rpc/ordered-queue.js";

test("items leave in the order they came, and the end comes after the last", async () => {
  const queue = new OrderedQueue<number>(100);
  const taken: number[] = [];
  const receiving = (async () => {
    for (let item = await queue.shift(); item !== undefined; item = await queue.shift()) {
      taken.push(item);
    }
  })();
  for (let item = 1; item <= 10; item++) await queue.push(item);
  queue.end();
  await receiving;
  assert.deepEqual(taken, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("a sender waits while the queue is full, and no longer", async () => {
  const queue = new OrderedQueue<number>(2);
  await queue.push(1);
  let pushed = false;
  const second = queue.push(2).then(() => {
    pushed = true;
  });
  await new Promise(setImmediate);
  assert.equal(pushed, false);
  assert.equal(await queue.shift(), 1);
  await second;
  assert.equal(pushed, true);
});

test("a receiver that waits is woken by the end", async () => {
  const queue = new OrderedQueue<number>(1);
  const waiting = queue.shift();
  queue.end();
  assert.equal(await waiting, undefined);
});
