/** What a request may get wrong: code, reason and the field at fault. */
import assert from "node:assert/strict";
import { statusCode } from "../../../src/rpc/status-code.js";
import { Compare, CompareRelation, Operation } from "../../../src/wire/kvdb/v1/kv.js";
import { bytes, refused } from "../client.js";
import type { Bench, Cases } from "../runner.js";

const key = bytes("k");
const compare = (part: Partial<Compare>): Compare =>
  Compare.fromPartial({
    span: { $case: "key", value: key },
    relation: CompareRelation.COMPARE_RELATION_EQUAL,
    operand: { $case: "version", value: 1n },
    ...part,
  });

/** Requests that cannot be understood as anything. */
const wrong: readonly {
  readonly what: string;
  readonly call: (bench: Bench) => Promise<unknown>;
  readonly reason: string;
  readonly field: string;
}[] = [
  {
    what: "a range that is not set",
    call: ({ client, namespace }) => client.list({ namespace }),
    ...{ reason: "RANGE_INVALID", field: "range" },
  },
  {
    what: "a range of all that is false",
    call: ({ client, namespace }) =>
      client.deleteRange({ namespace, range: { range: { $case: "all", value: false } } }),
    ...{ reason: "RANGE_INVALID", field: "range.all" },
  },
  {
    what: "an interval that ends before it starts",
    call: ({ client, namespace }) => {
      const value = { start: bytes("b"), end: bytes("a") };
      return client.scan({ namespace, range: { range: { $case: "interval", value } } });
    },
    ...{ reason: "RANGE_INVALID", field: "range.interval" },
  },
  {
    what: "a condition that says nothing",
    call: ({ client, namespace }) =>
      client.put({ namespace, key, condition: { condition: undefined } }),
    ...{ reason: "FIELD_MISSING", field: "condition.condition" },
  },
  {
    what: "a condition that is false",
    call: ({ client, namespace }) =>
      client.delete({
        ...{ namespace, key },
        condition: { condition: { $case: "ifAbsent", value: false } },
      }),
    ...{ reason: "ARGUMENT_INVALID", field: "condition.if_absent" },
  },
  {
    what: "revision 0",
    call: ({ client, namespace }) => client.get({ namespace, key, revision: 0n }),
    ...{ reason: "REVISION_INVALID", field: "revision" },
  },
  {
    what: "a namespace with a capital letter",
    call: ({ client }) => client.get({ namespace: "Tenant", key }),
    ...{ reason: "NAMESPACE_INVALID", field: "namespace" },
  },
  {
    what: "an operation without an arm",
    call: ({ client, namespace }) =>
      client.txn({ namespace, success: [Operation.fromPartial({})] }),
    ...{ reason: "FIELD_MISSING", field: "success[0].operation" },
  },
  {
    what: "a compare about nothing",
    call: ({ client, namespace }) =>
      client.txn({ namespace, compares: [compare({ span: undefined })] }),
    ...{ reason: "FIELD_MISSING", field: "compares[0].span" },
  },
  {
    what: "a compare with nothing",
    call: ({ client, namespace }) =>
      client.txn({ namespace, compares: [compare({ operand: undefined })] }),
    ...{ reason: "FIELD_MISSING", field: "compares[0].operand" },
  },
  {
    what: "a compare whose relation is not said",
    call: ({ client, namespace }) =>
      client.txn({
        namespace,
        compares: [compare({ relation: CompareRelation.COMPARE_RELATION_UNSPECIFIED })],
      }),
    ...{ reason: "ARGUMENT_INVALID", field: "compares[0].relation" },
  },
  {
    what: "a relation that this server does not know",
    call: ({ client, namespace }) =>
      client.txn({ namespace, compares: [compare({ relation: 77 as CompareRelation })] }),
    ...{ reason: "ARGUMENT_INVALID", field: "compares[0].relation" },
  },
  {
    what: "a time to live of nothing",
    call: ({ client, namespace }) =>
      client.put({
        namespace,
        key,
        expiry: { $case: "ttl", value: { seconds: 0n, nanos: 999_999 } },
      }),
    ...{ reason: "TTL_INVALID", field: "ttl" },
  },
  {
    what: "a time to live of a second less half a second",
    call: ({ client, namespace }) =>
      client.put({
        ...{ namespace, key },
        expiry: { $case: "ttl", value: { seconds: 1n, nanos: -500_000_000 } },
      }),
    ...{ reason: "TTL_INVALID", field: "ttl" },
  },
  {
    what: "a time to live with a second among its nanoseconds",
    call: ({ client, namespace }) =>
      client.put({
        ...{ namespace, key },
        expiry: { $case: "ttl", value: { seconds: 1n, nanos: 1_000_000_000 } },
      }),
    ...{ reason: "TTL_INVALID", field: "ttl" },
  },
  {
    what: "a moment with a second among its nanoseconds",
    call: ({ client, namespace }) =>
      client.put({
        ...{ namespace, key },
        expiry: { $case: "expireTime", value: { seconds: 1n, nanos: 1_000_000_000 } },
      }),
    ...{ reason: "TTL_INVALID", field: "expire_time" },
  },
  {
    what: "a time to live above a hundred years",
    call: ({ client, namespace }) =>
      client.put({
        ...{ namespace, key },
        expiry: { $case: "ttl", value: { seconds: 3_153_600_001n, nanos: 0 } },
      }),
    ...{ reason: "TTL_INVALID", field: "ttl" },
  },
  {
    what: "lease 0",
    call: ({ client, namespace }) =>
      client.put({ namespace, key, expiry: { $case: "leaseId", value: 0n } }),
    ...{ reason: "LEASE_ID_INVALID", field: "lease_id" },
  },
];

export const refusalCases: Cases = {
  ...Object.fromEntries(
    wrong.map(({ what, call, reason, field }) => [
      `${what} is ${reason}, and the field is named`,
      async (bench: Bench) => {
        await bench.client.put({ namespace: bench.namespace, key });
        const refusal = await refused(call(bench));
        assert.equal(refusal.code, statusCode.INVALID_ARGUMENT);
        assert.equal(refusal.reason, reason);
        assert.equal(refusal.domain, "kvdb");
        assert.deepEqual(refusal.fields, [field]);
        assert.equal(refusal.metadata["field"], field);
        assert.notEqual(refusal.metadata["hint"] ?? "", "");
      },
    ]),
  ),
};

export const closedNamespaceCases: Cases = {
  "a namespace that was not made is NAMESPACE_NOT_FOUND to reads and writes": async ({
    client,
    namespace,
  }) => {
    const range = { range: { $case: "all", value: true } } as const;
    const calls: readonly (() => Promise<unknown>)[] = [
      () => client.get({ namespace, key }),
      () => client.batchGet({ namespace, keys: [key] }),
      () => client.put({ namespace, key }),
      () => client.delete({ namespace, key }),
      () => client.deleteRange({ namespace, range }),
      () => client.increment({ namespace, key }),
      () => client.list({ namespace, range }),
      () => client.scan({ namespace, range }),
      () => client.txn({ namespace }),
      () => client.batchWrite({ namespace }),
    ];
    for (const call of calls) {
      const refusal = await refused(call());
      assert.equal(refusal.code, statusCode.NOT_FOUND);
      assert.equal(refusal.reason, "NAMESPACE_NOT_FOUND");
      assert.ok(refusal.kinds.includes("ResourceInfo"));
    }
  },
};
