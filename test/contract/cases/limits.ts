/** Every bound, at the limit and one beyond it, on every way in. The refusal names field and limit. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { statusCode } from "../../../src/rpc/status-code.js";
import {
  batchBytesMax,
  batchOperationsMax,
  keyBytesMax,
  requestIdBytesMax,
  txnDepthMax,
  valueBytesDefault,
} from "../../../src/storage/limits.js";
import { BulkLoadRequest, Operation, WriteOperation } from "../../../src/wire/kvdb/v1/kv.js";
import type { KeyRange } from "../../../src/wire/kvdb/v1/types.js";
import { bytes, type ContractClient, type Refused, readRefusal, refused } from "../client.js";
import type { Bench, Cases } from "../runner.js";

const longest = new Uint8Array(keyBytesMax).fill(0xff);
const tooLong = new Uint8Array(keyBytesMax + 1);
const largest = new Uint8Array(valueBytesDefault);
const tooLarge = new Uint8Array(valueBytesDefault + 1);
const key = bytes("k");

function putOf(name: Uint8Array, value: Uint8Array): WriteOperation {
  return WriteOperation.fromPartial({ operation: { $case: "put", value: { key: name, value } } });
}

function putsOf(count: number, valueBytes: number): WriteOperation[] {
  const value = new Uint8Array(valueBytes);
  return Array.from({ length: count }, (_none, at) =>
    putOf(bytes(String(at).padStart(6, "0")), value),
  );
}

/** A chunk over a stream of its own: the refusal, or undefined when it was acknowledged. */
async function chunk(
  client: ContractClient,
  namespace: string,
  name: Uint8Array,
  value: Uint8Array,
): Promise<Refused | undefined> {
  const stream = client.bulkLoad();
  const kvs = [{ key: name, value }];
  const outcome = once(stream, "data").then(
    () => undefined,
    (error: unknown) => readRefusal(error),
  );
  stream.end(BulkLoadRequest.fromPartial({ namespace, chunkId: 1n, kvs }));
  return outcome;
}

type Call = (bench: Bench) => Promise<unknown>;

/** Each way in, with what it takes and what it refuses. */
const bounds: readonly {
  readonly what: string;
  readonly taken: Call;
  readonly over: Call;
  readonly reason: string;
  readonly field: string;
  readonly limit?: number;
}[] = [
  {
    what: "the key of a Put",
    taken: ({ client, namespace }) => client.put({ namespace, key: longest }),
    over: ({ client, namespace }) => client.put({ namespace, key: tooLong }),
    ...{ reason: "KEY_TOO_LARGE", field: "key", limit: keyBytesMax },
  },
  {
    what: "the key of a Get",
    taken: ({ client, namespace }) => client.get({ namespace: `${namespace}x`, key: longest }),
    over: ({ client, namespace }) => client.get({ namespace, key: tooLong }),
    ...{ reason: "KEY_TOO_LARGE", field: "key", limit: keyBytesMax },
  },
  {
    what: "a key of a BatchGet",
    taken: ({ client, namespace }) => client.batchGet({ namespace, keys: [longest] }),
    over: ({ client, namespace }) => client.batchGet({ namespace, keys: [key, tooLong] }),
    ...{ reason: "KEY_TOO_LARGE", field: "keys[1]", limit: keyBytesMax },
  },
  {
    what: "a key of a batch",
    taken: ({ client, namespace }) => client.batchWrite({ namespace, ops: [putOf(longest, key)] }),
    over: ({ client, namespace }) =>
      client.batchWrite({ namespace, ops: [putOf(key, key), putOf(tooLong, key)] }),
    ...{ reason: "KEY_TOO_LARGE", field: "ops[1].put.key", limit: keyBytesMax },
  },
  {
    what: "the value of a Put",
    taken: ({ client, namespace }) => client.put({ namespace, key, value: largest }),
    over: ({ client, namespace }) => client.put({ namespace, key, value: tooLarge }),
    ...{ reason: "VALUE_TOO_LARGE", field: "value", limit: valueBytesDefault },
  },
  {
    what: "a value of a batch",
    taken: ({ client, namespace }) => client.batchWrite({ namespace, ops: [putOf(key, largest)] }),
    over: ({ client, namespace }) => client.batchWrite({ namespace, ops: [putOf(key, tooLarge)] }),
    ...{ reason: "VALUE_TOO_LARGE", field: "ops[0].put.value", limit: valueBytesDefault },
  },
  {
    what: "the operations of a batch",
    taken: ({ client, namespace }) =>
      client.batchWrite({ namespace, ops: putsOf(batchOperationsMax, 0) }),
    over: ({ client, namespace }) =>
      client.batchWrite({ namespace, ops: putsOf(batchOperationsMax + 1, 0) }),
    ...{ reason: "BATCH_TOO_LARGE", field: `ops[${String(batchOperationsMax)}].put` },
  },
  {
    what: "the bytes of a batch",
    taken: ({ client, namespace }) =>
      client.batchWrite({ namespace, ops: putsOf(8, batchBytesMax / 8 - 6) }),
    over: ({ client, namespace }) =>
      client.batchWrite({
        namespace,
        ops: [...putsOf(8, batchBytesMax / 8 - 6), putOf(key, new Uint8Array(0))],
      }),
    ...{ reason: "BATCH_TOO_LARGE", field: "ops[8].put" },
  },
  {
    what: "the keys of a BatchGet",
    taken: ({ client, namespace }) =>
      client.batchGet({ namespace, keys: Array.from({ length: batchOperationsMax }, () => key) }),
    over: ({ client, namespace }) =>
      client.batchGet({
        namespace,
        keys: Array.from({ length: batchOperationsMax + 1 }, () => key),
      }),
    ...{ reason: "BATCH_TOO_LARGE", field: "keys", limit: batchOperationsMax },
  },
  {
    what: "the depth of a transaction",
    taken: ({ client, namespace }) => client.txn({ namespace, success: [nested(txnDepthMax - 1)] }),
    over: ({ client, namespace }) => client.txn({ namespace, success: [nested(txnDepthMax)] }),
    ...{ reason: "TXN_TOO_DEEP", field: "success[0].txn.success[0].txn.success[0].txn" },
  },
  {
    what: "the request_id",
    taken: ({ client, namespace }) =>
      client.put({ namespace, key, requestId: "é".repeat(requestIdBytesMax / 2) }),
    over: ({ client, namespace }) =>
      client.put({ namespace, key, requestId: "é".repeat(requestIdBytesMax / 2 + 1) }),
    ...{ reason: "REQUEST_ID_TOO_LARGE", field: "request_id", limit: requestIdBytesMax },
  },
  {
    what: "the name of a namespace",
    taken: ({ client }) => client.put({ namespace: "n".repeat(63), key }),
    over: ({ client }) => client.put({ namespace: "n".repeat(64), key }),
    ...{ reason: "NAMESPACE_INVALID", field: "namespace", limit: 63 },
  },
  {
    what: "the start of an interval",
    taken: ({ client, namespace }) => client.list({ namespace, range: from(keyBytesMax + 1) }),
    over: ({ client, namespace }) => client.list({ namespace, range: from(keyBytesMax + 2) }),
    ...{ reason: "KEY_TOO_LARGE", field: "range.interval.start", limit: keyBytesMax + 1 },
  },
  {
    what: "a prefix",
    taken: ({ client, namespace }) => client.scan({ namespace, range: prefix(longest) }),
    over: ({ client, namespace }) => client.scan({ namespace, range: prefix(tooLong) }),
    ...{ reason: "KEY_TOO_LARGE", field: "range.prefix", limit: keyBytesMax },
  },
];

