/** One key at a time: Get, BatchGet, Put, Delete, and the conditions of the two writes. */
import assert from "node:assert/strict";
import { statusCode } from "../../../src/rpc/status-code.js";
import type { Condition } from "../../../src/wire/kvdb/v1/types.js";
import { bytes, refused, text } from "../client.js";
import type { Bench, Cases } from "../runner.js";

const aborted = { code: statusCode.ABORTED, reason: "CONDITION_FAILED" };
const exists = { code: statusCode.ALREADY_EXISTS, reason: "KEY_EXISTS" };
const missing = { code: statusCode.NOT_FOUND, reason: "KEY_NOT_FOUND" };

export const pointCases: Cases = {
  "an absent key is no error, and the answer has no kv": async ({ client, namespace }) => {
    await client.put({ namespace, key: bytes("other") });
    const { header, kv } = await client.get({ namespace, key: bytes("absent") });
    assert.equal(kv, undefined);
    assert.equal(header?.namespace, namespace);
    assert.equal(header.revision, 1n);
  },

  "what was put is read back, with revisions and version as they grow": async ({
    client,
    namespace,
  }) => {
    const key = bytes("a");
    const first = await client.put({ namespace, key, value: bytes("1") });
    await client.put({ namespace, key: bytes("b"), value: bytes("x") });
    const third = await client.put({ namespace, key, value: bytes("2"), returnPrevious: true });
    assert.equal(first.header?.revision, 1n);
    assert.equal(third.header?.revision, 3n);
    assert.equal(text(third.previous?.value), "1");
    assert.equal(third.previous?.modRevision, 1n);
    const { kv, header } = await client.get({ namespace, key });
    assert.equal(text(kv?.value), "2");
    assert.deepEqual(
      [kv?.createRevision, kv?.modRevision, kv?.version, kv?.leaseId, kv?.expireTime],
      [1n, 3n, 2n, 0n, undefined],
    );
    assert.equal(header?.revision, 3n);
    assert.ok(header.epoch >= 1n);
    assert.notEqual(header.nodeId, "");
    assert.notEqual(header.storeId, "");
    assert.deepEqual(header.storeId, first.header.storeId);
  },

  "a key deleted and made again starts at version 1": async ({ client, namespace }) => {
    const key = bytes("a");
    await client.put({ namespace, key });
    await client.put({ namespace, key });
    await client.delete({ namespace, key });
    await client.put({ namespace, key });
    const { kv } = await client.get({ namespace, key });
    assert.deepEqual([kv?.version, kv?.createRevision, kv?.modRevision], [1n, 4n, 4n]);
  },

  "keys and values may hold any bytes, and a value may be empty": async ({ client, namespace }) => {
    const all = Uint8Array.from({ length: 256 }, (_none, at) => at);
    const keys = [Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(0xff), all];
    for (const key of keys) await client.put({ namespace, key, value: all });
    await client.put({ namespace, key: bytes("empty"), value: new Uint8Array(0) });
    const { entries } = await client.batchGet({ namespace, keys });
    for (const [at, { kv }] of entries.entries()) {
      assert.deepEqual(Buffer.from(kv?.key ?? []), Buffer.from(keys[at] ?? []));
      assert.deepEqual(Buffer.from(kv?.value ?? []), Buffer.from(all));
    }
    const { kv } = await client.get({ namespace, key: bytes("empty") });
    assert.equal(kv?.value.length, 0);
  },

  "the empty namespace is the one named default, and namespaces do not share keys": async ({
    client,
    namespace,
  }) => {
    const key = bytes("shared name");
    await client.put({ key, value: bytes("in default") });
    await client.put({ namespace, key, value: bytes("in other") });
    const named = await client.get({ namespace: "default", key });
    assert.equal(named.header?.namespace, "default");
    assert.equal(text(named.kv?.value), "in default");
    const elsewhere = await client.get({ namespace, key });
    assert.equal(text(elsewhere.kv?.value), "in other");
  },

  "keys_only leaves the value out and nothing else": async ({ client, namespace }) => {
    const key = bytes("a");
    await client.put({ namespace, key, value: bytes("content") });
    const { kv } = await client.get({ namespace, key, keysOnly: true });
    assert.equal(text(kv?.key), "a");
    assert.equal(kv?.value.length, 0);
    assert.equal(kv.modRevision, 1n);
  },

  "a BatchGet answers in the order of the request, repeats and gaps included": async ({
    client,
    namespace,
  }) => {
    for (const name of ["a", "b"])
      await client.put({ namespace, key: bytes(name), value: bytes(name) });
    const keys = ["b", "none", "a", "b"].map(bytes);
    const { entries, header } = await client.batchGet({ namespace, keys });
    assert.deepEqual(
      entries.map(({ kv }) => text(kv?.value)),
      ["b", undefined, "a", "b"],
    );
    assert.equal(header?.revision, 2n);
    const none = await client.batchGet({ namespace, keys: [] });
    assert.deepEqual(none.entries, []);
    assert.equal(none.header?.revision, 2n);
  },

  "deleting nothing is no error and takes no revision": async ({ client, namespace }) => {
    const key = bytes("a");
    await client.put({ namespace, key, value: bytes("1") });
    const gone = await client.delete({ namespace, key, returnPrevious: true });
    assert.equal(gone.deleted, true);
    assert.equal(text(gone.previous?.value), "1");
    assert.equal(gone.header?.revision, 2n);
    const again = await client.delete({ namespace, key, returnPrevious: true });
    assert.equal(again.deleted, false);
    assert.equal(again.previous, undefined);
    assert.equal(again.header?.revision, 2n);
  },

  "of many writers that saw the same revision, exactly one wins": async ({ client, namespace }) => {
    const key = bytes("contended");
    await client.put({ namespace, key, value: bytes("start") });
    const condition: Condition = { condition: { $case: "ifModRevision", value: 1n } };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_none, at) =>
        client.put({ namespace, key, value: bytes(String(at)), condition }),
      ),
    );
    const winners = outcomes.flatMap(({ status }, at) => (status === "fulfilled" ? [at] : []));
    assert.equal(winners.length, 1);
    const { kv } = await client.get({ namespace, key });
    assert.equal(text(kv?.value), String(winners[0]));
    assert.equal(kv?.modRevision, 2n);
  },

  ...Object.fromEntries(
    conditionRows().flatMap((each) =>
      (["put", "delete"] as const).map((verb) => [
        `a ${verb} ${each.when} is ${each.refusal?.reason ?? "done"}`,
        (bench: Bench) => conditionCase(bench, verb, each),
      ]),
    ),
  ),
};

