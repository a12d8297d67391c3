/** Which ids are known, for how long, and what happens when there is no room for more. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { RequestLedger } from "../../../../src/engine/state/request-ledger.js";
import {
  ledgerAnswerBytesMax,
  ledgerEntriesMax,
  ledgerSweepRows,
  ledgerWindowMs,
} from "../../../../src/storage/limits.js";
import type { RequestId, Revision } from "../../../../src/storage/model.js";
import { StateOnFile, startMs } from "../../../support/state-on-file.js";

const ns = 1;
const digest = new Uint8Array(32).fill(1);
const otherDigest = new Uint8Array(32).fill(2);
const answer = Uint8Array.of(7);

interface Scene {
  readonly ledger: RequestLedger;
  readonly connection: StateOnFile["store"]["connection"];
  readonly record: (id: string, nowMs?: number) => void;
  readonly find: (id: string, nowMs?: number) => bigint | undefined;
}

function openScene(t: TestContext): Scene {
  const { connection } = StateOnFile.open(t).store;
  const ledger = new RequestLedger(connection);
  let revision = 0n;
  return {
    ledger,
    connection,
    record(id, nowMs = startMs) {
      const request = { id: id as RequestId, digest, answer, revision: ++revision as Revision };
      ledger.record(ns, { ...request, nowMs });
    },
    find: (id, nowMs = startMs) => ledger.find(ns, id as RequestId, digest, nowMs)?.revision,
  };
}

function rowsIn({ connection }: Scene): unknown {
  return connection.prepare("SELECT count(*) FROM ledger").pluck().get();
}

test("an id is found in its namespace, with its revision and its answer", (t) => {
  const scene = openScene(t);
  scene.record("a");
  assert.equal(scene.find("a"), 1n);
  assert.equal(scene.find("b"), undefined);
  const found = scene.ledger.find(ns, "a" as RequestId, digest, startMs);
  assert.deepEqual(new Uint8Array(found?.answer ?? []), answer);
  assert.equal(scene.ledger.find(2, "a" as RequestId, digest, startMs), undefined);
});

test("an id with another digest is refused within the window, and new after it", (t) => {
  const { ledger, record } = openScene(t);
  record("a");
  const find = (nowMs: number): unknown => ledger.find(ns, "a" as RequestId, otherDigest, nowMs);
  assert.throws(() => find(startMs + ledgerWindowMs), { kind: "request-id-reused" });
  assert.equal(find(startMs + ledgerWindowMs + 1), undefined);
});

test("an id that is recorded again after the window stands for the new request", (t) => {
  const scene = openScene(t);
  scene.record("a");
  const later = startMs + ledgerWindowMs + 1;
  scene.record("a", later);
  assert.equal(scene.find("a", later), 2n);
  assert.equal(rowsIn(scene), 1);
});

test("ids older than the window are forgotten in slices, younger ones never", (t) => {
  const scene = openScene(t);
  const old = ledgerSweepRows + 10;
  for (let index = 0; index < old; index++) scene.record(`old-${String(index)}`);
  const later = startMs + ledgerWindowMs + 1;
  scene.record("young", later);
  assert.equal(rowsIn(scene), old + 1 - ledgerSweepRows);
  scene.record("younger", later + 1);
  assert.equal(rowsIn(scene), 2);
  scene.record("youngest", later + 2);
  assert.deepEqual(
    ["young", "younger", "youngest"].map((id) => scene.find(id, later)),
    [BigInt(old + 1), BigInt(old + 2), BigInt(old + 3)],
  );
});

test("without room a new id is refused, and a known one is still answered", (t) => {
  const before = openScene(t);
  before.record("first");
  // The room is counted by row ids, so a row with a high one stands for all between.
  before.connection.exec(
    `INSERT INTO ledger SELECT ${String(ledgerEntriesMax)}, ns, 'last', rev, time_ms, digest, answer,
      checksum FROM ledger`,
  );
  const ledger = new RequestLedger(before.connection);
  const find = (id: string, nowMs: number): unknown =>
    ledger.find(ns, id as RequestId, digest, nowMs)?.revision;
  assert.throws(() => find("new", startMs), { kind: "overloaded" });
  assert.equal(find("first", startMs), 1n);
});

test("a remembered answer that was damaged is refused, not repeated", (t) => {
  const scene = openScene(t);
  scene.record("a");
  scene.connection.exec("UPDATE ledger SET answer = x'08'");
  assert.throws(() => scene.find("a"), { kind: "corrupt" });
});

test("an answer up to its bound may be remembered, and one byte more may not", () => {
  RequestLedger.assertRecordable(new Uint8Array(ledgerAnswerBytesMax));
  assert.throws(
    () => {
      RequestLedger.assertRecordable(new Uint8Array(ledgerAnswerBytesMax + 1));
    },
    { kind: "limit-exceeded" },
  );
});
