/** A thousand watchers of one store: every one gets everything, and what each costs is bounded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { prefixEnd } from "../../src/foundation/bytes.js";
import { latencies } from "../support/figures.js";
import { bytesOf, TempEngine } from "../support/temp-engine.js";
import { WatchReader } from "./watch-reader.js";

const sharing = 500;
const alone = 500;
const commits = 60;

interface Receipt {
  readonly revisions: bigint[];
  /** Milliseconds from the moment the writer was answered; below 0 = before that. */
  readonly delaysMs: number[];
}

test("a thousand watchers with one writer all get everything, without reading the log", async (t) => {
  const temp = await TempEngine.open(t);
  const answeredMs = new Map<bigint, number>();
  const ranges = [
    ...Array.from({ length: sharing }, () => "shared/"),
    ...Array.from({ length: alone }, (_none, at) => `own/${String(at)}/`),
  ];
  const readers = await Promise.all(
    ranges.map((prefix) => {
      const start = bytesOf(prefix);
      return WatchReader.open(t, temp, { range: { start, end: prefixEnd(start) } });
    }),
  );
  assert.match(await temp.metrics.expose(), /^kvdb_watchers 1000$/m);
  const expected = (prefix: string): bigint[] =>
    prefix === "shared/"
      ? Array.from({ length: commits }, (_none, at) => BigInt(at + 1))
      : [BigInt(commits + 1 + Number(prefix.slice(4, -1)))];
  const receipts = readers.map((reader, at) =>
    receive(reader, expected(ranges[at] ?? "").length, answeredMs),
  );
  for (let count = 0; count < commits; count++) {
    await temp.put(`shared/${String(count)}`, "value");
    answeredMs.set(BigInt(count + 1), performance.now());
  }
  await Promise.all(
    Array.from({ length: alone }, async (_none, at) => {
      await temp.put(`own/${String(at)}/key`, "value");
    }),
  );
  const delays: number[] = [];
  for (const [at, receipt] of (await Promise.all(receipts)).entries()) {
    const wanted = expected(ranges[at] ?? "");
    assert.equal(receipt.revisions.length, wanted.length);
    if (ranges[at] === "shared/") assert.deepEqual(receipt.revisions, wanted);
    delays.push(...receipt.delaysMs);
  }
  assert.match(await temp.metrics.expose(), /^kvdb_watch_log_pages_total 0$/m);
  t.diagnostic(`after the writer's answer: ${latencies(delays)}`);
  for (const reader of readers) reader.abort();
  await Promise.all(readers.map((reader) => reader.close()));
  assert.match(await temp.metrics.expose(), /^kvdb_watchers 0$/m);
});

test("a thousand watchers that read nothing keep no more than their buffers, and still miss nothing", async (t) => {
  const temp = await TempEngine.open(t);
  const readers = await Promise.all(Array.from({ length: 1_000 }, () => WatchReader.open(t, temp)));
  // Each takes one event and then holds still, while more is written than any buffer holds.
  await temp.put("key", "first");
  await Promise.all(readers.map((reader) => reader.next()));
  const value = "v".repeat(50_000);
  for (let count = 0; count < 20; count++) await temp.put("key", value);
  const some = readers.filter((_reader, at) => at % 100 === 0);
  for (const reader of some) {
    const revisions = (await reader.through(21n)).map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      Array.from({ length: 20 }, (_none, at) => BigInt(at + 2)),
    );
  }
  // From memory nobody would have had to: what had waited was dropped when it became too much.
  const pages = /^kvdb_watch_log_pages_total (\d+)$/m.exec(await temp.metrics.expose())?.[1];
  assert.ok(Number(pages) >= some.length, `${String(pages)} pages of the log`);
});

async function receive(
  reader: WatchReader,
  count: number,
  answeredMs: ReadonlyMap<bigint, number>,
): Promise<Receipt> {
  const receipt: Receipt = { revisions: [], delaysMs: [] };
  while (receipt.revisions.length < count) {
    const event = await reader.next();
    assert.ok(event?.kind === "batches");
    for (const { revision } of event.batches) {
      receipt.revisions.push(revision);
      const answered = answeredMs.get(revision);
      if (answered !== undefined) receipt.delaysMs.push(performance.now() - answered);
    }
  }
  return receipt;
}