async function conditionCase(
  { client, namespace }: Bench,
  verb: "put" | "delete",
  row: ConditionRow,
): Promise<void> {
  const key = bytes("a");
  if (row.exists) {
    await client.put({ namespace, key, value: bytes("1") });
    await client.put({ namespace, key, value: bytes("2") });
  }
  const call = client[verb]({ namespace, key, condition: { condition: row.condition } });
  if (row.refusal === undefined) {
    const { header } = await call;
    assert.equal(header?.namespace, namespace);
    return;
  }
  const refusal = await refused(call);
  assert.equal(refusal.code, row.refusal.code);
  assert.equal(refusal.reason, row.refusal.reason);
  assert.equal(refusal.metadata["actual_mod_revision"], row.exists ? "2" : "0");
  assert.equal(refusal.metadata["actual_version"], row.exists ? "2" : "0");
  assert.ok(refusal.kinds.includes("PreconditionFailure"));
  const { kv } = await client.get({ namespace, key });
  assert.equal(text(kv?.value), row.exists ? "2" : undefined);
}

type Arm = Condition["condition"];

interface ConditionRow {
  readonly when: string;
  readonly exists: boolean;
  readonly condition: Arm;
  readonly refusal: { readonly code: number; readonly reason: string } | undefined;
}

/** The key, where it exists, was put twice: mod_revision 2, version 2. */
function conditionRows(): readonly ConditionRow[] {
  return [
    row("if absent, of a live key", true, { $case: "ifAbsent", value: true }, exists),
    row("if absent, of an absent key", false, { $case: "ifAbsent", value: true }),
    row("if present, of a live key", true, { $case: "ifPresent", value: true }),
    row("if present, of an absent key", false, { $case: "ifPresent", value: true }, missing),
    row("at its revision", true, { $case: "ifModRevision", value: 2n }),
    row("at an older revision", true, { $case: "ifModRevision", value: 1n }, aborted),
    row("at revision 0, of an absent key", false, { $case: "ifModRevision", value: 0n }),
    row("at revision 0, of a live key", true, { $case: "ifModRevision", value: 0n }, aborted),
    row("at a revision, of an absent key", false, { $case: "ifModRevision", value: 2n }, aborted),
    row("at its version", true, { $case: "ifVersion", value: 2n }),
    row("at another version", true, { $case: "ifVersion", value: 3n }, aborted),
    row("at version 0, of an absent key", false, { $case: "ifVersion", value: 0n }),
    row(
      "at the highest version that can be said",
      true,
      { $case: "ifVersion", value: 2n ** 64n - 1n },
      aborted,
    ),
  ];
}

function row(
  when: string,
  isThere: boolean,
  condition: Arm,
  refusal?: { readonly code: number; readonly reason: string },
): ConditionRow {
  return { when, exists: isThere, condition, refusal };
}