export const limitCases: Cases = {
  ...Object.fromEntries(
    bounds.map(({ what, taken, over, reason, field, limit }) => [
      `${what} is taken at its limit, and refused beyond it by name`,
      async (bench: Bench) => {
        await bench.client.put({ namespace: bench.namespace, key });
        await taken(bench);
        const refusal = await refused(over(bench));
        assert.equal(refusal.code, statusCode.INVALID_ARGUMENT);
        assert.equal(refusal.reason, reason);
        assert.deepEqual(refusal.fields, [field]);
        if (limit !== undefined) assert.equal(refusal.metadata["limit"], String(limit));
        assert.notEqual(refusal.metadata["hint"] ?? "", "");
      },
    ]),
  ),

  "a bulk load holds keys and values to the same limits": async ({ client, namespace }) => {
    assert.equal(await chunk(client, namespace, longest, largest), undefined);
    const overKey = await chunk(client, namespace, tooLong, key);
    assert.deepEqual([overKey?.reason, overKey?.fields], ["KEY_TOO_LARGE", ["kvs[0].key"]]);
    const overValue = await chunk(client, namespace, key, tooLarge);
    assert.deepEqual([overValue?.reason, overValue?.fields], ["VALUE_TOO_LARGE", ["kvs[0].value"]]);
  },

  "a key of no bytes is refused wherever one is named": async ({ client, namespace }) => {
    const none = new Uint8Array(0);
    const calls: readonly [string, () => Promise<unknown>][] = [
      ["key", () => client.get({ namespace, key: none })],
      ["key", () => client.put({ namespace, key: none })],
      ["key", () => client.delete({ namespace, key: none })],
      ["key", () => client.increment({ namespace, key: none })],
      ["new_key", () => client.rename({ namespace, key, newKey: none })],
      ["keys[0]", () => client.batchGet({ namespace, keys: [none] })],
      ["ops[0].put.key", () => client.batchWrite({ namespace, ops: [putOf(none, none)] })],
    ];
    for (const [field, call] of calls) {
      const refusal = await refused(call());
      assert.equal(refusal.code, statusCode.INVALID_ARGUMENT);
      assert.deepEqual([refusal.reason, refusal.fields], ["KEY_EMPTY", [field]]);
    }
  },

  "an answer that would not fit a message is refused before it is made": async ({
    client,
    namespace,
  }) => {
    await client.put({ namespace, key, value: largest });
    const keys = Array.from({ length: 20 }, () => key);
    const refusal = await refused(client.batchGet({ namespace, keys }));
    assert.equal(refusal.code, statusCode.INVALID_ARGUMENT);
    const fewer = await client.batchGet({ namespace, keys: keys.slice(0, 10) });
    assert.equal(fewer.entries.length, 10);
    const names = await client.batchGet({ namespace, keys, keysOnly: true });
    assert.equal(names.entries.length, 20);
  },
};

function nested(depth: number): Operation {
  const success = depth > 1 ? [nested(depth - 1)] : [];
  return Operation.fromPartial({ operation: { $case: "txn", value: { success } } });
}

function from(length: number): KeyRange {
  const start = new Uint8Array(length);
  return { range: { $case: "interval", value: { start, end: new Uint8Array(0) } } };
}

function prefix(value: Uint8Array): KeyRange {
  return { range: { $case: "prefix", value } };
}
