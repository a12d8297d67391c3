/** BulkLoad: chunks, acknowledgements, and how a load ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServiceError } from "@grpc/grpc-js";
import { crc32c } from "../../../src/foundation/crc32c.js";
import { statusCode } from "../../../src/rpc/status-code.js";
import { BulkLoadRequest, type BulkLoadResponse } from "../../../src/wire/kvdb/v1/kv.js";
import { KeyValue } from "../../../src/wire/kvdb/v1/types.js";
import { bytes, type ContractClient, collect, type Refused, readRefusal, text } from "../client.js";
import type { Cases } from "../runner.js";

/** One chunk per list, numbered from 1; the acknowledgements. */
export async function load(
  client: ContractClient,
  namespace: string,
  chunks: readonly (readonly KeyValue[])[],
): Promise<BulkLoadResponse[]> {
  const stream = client.bulkLoad();
  for (const [at, kvs] of chunks.entries()) {
    stream.write(
      BulkLoadRequest.fromPartial({ namespace, chunkId: BigInt(at + 1), kvs: [...kvs] }),
    );
  }
  stream.end();
  return collect<BulkLoadResponse>(stream);
}

/** Sends the chunks; what was acknowledged, and the refusal that ended the stream. */
async function loadRefused(
  client: ContractClient,
  requests: readonly BulkLoadRequest[],
): Promise<{ readonly acknowledged: number[]; readonly refusal: Refused }> {
  const stream = client.bulkLoad();
  const acknowledged: number[] = [];
  stream.on("data", ({ chunkId }: BulkLoadResponse) => acknowledged.push(Number(chunkId)));
  const ended = once(stream, "error");
  for (const request of requests) stream.write(request);
  stream.end();
  const [error] = (await ended) as [ServiceError];
  return { acknowledged, refusal: readRefusal(error) };
}

function entry(key: string, value = ""): KeyValue {
  return KeyValue.fromPartial({ key: bytes(key), value: bytes(value) });
}

/** As the .proto file describes it, written down a second time. */
function checksum(kvs: readonly KeyValue[]): number {
  const parts = kvs.flatMap(({ key, value }) => [lengthOf(key), key, lengthOf(value), value]);
  return crc32c(Buffer.concat(parts));
}

function lengthOf(content: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(content.length);
  return length;
}

export const bulkCases: Cases = {
  "chunks are acknowledged in order, each a revision of its own": async ({ client, namespace }) => {
    const chunks = Array.from({ length: 30 }, (_none, chunk) =>
      Array.from({ length: 20 }, (_same, at) => entry(`${String(chunk)}-${String(at)}`, "v")),
    );
    const acknowledged = await load(client, namespace, chunks);
    assert.deepEqual(
      acknowledged.map(({ chunkId, header }) => [Number(chunkId), Number(header?.revision)]),
      chunks.map((_chunk, at) => [at + 1, at + 1]),
    );
    const counted = await client.list({
      ...{ namespace, countOnly: true },
      range: { range: { $case: "all", value: true } },
    });
    assert.equal(counted.count, 600);
  },

  "a client may wait for each acknowledgement before it sends the next chunk": async ({
    client,
    namespace,
  }) => {
    const stream = client.bulkLoad();
    for (const chunkId of [1n, 2n, 3n]) {
      stream.write(
        BulkLoadRequest.fromPartial({ namespace, chunkId, kvs: [entry("a", String(chunkId))] }),
      );
      const [acknowledged] = (await once(stream, "data")) as [BulkLoadResponse];
      assert.equal(acknowledged.chunkId, chunkId);
      assert.equal(acknowledged.header?.revision, chunkId);
      const { kv } = await client.get({ namespace, key: bytes("a") });
      assert.equal(text(kv?.value), String(chunkId));
    }
    stream.end();
    await once(stream, "end");
  },

  "an empty load ends well, and an empty chunk is acknowledged without a revision": async ({
    client,
    namespace,
  }) => {
    assert.deepEqual(await load(client, namespace, []), []);
    const [one, none] = await load(client, namespace, [[entry("a")], []]);
    assert.equal(one?.header?.revision, 1n);
    assert.equal(none?.header?.revision, 1n);
  },

  "a key named twice in a chunk has its last value, and what a Scan returned can be loaded":
    async ({ client, namespace }) => {
      await load(client, namespace, [[entry("a", "1"), entry("b", "2"), entry("a", "3")]]);
      const scanned = await client.scan({
        namespace,
        range: { range: { $case: "all", value: true } },
      });
      const copy = `${namespace}-copy`;
      await load(client, copy, [scanned.flatMap(({ kvs }) => kvs)]);
      const { entries } = await client.batchGet({ namespace: copy, keys: ["a", "b"].map(bytes) });
      assert.deepEqual(
        entries.map(({ kv }) => text(kv?.value)),
        ["3", "2"],
      );
    },

  "a chunk with the right checksum is taken, one with another is not, nor what follows": async ({
    client,
    namespace,
  }) => {
    const kvs = [entry("a", "1"), entry("b")];
    const good = { namespace, chunkId: 1n, kvs, crc32c: checksum(kvs) };
    const bad = { namespace, chunkId: 2n, kvs: [entry("c", "2")], crc32c: checksum(kvs) };
    const after = { namespace, chunkId: 3n, kvs: [entry("d", "3")] };
    const requests = [good, bad, after].map((each) => BulkLoadRequest.fromPartial(each));
    const { acknowledged, refusal } = await loadRefused(client, requests);
    assert.deepEqual(acknowledged, [1]);
    assert.deepEqual(
      [refusal.code, refusal.reason],
      [statusCode.INVALID_ARGUMENT, "CHECKSUM_MISMATCH"],
    );
    assert.equal(refusal.metadata["chunk_id"], "2");
    const { entries } = await client.batchGet({ namespace, keys: ["a", "c", "d"].map(bytes) });
    assert.deepEqual(
      entries.map(({ kv }) => text(kv?.value)),
      ["1", undefined, undefined],
    );
  },

  "chunks that go back, or to another namespace, end the load": async ({ client, namespace }) => {
    const first = { namespace, chunkId: 5n, kvs: [entry("a")] };
    const abuses = [
      { abuse: { chunkId: 5n, kvs: [entry("b")] }, field: "chunk_id" },
      { abuse: { namespace: "another", chunkId: 6n, kvs: [entry("b")] }, field: "namespace" },
      { abuse: { chunkId: 6n, kvs: [entry("")] }, field: "kvs[0].key" },
    ];
    for (const { abuse, field } of abuses) {
      const requests = [first, abuse].map((each) => BulkLoadRequest.fromPartial(each));
      const { acknowledged, refusal } = await loadRefused(client, requests);
      assert.deepEqual(acknowledged, [5]);
      assert.deepEqual(refusal.fields, [field]);
    }
  },

  "a chunk sent again with its request_id is not written again": async ({ client, namespace }) => {
    const chunk = { namespace, chunkId: 1n, requestId: "chunk-1", kvs: [entry("a", "1")] };
    for (let attempt = 0; attempt < 2; attempt++) {
      const stream = client.bulkLoad();
      stream.end(BulkLoadRequest.fromPartial(chunk));
      const [acknowledged] = await collect<BulkLoadResponse>(stream);
      assert.equal(acknowledged?.header?.revision, 1n);
    }
    const { kv } = await client.get({ namespace, key: bytes("a") });
    assert.equal(kv?.version, 1n);
  },
};
