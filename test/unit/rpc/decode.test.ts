/** What the rim lets in and what it refuses: limits, defaults, copies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareBytes } from "../../../src/foundation/bytes.js";
import {
  decodeKey,
  decodeNamespace,
  decodeOwnKey,
  decodePageSize,
  decodeRange,
  decodeRequestId,
  decodeRevision,
} from "../../../src/rpc/decode.js";
import { decodeExpiry, decodeTtl } from "../../../src/rpc/decode-expiry.js";
import { decodeTxnBody, decodeWrites, RequestBudget } from "../../../src/rpc/decode-txn.js";
import {
  batchBytesMax,
  batchOperationsMax,
  keyBytesMax,
  pageRowsDefault,
  pageRowsMax,
  requestIdBytesMax,
  ttlMsMax,
} from "../../../src/storage/limits.js";
import { Operation, WriteOperation } from "../../../src/wire/kvdb/v1/kv.js";
import type { KeyRange } from "../../../src/wire/kvdb/v1/types.js";
import { refusalOf } from "./refusals.js";

test("a namespace is 1 to 63 of a-z, 0-9, _ and -, and none means default", () => {
  assert.equal(decodeNamespace(""), "default");
  for (const name of ["a", "tenant-1_x", "0", "-", "n".repeat(63)]) {
    assert.equal(decodeNamespace(name), name);
  }
  for (const name of ["A", "a b", "ä", "a.b", "a/b", "a\n", "n".repeat(64), "\ufffd"]) {
    assert.equal(refusalOf(() => decodeNamespace(name)).reason, "NAMESPACE_INVALID");
  }
});

test("a key has 1 to 4096 bytes, and is copied only when it outlives the call", () => {
  const key = new Uint8Array(keyBytesMax);
  assert.equal(decodeKey(key), key);
  const own = decodeOwnKey(key);
  assert.notEqual(own.buffer, key.buffer);
  assert.equal(own.buffer.byteLength, key.length);
  assert.equal(refusalOf(() => decodeKey(new Uint8Array(0))).reason, "KEY_EMPTY");
  const over = refusalOf(() => decodeKey(new Uint8Array(keyBytesMax + 1), "keys[2]"));
  assert.deepEqual([over.reason, over.fields], ["KEY_TOO_LARGE", ["keys[2]"]]);
});

test("a view of a message does not take the message along", () => {
  const message = Buffer.alloc(1024 * 1024);
  const own = decodeOwnKey(message.subarray(10, 20));
  assert.equal(own.buffer.byteLength, 10);
});

test("a request id is measured in bytes of UTF-8, and an empty one is none", () => {
  assert.equal(decodeRequestId(""), undefined);
  assert.equal(decodeRequestId("x".repeat(requestIdBytesMax))?.length, requestIdBytesMax);
  const over = refusalOf(() => decodeRequestId("€".repeat(22)));
  assert.deepEqual([over.reason, over.metadata["actual"]], ["REQUEST_ID_TOO_LARGE", "66"]);
});

test("revision 0 was never written, and one beyond int64 never will be", () => {
  assert.equal(decodeRevision(undefined), undefined);
  assert.equal(decodeRevision(2n ** 63n - 1n), 2n ** 63n - 1n);
  assert.equal(refusalOf(() => decodeRevision(0n)).reason, "REVISION_INVALID");
  assert.equal(refusalOf(() => decodeRevision(2n ** 63n)).reason, "FUTURE_REVISION");
});

test("a page size of 0 is the default, one above the maximum is lowered, a negative one refused", () => {
  assert.equal(decodePageSize(0), pageRowsDefault);
  assert.equal(decodePageSize(pageRowsMax), pageRowsMax);
  assert.equal(decodePageSize(pageRowsMax + 1), pageRowsMax);
  assert.equal(refusalOf(() => decodePageSize(-1)).reason, "PAGE_SIZE_INVALID");
});

test("a prefix range holds exactly the keys that begin with it", () => {
  const bytes = fc.uint8Array({ maxLength: 4 });
  const biased = fc.oneof(bytes, fc.uint8Array({ maxLength: 4, min: 0xfe }));
  fc.assert(
    fc.property(biased, biased, (prefix, key) => {
      const { start, end } = decodeRange({ range: { $case: "prefix", value: prefix } });
      const within =
        compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0);
      const begins = compareBytes(key.subarray(0, prefix.length), prefix) === 0;
      assert.equal(within, begins);
    }),
  );
});

const intervals: readonly {
  readonly what: string;
  readonly start: readonly number[];
  readonly end: readonly number[];
  readonly refused: boolean;
}[] = [
  { what: "an empty end is the last key", start: [1], end: [], refused: false },
  { what: "an end equal to the start selects nothing", start: [1], end: [1], refused: false },
  { what: "bytes are compared unsigned", start: [0x7f], end: [0x80], refused: false },
  { what: "an end below the start is refused", start: [0xff], end: [1], refused: true },
  { what: "an end that the start begins with is refused", start: [1, 0], end: [1], refused: true },
];
for (const { what, start, end, refused } of intervals) {
  test(`of an interval, ${what}`, () => {
    const value = { start: Uint8Array.from(start), end: Uint8Array.from(end) };
    const range: KeyRange = { range: { $case: "interval", value } };
    if (refused) {
      assert.equal(refusalOf(() => decodeRange(range)).reason, "RANGE_INVALID");
      return;
    }
    const decoded = decodeRange(range);
    assert.deepEqual([...decoded.start], start);
    assert.deepEqual(decoded.end && [...decoded.end], end.length === 0 ? undefined : end);
  });
}

test("a time to live is a millisecond to a hundred years, finer parts dropped", () => {
  assert.equal(decodeTtl({ seconds: 0n, nanos: 1_999_999 }, "ttl", 1), 1);
  assert.equal(decodeTtl({ seconds: BigInt(ttlMsMax / 1000), nanos: 0 }, "ttl", 1), ttlMsMax);
  for (const [seconds, nanos] of [
    [0n, 999_999],
    [-1n, 0],
    [BigInt(ttlMsMax / 1000), 1_000_000],
    [2n ** 62n, 0],
  ] as const) {
    assert.equal(refusalOf(() => decodeTtl({ seconds, nanos }, "ttl", 1)).reason, "TTL_INVALID");
  }
});

test("a moment may have passed, however long ago, and may not come after the year 9999", () => {
  const at = (seconds: bigint): unknown =>
    decodeExpiry({ $case: "expireTime", value: { seconds, nanos: 0 } }, "");
  assert.deepEqual(at(-62_135_596_800n), { kind: "at", atMs: 1 });
  assert.deepEqual(at(1_700_000_000n), { kind: "at", atMs: 1_700_000_000_000 });
  assert.equal(refusalOf(() => at(253_402_300_800n)).reason, "TTL_INVALID");
});

const put = (bytes: number): WriteOperation =>
  WriteOperation.fromPartial({
    operation: { $case: "put", value: { key: Uint8Array.of(1), value: new Uint8Array(bytes) } },
  });

test("a batch is counted in operations and in bytes of keys and values", () => {
  const budget = (): RequestBudget => new RequestBudget(batchBytesMax);
  const full = Array.from({ length: batchOperationsMax }, () => put(0));
  assert.equal(decodeWrites(full, budget()).length, batchOperationsMax);
  const over = refusalOf(() => decodeWrites([...full, put(0)], budget()));
  assert.deepEqual(
    [over.reason, over.metadata["limit"]],
    ["BATCH_TOO_LARGE", String(batchOperationsMax)],
  );
  assert.equal(decodeWrites([put(batchBytesMax - 1)], budget()).length, 1);
  const large = refusalOf(() => decodeWrites([put(batchBytesMax)], budget()));
  assert.deepEqual(
    [large.reason, large.metadata["limit"]],
    ["BATCH_TOO_LARGE", String(batchBytesMax)],
  );
});

test("operations are counted over the whole tree, whichever branch would run", () => {
  const half = Array.from({ length: batchOperationsMax / 2 }, () =>
    Operation.fromPartial({ operation: { $case: "get", value: { key: Uint8Array.of(1) } } }),
  );
  const body = { compares: [], success: half, failure: half };
  assert.equal(decodeTxnBody(body, new RequestBudget(1)).failure.length, half.length);
  const one = [...half, ...half.slice(0, 1)];
  const over = refusalOf(() => decodeTxnBody({ ...body, failure: one }, new RequestBudget(1)));
  assert.equal(over.reason, "BATCH_TOO_LARGE");
});
