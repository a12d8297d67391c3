/** What a full disk lets in, how large a reserve is, and when a start has room enough. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { onlyTakesAway } from "../../../../src/engine/commit/disk-full-refusal.js";
import { reserveBytesOn } from "../../../../src/engine/recovery/reserve-file.js";
import { judgeStartRoom } from "../../../../src/engine/recovery/start-room.js";
import { diskReserveShare, diskStartBytes } from "../../../../src/storage/limits.js";
import type { LeaseId, Operation, TxnBody } from "../../../../src/storage/model.js";
import { keyOf, putOf } from "../../../support/temp-engine.js";

const key = keyOf("k");
const leaseId = 1n as LeaseId;
const deletion: Operation = { kind: "delete", span: { kind: "key", key }, returnPrevious: false };
const put = putOf("k", "v");

const operations: readonly { readonly operation: Operation; readonly letIn: boolean }[] = [
  { operation: { kind: "get", key }, letIn: true },
  { operation: deletion, letIn: true },
  { operation: { kind: "lease-keep-alive", leaseId }, letIn: true },
  { operation: { kind: "lease-revoke", leaseId }, letIn: true },
  { operation: { kind: "expire-keys", keys: [key] }, letIn: true },
  { operation: { kind: "expire-lease", leaseId }, letIn: true },
  { operation: { kind: "txn", body: bodyOf([deletion]) }, letIn: true },
  { operation: put, letIn: false },
  { operation: { kind: "rename", from: key, to: key, overwrite: true }, letIn: false },
  { operation: { kind: "increment", key, delta: 1n, initial: 0n }, letIn: false },
  { operation: { kind: "lease-grant", leaseId, ttlMs: 1_000 }, letIn: false },
  { operation: { kind: "txn", body: bodyOf([], [put]) }, letIn: false },
];

for (const { operation, letIn } of operations) {
  const what = operation.kind === "txn" ? "txn of another" : operation.kind;
  test(`a full disk ${letIn ? "lets in" : "refuses"} a request with ${what}`, () => {
    assert.equal(onlyTakesAway(bodyOf([operation])), letIn);
    assert.equal(onlyTakesAway(bodyOf([], [operation])), letIn, "whichever branch it is in");
    assert.equal(onlyTakesAway(bodyOf([deletion, operation])), letIn, "beside a deletion");
  });
}

test("the reserve is as large as configured, or a share of a small file system", () => {
  assert.equal(reserveBytesOn(1_000_000 * diskReserveShare, 1_000), 1_000);
  assert.equal(reserveBytesOn(1_000 * diskReserveShare, 1_000_000), 1_000);
  assert.equal(reserveBytesOn(1_000_000, 0), 0);
});

const starts = [
  { when: "nothing is to be moved", free: diskStartBytes, reserve: 0, grows: 0, ends: "enough" },
  { when: "a WAL fits", free: diskStartBytes + 50, reserve: 0, grows: 50, ends: "enough" },
  {
    when: "only the reserve helps",
    free: 10,
    reserve: diskStartBytes,
    grows: 0,
    ends: "with-reserve",
  },
  {
    when: "even that is too little",
    free: 10,
    reserve: diskStartBytes,
    grows: 11,
    ends: "no-space",
  },
  { when: "the database shrinks", free: diskStartBytes, reserve: 0, grows: -50, ends: "enough" },
] as const;

for (const { when, free, reserve, grows, ends } of starts) {
  test(`a start on a disk where ${when} ends as ${ends}`, () => {
    const facts = {
      freeBytes: free,
      reserveBytes: reserve,
      databaseBytes: 100,
      databaseBytesAfter: 100 + grows,
    };
    if (ends === "no-space") {
      assert.throws(() => judgeStartRoom(facts), { name: "OpenError", kind: ends });
    } else {
      assert.equal(judgeStartRoom(facts).kind, ends);
    }
  });
}

function bodyOf(success: readonly Operation[], failure: readonly Operation[] = []): TxnBody {
  return { compares: [], success, failure };
}
