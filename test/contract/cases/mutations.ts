/** Writes of more than one key, or of more than a value: ranges, renames, numbers, transactions. */
import assert from "node:assert/strict";
import { statusCode } from "../../../src/rpc/status-code.js";
import {
  Compare,
  CompareRelation,
  Operation,
  WriteOperation,
} from "../../../src/wire/kvdb/v1/kv.js";
import { bytes, type ContractClient, refused, text } from "../client.js";
import type { Cases } from "../runner.js";

const put = (key: string, value: string): Operation =>
  Operation.fromPartial({
    operation: { $case: "put", value: { key: bytes(key), value: bytes(value) } },
  });
const get = (key: string): Operation =>
  Operation.fromPartial({ operation: { $case: "get", value: { key: bytes(key) } } });
const remove = (key: string): Operation =>
  Operation.fromPartial({ operation: { $case: "delete", value: { key: bytes(key) } } });
const increment = (key: string, delta: bigint): Operation =>
  Operation.fromPartial({ operation: { $case: "increment", value: { key: bytes(key), delta } } });
const versionIs = (key: string, version: bigint): Compare =>
  Compare.fromPartial({
    span: { $case: "key", value: bytes(key) },
    relation: CompareRelation.COMPARE_RELATION_EQUAL,
    operand: { $case: "version", value: version },
  });

/** "a=1 b=2": everything that is there. */
async function contents(client: ContractClient, namespace: string): Promise<string> {
  const { kvs } = await client.list({ namespace, range: { range: { $case: "all", value: true } } });
  return kvs.map(({ key, value }) => `${text(key) ?? ""}=${text(value) ?? ""}`).join(" ");
}

async function fill(client: ContractClient, namespace: string, entries: string): Promise<void> {
  for (const entry of entries.split(" ")) {
    const [key = "", value = ""] = entry.split("=");
    await client.put({ namespace, key: bytes(key), value: bytes(value) });
  }
}

