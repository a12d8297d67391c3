/** Entries that end: by a time of their own, and together with a lease. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { statusCode } from "../../../src/rpc/status-code.js";
import {
  GetLeaseRequest,
  type GetLeaseResponse,
  GrantLeaseRequest,
  type GrantLeaseResponse,
  KeepAliveLeaseRequest,
  type KeepAliveLeaseResponse,
  ListLeasesRequest,
  type ListLeasesResponse,
  RevokeLeaseRequest,
  type RevokeLeaseResponse,
} from "../../../src/wire/kvdb/v1/lease.js";
import { waitFor } from "../../support/wait.js";
import { answer, bytes, type ContractClient, refused, text } from "../client.js";
import type { Cases } from "../runner.js";

const seconds = (count: number): { seconds: bigint; nanos: number } => ({
  seconds: BigInt(count),
  nanos: 0,
});

function grant(
  client: ContractClient,
  part: Partial<GrantLeaseRequest>,
): Promise<GrantLeaseResponse> {
  return answer((done) => client.leases.grantLease(GrantLeaseRequest.fromPartial(part), done));
}

function revoke(
  client: ContractClient,
  part: Partial<RevokeLeaseRequest>,
): Promise<RevokeLeaseResponse> {
  return answer((done) => client.leases.revokeLease(RevokeLeaseRequest.fromPartial(part), done));
}

function getLease(
  client: ContractClient,
  part: Partial<GetLeaseRequest>,
): Promise<GetLeaseResponse> {
  return answer((done) => client.leases.getLease(GetLeaseRequest.fromPartial(part), done));
}

function listLeases(
  client: ContractClient,
  part: Partial<ListLeasesRequest>,
): Promise<ListLeasesResponse> {
  return answer((done) => client.leases.listLeases(ListLeasesRequest.fromPartial(part), done));
}

export const leaseCases: Cases = {
  "an entry with a time to live says when it ends, and ends": async ({ client, namespace }) => {
    const long = { namespace, key: bytes("long") };
    await client.put({ ...long, expiry: { $case: "ttl", value: seconds(3600) } });
    const { kv } = await client.get(long);
    assert.ok((kv?.expireTime?.seconds ?? 0n) > 1_600_000_000n);
    const key = bytes("short");
    const ttl = { seconds: 0n, nanos: 300_000_000 };
    await client.put({ namespace, key, expiry: { $case: "ttl", value: ttl } });
    await waitFor("the entry to end", async () => {
      const { kv: left } = await client.get({ namespace, key });
      return left === undefined ? true : undefined;
    });
  },

  "a moment that has passed makes the entry absent at once": async ({ client, namespace }) => {
    const key = bytes("past");
    await client.put({ namespace, key, value: bytes("1") });
    await client.put({ namespace, key, expiry: { $case: "expireTime", value: seconds(1000) } });
    assert.equal((await client.get({ namespace, key })).kv, undefined);
    const { kvs } = await client.list({
      namespace,
      range: { range: { $case: "all", value: true } },
    });
    assert.deepEqual(kvs, []);
  },

  "a put without a lifetime takes away the one there was": async ({ client, namespace }) => {
    const key = bytes("a");
    await client.put({ namespace, key, expiry: { $case: "ttl", value: seconds(3600) } });
    await client.put({ namespace, key, value: bytes("stays") });
    const { kv } = await client.get({ namespace, key });
    assert.deepEqual([text(kv?.value), kv?.expireTime, kv?.leaseId], ["stays", undefined, 0n]);
  },

  "keys bound to a lease end with it, as one revision": async ({ client, namespace }) => {
    const { lease } = await grant(client, { namespace, ttl: seconds(3600) });
    assert.ok(lease !== undefined && lease.leaseId !== 0n);
    for (const key of ["a", "b"]) {
      const expiry = { $case: "leaseId", value: lease.leaseId } as const;
      await client.put({ namespace, key: bytes(key), expiry });
    }
    await client.put({ namespace, key: bytes("free") });
    const held = await getLease(client, { namespace, leaseId: lease.leaseId, keys: true });
    assert.deepEqual(held.keys.map(text), ["a", "b"]);
    assert.equal(held.keyCount, 2);
    assert.ok((held.lease?.remainingTtl?.seconds ?? 0n) > 3000n);
    const { deletedCount, header } = await revoke(client, { namespace, leaseId: lease.leaseId });
    assert.equal(deletedCount, 2);
    assert.equal(header?.revision, 4n);
    const { kvs } = await client.list({
      namespace,
      range: { range: { $case: "all", value: true } },
    });
    assert.deepEqual(
      kvs.map(({ key }) => text(key)),
      ["free"],
    );
  },

  "a lease's id is the caller's if it says so, and is in use once": async ({
    client,
    namespace,
  }) => {
    const first = await grant(client, { namespace, leaseId: 77n, ttl: seconds(60) });
    assert.equal(first.lease?.leaseId, 77n);
    const again = await refused(grant(client, { namespace, leaseId: 77n, ttl: seconds(60) }));
    assert.deepEqual([again.code, again.reason], [statusCode.ALREADY_EXISTS, "LEASE_EXISTS"]);
    const elsewhere = await grant(client, {
      namespace: `${namespace}-2`,
      leaseId: 77n,
      ttl: seconds(60),
    });
    assert.equal(elsewhere.lease?.leaseId, 77n);
  },

  "a retried grant with the same request_id grants the same lease": async ({
    client,
    namespace,
  }) => {
    const request = { namespace, ttl: seconds(60), requestId: "grant-once" };
    const first = await grant(client, request);
    await client.put({ namespace, key: bytes("between") });
    const again = await grant(client, request);
    const { leases } = await listLeases(client, { namespace });
    assert.deepEqual([again.lease?.leaseId, leases.length], [first.lease?.leaseId, 1]);
  },

  "what names no lease is LEASE_NOT_FOUND, and 0 is no name": async ({ client, namespace }) => {
    await client.put({ namespace, key: bytes("a") });
    const calls: readonly (() => Promise<unknown>)[] = [
      () => revoke(client, { namespace, leaseId: 5n }),
      () => getLease(client, { namespace, leaseId: 5n }),
      () => client.put({ namespace, key: bytes("b"), expiry: { $case: "leaseId", value: 5n } }),
    ];
    for (const call of calls) {
      const refusal = await refused(call());
      assert.deepEqual([refusal.code, refusal.reason], [statusCode.NOT_FOUND, "LEASE_NOT_FOUND"]);
    }
    const zero = await refused(revoke(client, { namespace }));
    assert.deepEqual([zero.reason, zero.fields], ["LEASE_ID_INVALID", ["lease_id"]]);
    const over = await refused(grant(client, { namespace, leaseId: 2n ** 63n, ttl: seconds(60) }));
    assert.deepEqual([over.reason, over.fields], ["LEASE_ID_INVALID", ["lease_id"]]);
    const brief = await refused(
      grant(client, { namespace, ttl: { seconds: 0n, nanos: 999_000_000 } }),
    );
    assert.deepEqual([brief.reason, brief.fields], ["TTL_INVALID", ["ttl"]]);
    const unset = await refused(grant(client, { namespace }));
    assert.deepEqual([unset.reason, unset.fields], ["FIELD_MISSING", ["ttl"]]);
  },

  "leases are kept alive over one stream, and one that is gone is answered without": async ({
    client,
    namespace,
  }) => {
    await grant(client, { namespace, leaseId: 1n, ttl: seconds(60) });
    const stream = client.leases.keepAliveLease();
    for (const leaseId of [1n, 2n]) {
      stream.write(KeepAliveLeaseRequest.fromPartial({ namespace, leaseId }));
      const [kept] = (await once(stream, "data")) as [KeepAliveLeaseResponse];
      assert.equal(kept.leaseId, leaseId);
      assert.equal(kept.lease?.leaseId, leaseId === 1n ? 1n : undefined);
    }
    stream.end();
    await once(stream, "end");
  },

  "leases are listed in the order of their ids, page by page": async ({ client, namespace }) => {
    const ids = [2n ** 40n, 1n, 300n, 2n, 2n ** 63n - 1n];
    for (const leaseId of ids) await grant(client, { namespace, leaseId, ttl: seconds(60) });
    const listed: bigint[] = [];
    let pageToken = "";
    do {
      const page = await listLeases(client, { namespace, pageSize: 2, pageToken });
      listed.push(...page.leases.map(({ leaseId }) => leaseId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    assert.deepEqual(listed, [1n, 2n, 300n, 2n ** 40n, 2n ** 63n - 1n]);
  },
};
