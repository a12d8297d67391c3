/** List and Scan: order, pages, tokens. */
import assert from "node:assert/strict";
import { statusCode } from "../../../src/rpc/status-code.js";
import type { ListRequest } from "../../../src/wire/kvdb/v1/kv.js";
import { type KeyRange, KeyValue } from "../../../src/wire/kvdb/v1/types.js";
import { bytes, type ContractClient, refused, text } from "../client.js";
import type { Cases } from "../runner.js";
import { load } from "./bulk.js";

const all: KeyRange = { range: { $case: "all", value: true } };

function prefix(start: string | Uint8Array): KeyRange {
  return { range: { $case: "prefix", value: typeof start === "string" ? bytes(start) : start } };
}

function interval(start: string, end: string): KeyRange {
  return { range: { $case: "interval", value: { start: bytes(start), end: bytes(end) } } };
}

/** Keys k000, k001, …, each with a value. */
async function fill(client: ContractClient, namespace: string, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_none, at) => `k${String(at).padStart(3, "0")}`);
  const kvs = keys.map((key) => KeyValue.fromPartial({ key: bytes(key), value: bytes(`v${key}`) }));
  await load(client, namespace, [kvs]);
  return keys;
}

/** Page after page, until there is no token. */
async function listAll(
  client: ContractClient,
  request: Partial<ListRequest>,
): Promise<{ readonly keys: string[]; readonly pages: number }> {
  const keys: string[] = [];
  let pages = 0;
  let pageToken = "";
  do {
    const page = await client.list({ ...request, pageToken });
    assert.equal(page.count, page.kvs.length);
    keys.push(...page.kvs.map(({ key }) => text(key) ?? ""));
    pageToken = page.nextPageToken;
    pages++;
  } while (pageToken !== "");
  return { keys, pages };
}

const ranges: readonly { readonly range: KeyRange; readonly keys: readonly string[] }[] = [
  { range: all, keys: ["a", "a/1", "a/2", "b", "c"] },
  { range: prefix("a/"), keys: ["a/1", "a/2"] },
  { range: prefix(""), keys: ["a", "a/1", "a/2", "b", "c"] },
  { range: interval("a/2", "c"), keys: ["a/2", "b"] },
  { range: interval("b", ""), keys: ["b", "c"] },
  { range: interval("", "a/1"), keys: ["a"] },
  { range: interval("b", "b"), keys: [] },
  { range: prefix("zzz"), keys: [] },
];