export const mutationCases: Cases = {
  "a range is deleted as one revision, and its end is not in it": async ({ client, namespace }) => {
    await fill(client, namespace, "a=1 b=2 c=3 d=4");
    const range = { start: bytes("b"), end: bytes("d") };
    const answer = await client.deleteRange({
      namespace,
      range: { range: { $case: "interval", value: range } },
    });
    assert.equal(answer.deletedCount, 2);
    assert.equal(answer.header?.revision, 5n);
    assert.equal(await contents(client, namespace), "a=1 d=4");
    const nothing = await client.deleteRange({
      namespace,
      range: { range: { $case: "prefix", value: bytes("zz") } },
    });
    assert.equal(nothing.deletedCount, 0);
    assert.equal(nothing.header?.revision, 5n);
  },

  "a rename moves value and lifetime, and makes the key anew": async ({ client, namespace }) => {
    await fill(client, namespace, "a=1 a=2");
    const { kv, header } = await client.rename({
      namespace,
      key: bytes("a"),
      newKey: bytes("b"),
    });
    assert.equal(text(kv?.key), "b");
    assert.equal(text(kv?.value), "2");
    assert.deepEqual([kv?.version, kv?.createRevision, kv?.modRevision], [1n, 3n, 3n]);
    assert.equal(header?.revision, 3n);
    assert.equal(await contents(client, namespace), "b=2");
  },

  "a rename of nothing, onto something, or onto itself is refused": async ({
    client,
    namespace,
  }) => {
    await fill(client, namespace, "a=1 b=2");
    const rename = (key: string, newKey: string, overwrite = false): Promise<unknown> =>
      client.rename({ namespace, key: bytes(key), newKey: bytes(newKey), overwrite });
    const missing = await refused(rename("none", "c"));
    assert.deepEqual([missing.code, missing.reason], [statusCode.NOT_FOUND, "KEY_NOT_FOUND"]);
    const taken = await refused(rename("a", "b"));
    assert.deepEqual([taken.code, taken.reason], [statusCode.ALREADY_EXISTS, "KEY_EXISTS"]);
    const same = await refused(rename("a", "a"));
    assert.deepEqual([same.code, same.fields], [statusCode.INVALID_ARGUMENT, ["new_key"]]);
    assert.equal(await contents(client, namespace), "a=1 b=2");
    await rename("a", "b", true);
    assert.equal(await contents(client, namespace), "b=1");
  },

  "a number is added to, from its initial value on": async ({ client, namespace }) => {
    const key = bytes("n");
    const first = await client.increment({ namespace, key, delta: 5n, initial: 100n });
    assert.equal(first.value, 105n);
    const second = await client.increment({ namespace, key, delta: -110n, initial: 100n });
    assert.equal(second.value, -5n);
    assert.equal(await contents(client, namespace), "n=-5");
  },

  "what is no number, or would leave int64, is NOT_A_NUMBER": async ({ client, namespace }) => {
    await fill(client, namespace, "word=abc empty= point=1.5");
    for (const name of ["word", "empty", "point"]) {
      const refusal = await refused(client.increment({ namespace, key: bytes(name), delta: 1n }));
      assert.equal(refusal.code, statusCode.FAILED_PRECONDITION);
      assert.equal(refusal.reason, "NOT_A_NUMBER");
    }
    const key = bytes("n");
    const top = 2n ** 63n - 1n;
    await client.increment({ namespace, key, delta: 0n, initial: top });
    const over = await refused(client.increment({ namespace, key, delta: 1n }));
    assert.equal(over.reason, "NOT_A_NUMBER");
    assert.equal((await client.increment({ namespace, key, delta: -1n })).value, top - 1n);
  },

  "increments that race lose nothing": async ({ client, namespace }) => {
    const key = bytes("n");
    const adds = Array.from({ length: 50 }, () => client.increment({ namespace, key, delta: 1n }));
    const values = (await Promise.all(adds)).map(({ value }) => Number(value));
    assert.deepEqual(
      values.toSorted((a, b) => a - b),
      Array.from({ length: 50 }, (_none, at) => at + 1),
    );
  },

  "a transaction whose compares hold runs its success list, as one revision": async ({
    client,
    namespace,
  }) => {
    await fill(client, namespace, "a=1 n=7");
    const answer = await client.txn({
      namespace,
      compares: [versionIs("a", 1n), versionIs("none", 0n)],
      success: [get("a"), put("a", "2"), get("a"), remove("none"), increment("n", 3n)],
      failure: [put("a", "wrong")],
    });
    assert.equal(answer.succeeded, true);
    assert.deepEqual(answer.failedCompares, []);
    const [before, written, after, removed, added] = answer.responses.map(({ result }) => result);
    assert.ok(before?.$case === "get" && text(before.value.kv?.value) === "1");
    assert.equal(written?.$case, "put");
    assert.ok(after?.$case === "get" && text(after.value.kv?.value) === "2");
    assert.ok(removed?.$case === "delete" && !removed.value.deleted);
    assert.ok(added?.$case === "increment" && added.value.value === 10n);
    assert.equal(answer.header?.revision, 3n);
    assert.equal(await contents(client, namespace), "a=2 n=10");
  },

  "a transaction whose compares fail names them and runs its failure list": async ({
    client,
    namespace,
  }) => {
    await fill(client, namespace, "a=1");
    const answer = await client.txn({
      namespace,
      compares: [versionIs("a", 1n), versionIs("a", 9n), versionIs("none", 1n)],
      success: [put("a", "wrong")],
      failure: [get("a")],
    });
    assert.equal(answer.succeeded, false);
    assert.deepEqual(answer.failedCompares, [1, 2]);
    assert.equal(answer.responses[0]?.result?.$case, "get");
    assert.equal(answer.header?.revision, 1n);
  },

  "a nested transaction and a range deletion answer in their own arms": async ({
    client,
    namespace,
  }) => {
    await fill(client, namespace, "x1=1 x2=2");
    const nested = Operation.fromPartial({
      operation: {
        $case: "txn",
        value: { compares: [versionIs("x1", 5n)], failure: [put("y", "nested")] },
      },
    });
    const range = Operation.fromPartial({
      operation: {
        $case: "deleteRange",
        value: { range: { range: { $case: "prefix", value: bytes("x") } } },
      },
    });
    const answer = await client.txn({ namespace, success: [nested, range] });
    const [inner, removed] = answer.responses.map(({ result }) => result);
    assert.ok(inner?.$case === "txn");
    assert.equal(inner.value.succeeded, false);
    assert.deepEqual(inner.value.failedCompares, [0]);
    assert.equal(inner.value.responses[0]?.result?.$case, "put");
    assert.ok(removed?.$case === "deleteRange");
    assert.equal(removed.value.deletedCount, 2);
    assert.equal(await contents(client, namespace), "y=nested");
  },

  "an operation that cannot be done undoes the whole request": async ({ client, namespace }) => {
    await fill(client, namespace, "word=abc");
    const failing = client.txn({ namespace, success: [put("a", "1"), increment("word", 1n)] });
    assert.equal((await refused(failing)).reason, "NOT_A_NUMBER");
    assert.equal(await contents(client, namespace), "word=abc");
    const { header } = await client.put({ namespace, key: bytes("next") });
    assert.equal(header?.revision, 2n);
  },

  "a batch is written as one revision, later operations seeing earlier ones": async ({
    client,
    namespace,
  }) => {
    await fill(client, namespace, "gone=1");
    const ops = [put("a", "1"), increment("a", 1n), remove("gone")].map((each) =>
      WriteOperation.fromPartial(each as WriteOperation),
    );
    const answer = await client.batchWrite({ namespace, ops });
    const [written, added, removed] = answer.responses.map(({ result }) => result);
    assert.equal(written?.$case, "put");
    assert.ok(added?.$case === "increment" && added.value.value === 2n);
    assert.ok(removed?.$case === "delete" && removed.value.deleted);
    assert.equal(answer.header?.revision, 2n);
    assert.equal(await contents(client, namespace), "a=2");
  },

  "a request that asks for nothing changes nothing": async ({ client, namespace }) => {
    await fill(client, namespace, "a=1");
    const batch = await client.batchWrite({ namespace });
    assert.deepEqual([batch.responses, batch.header?.revision], [[], 1n]);
    const txn = await client.txn({ namespace });
    assert.deepEqual([txn.succeeded, txn.responses, txn.header?.revision], [true, [], 1n]);
  },

  "a retry with the same request_id returns the first answer and does nothing": async ({
    client,
    namespace,
  }) => {
    const request = { namespace, key: bytes("n"), delta: 1n, requestId: "once" };
    const first = await client.increment(request);
    await client.put({ namespace, key: bytes("between") });
    const again = await client.increment(request);
    assert.equal(again.value, first.value);
    assert.equal(again.header?.revision, first.header?.revision);
    const other = await refused(client.increment({ ...request, delta: 2n }));
    assert.equal(other.code, statusCode.INVALID_ARGUMENT);
    assert.equal(other.reason, "REQUEST_ID_REUSED");
    assert.equal((await client.increment({ ...request, requestId: "" })).value, 2n);
  },
};