export const rangeCases: Cases = {
  "every form of a range selects the same keys in List and Scan, in both directions": async ({
    client,
    namespace,
  }) => {
    for (const key of ["c", "a/2", "a", "b", "a/1"])
      await client.put({ namespace, key: bytes(key) });
    for (const { range, keys } of ranges) {
      for (const reverse of [false, true]) {
        const expected = reverse ? keys.toReversed() : keys;
        const listed = await listAll(client, { namespace, range, reverse });
        assert.deepEqual(listed.keys, expected);
        const messages = await client.scan({ namespace, range, reverse });
        assert.deepEqual(
          messages.flatMap(({ kvs }) => kvs.map(({ key }) => text(key))),
          expected,
        );
        assert.ok(messages.length >= 1, "a scan of nothing still says where it stands");
        assert.equal(messages.at(-1)?.resumeToken, "");
        assert.equal(messages[0]?.header?.revision, 5n);
      }
    }
  },

  "a prefix that ends in 0xFF has no key after it, and keys are ordered as unsigned bytes": async ({
    client,
    namespace,
  }) => {
    const keys = [[0], [0, 0], [1], [0x7f], [0x80], [0xff], [0xff, 0xff], [0xff, 0xff, 0]].map(
      (key) => Uint8Array.from(key),
    );
    for (const key of keys.toReversed()) await client.put({ namespace, key });
    const { kvs } = await client.list({ namespace, range: all });
    assert.deepEqual(
      kvs.map(({ key }) => [...key]),
      keys.map((key) => [...key]),
    );
    const high = await client.list({ namespace, range: prefix(Uint8Array.of(0xff)) });
    assert.equal(high.kvs.length, 3);
  },

  "pages of every size join to the whole, in both directions": async ({ client, namespace }) => {
    const keys = await fill(client, namespace, 25);
    for (const pageSize of [1, 5, 7, 25, 26]) {
      for (const reverse of [false, true]) {
        const listed = await listAll(client, { namespace, range: all, pageSize, reverse });
        assert.deepEqual(listed.keys, reverse ? keys.toReversed() : keys);
        assert.equal(listed.pages, Math.ceil(keys.length / pageSize));
      }
    }
  },

  "a page ends at 1 MiB, and a scan's messages are smaller still": async ({
    client,
    namespace,
  }) => {
    const value = new Uint8Array(300 * 1024);
    for (const key of ["a", "b", "c", "d", "e"]) {
      await client.put({ namespace, key: bytes(key), value });
    }
    const first = await client.list({ namespace, range: all });
    assert.ok(first.kvs.length >= 1 && first.kvs.length <= 3);
    assert.notEqual(first.nextPageToken, "");
    assert.deepEqual((await listAll(client, { namespace, range: all })).keys, [
      "a",
      "b",
      "c",
      "d",
      "e",
    ]);
    const messages = await client.scan({ namespace, range: all });
    assert.equal(messages.length, 5);
  },

  "keys_only and count_only answer with less": async ({ client, namespace }) => {
    const keys = await fill(client, namespace, 12);
    const only = await client.list({ namespace, range: all, keysOnly: true });
    assert.ok(only.kvs.every(({ value }) => value.length === 0));
    assert.equal(only.kvs.length, keys.length);
    const counted = await client.list({ namespace, range: prefix("k00"), countOnly: true });
    assert.deepEqual([counted.count, counted.kvs, counted.nextPageToken], [10, [], ""]);
  },

  "the page size is 1000 unless said, and at most 10,000": async ({ client, namespace }) => {
    const kvs = Array.from({ length: 1500 }, (_none, at) =>
      KeyValue.fromPartial({ key: bytes(String(at).padStart(6, "0")) }),
    );
    await load(client, namespace, [kvs]);
    const byDefault = await client.list({ namespace, range: all });
    assert.equal(byDefault.kvs.length, 1000);
    const lowered = await client.list({ namespace, range: all, pageSize: 2_000_000 });
    assert.equal(lowered.kvs.length, 1500);
    const refusal = await refused(client.list({ namespace, range: all, pageSize: -1 }));
    assert.deepEqual([refusal.reason, refusal.fields], ["PAGE_SIZE_INVALID", ["page_size"]]);
  },

  "a token is good for its own request only, and for another page size": async ({
    client,
    namespace,
  }) => {
    await fill(client, namespace, 10);
    const request = { namespace, range: prefix("k"), pageSize: 3 };
    const { nextPageToken: pageToken } = await client.list(request);
    const another = await client.list({ ...request, pageSize: 100, pageToken });
    assert.equal(another.kvs.length, 7);
    const abuses: Partial<ListRequest>[] = [
      { ...request, pageToken, range: all },
      { ...request, pageToken, reverse: true },
      { ...request, pageToken, keysOnly: true },
      { ...request, pageToken, namespace: "another" },
      { ...request, pageToken, countOnly: true },
      { ...request, pageToken: `${pageToken}A` },
      { ...request, pageToken: pageToken.slice(1) },
      { ...request, pageToken: "not a token" },
      { ...request, pageToken: "A".repeat(10_000) },
    ];
    for (const abuse of abuses) {
      const refusal = await refused(client.list(abuse));
      assert.equal(refusal.code, statusCode.INVALID_ARGUMENT);
      assert.deepEqual([refusal.reason, refusal.fields], ["PAGE_TOKEN_INVALID", ["page_token"]]);
    }
    const carried = client.scan({ namespace, range: prefix("k"), resumeToken: pageToken });
    assert.equal((await refused(carried)).reason, "PAGE_TOKEN_INVALID");
  },

  "without history a later page reads the newest state, and its header says so": async ({
    client,
    namespace,
  }) => {
    const keys = await fill(client, namespace, 4);
    const request = { namespace, range: all, pageSize: 2 };
    const first = await client.list(request);
    await client.put({ namespace, key: bytes("k0015"), value: bytes("new") });
    await client.delete({ namespace, key: bytes("k003") });
    const second = await client.list({ ...request, pageToken: first.nextPageToken });
    assert.deepEqual(
      second.kvs.map(({ key }) => text(key)),
      ["k0015", "k002"],
    );
    assert.equal(keys.length, 4);
    assert.ok((second.header?.revision ?? 0n) > (first.header?.revision ?? 0n));
  },

  "a scan goes on after the last message that was read": async ({ client, namespace }) => {
    const value = new Uint8Array(200 * 1024);
    const keys = ["a", "b", "c", "d", "e", "f"];
    for (const key of keys) await client.put({ namespace, key: bytes(key), value });
    const messages = await client.scan({ namespace, range: all });
    assert.ok(messages.length > 2);
    const [first, ...rest] = messages;
    const resumed = await client.scan({
      namespace,
      range: all,
      resumeToken: first?.resumeToken ?? "",
    });
    const read = [...(first?.kvs ?? []), ...resumed.flatMap(({ kvs }) => kvs)];
    assert.deepEqual(
      read.map(({ key }) => text(key)),
      keys,
    );
    assert.equal(rest.length, resumed.length);
  },

  "all messages of a scan are of one snapshot, whatever is written meanwhile": async ({
    client,
    namespace,
  }) => {
    const value = new Uint8Array(200 * 1024);
    for (let at = 0; at < 40; at++) {
      await client.put({ namespace, key: Uint8Array.of(at), value });
    }
    const stream = client.kv.scan({
      ...{ namespace, range: all, reverse: false, keysOnly: false, revision: undefined },
      resumeToken: "",
    });
    const revisions = new Set<bigint>();
    let read = 0;
    for await (const message of stream) {
      const { header, kvs } = message as Awaited<ReturnType<ContractClient["scan"]>>[number];
      if (read === 0) {
        await client.put({ namespace, key: Uint8Array.of(39, 1), value: bytes("late") });
        await client.delete({ namespace, key: Uint8Array.of(39) });
      }
      read += kvs.length;
      revisions.add(header?.revision ?? 0n);
    }
    assert.deepEqual([...revisions], [40n]);
    assert.equal(read, 40);
  },

  "a past revision cannot be read where no history is kept, nor one to come anywhere": async ({
    client,
    namespace,
  }) => {
    for (const value of ["1", "2"])
      await client.put({ namespace, key: bytes("a"), value: bytes(value) });
    const past = await refused(client.get({ namespace, key: bytes("a"), revision: 1n }));
    assert.deepEqual([past.code, past.reason], [statusCode.FAILED_PRECONDITION, "HISTORY_OFF"]);
    for (const revision of [9n, 2n ** 63n]) {
      const calls = [
        () => client.get({ namespace, key: bytes("a"), revision }),
        () => client.list({ namespace, range: all, revision }),
        () => client.scan({ namespace, range: all, revision }),
        () => client.batchGet({ namespace, keys: [bytes("a")], revision }),
      ];
      for (const call of calls) {
        const future = await refused(call());
        assert.equal(future.code, statusCode.OUT_OF_RANGE);
        assert.equal(future.reason, "FUTURE_REVISION");
      }
    }
  },
};
