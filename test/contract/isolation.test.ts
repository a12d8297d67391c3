/**
 * A namespace is a world of its own: whatever is asked of one, with the keys, lease ids and request
 * ids of another, the other stays as it was, and nothing of it is told.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Duration } from "../../src/wire/google/protobuf/duration.js";
import { CompactRequest } from "../../src/wire/kvdb/v1/admin.js";
import * as kv from "../../src/wire/kvdb/v1/kv.js";
import * as lease from "../../src/wire/kvdb/v1/lease.js";
import * as namespaces from "../../src/wire/kvdb/v1/namespace.js";
import { KeyRange } from "../../src/wire/kvdb/v1/types.js";
import { answer, bytes, type ContractClient, collect } from "./client.js";
import { startInProcess } from "./in-process-runner.js";

const home = "home";
const namespace = "other";
const key = bytes("k");
const secret = "a value of the other world";
const leaseId = 7n;
const requestId = "once";
const range = KeyRange.fromPartial({ range: { $case: "all", value: true } });
const ttl = Duration.fromPartial({ seconds: 600n });
const put = { namespace, key, value: bytes("elsewhere"), requestId };

/** Each RPC that names a namespace, asked of the other one; a refusal is an answer, too. */
const calls: Readonly<Record<string, (client: ContractClient) => Promise<unknown>>> = {
  Get: (c) => c.get({ namespace, key }),
  BatchGet: (c) => c.batchGet({ namespace, keys: [key] }),
  List: (c) => c.list({ namespace, range }),
  Scan: (c) => c.scan({ namespace, range }),
  Watch: (c) =>
    firstOf(c.kv.watch(kv.WatchRequest.fromPartial({ namespace, range, startRevision: 1n }))),
  GetLease: (c) => askLease(c, "getLease", { namespace, leaseId }),
  ListLeases: (c) =>
    answer((done) => c.leases.listLeases(lease.ListLeasesRequest.fromPartial({ namespace }), done)),
  RevokeLease: (c) => askLease(c, "revokeLease", { namespace, leaseId }),
  KeepAliveLease: (c) => {
    const stream = c.leases.keepAliveLease();
    stream.end(lease.KeepAliveLeaseRequest.fromPartial({ namespace, leaseId }));
    return collect(stream);
  },
  Put: (c) => c.put(put),
  Increment: (c) => c.increment({ namespace, key: bytes("n"), delta: 5n, requestId: "count" }),
  Rename: (c) => c.rename({ namespace, key, newKey: bytes("k2") }),
  Txn: (c) =>
    c.txn({
      namespace,
      success: [
        kv.Operation.fromPartial({ operation: { $case: "get", value: { key } } }),
        kv.Operation.fromPartial({ operation: { $case: "deleteRange", value: { range } } }),
      ],
    }),
  BatchWrite: (c) =>
    c.batchWrite({
      namespace,
      ops: [kv.WriteOperation.fromPartial({ operation: { $case: "delete", value: { key } } })],
    }),
  Delete: (c) => c.delete({ namespace, key }),
  DeleteRange: (c) => c.deleteRange({ namespace, range }),
  Pipeline: (c) => {
    const stream = c.kv.pipeline();
    stream.write(
      kv.PipelineRequest.fromPartial({ id: 1n, operation: { $case: "put", value: put } }),
    );
    stream.end();
    return collect(stream);
  },
  BulkLoad: (c) => {
    const stream = c.kv.bulkLoad();
    stream.end(kv.BulkLoadRequest.fromPartial({ namespace, chunkId: 1n, kvs: [{ key }] }));
    return collect(stream);
  },
  GrantLease: (c) =>
    answer((done) =>
      c.leases.grantLease(lease.GrantLeaseRequest.fromPartial({ namespace, leaseId, ttl }), done),
    ),
  CreateNamespace: (c) =>
    answer((done) =>
      c.namespaces.createNamespace(
        namespaces.CreateNamespaceRequest.fromPartial({ namespace }),
        done,
      ),
    ),
  GetNamespace: (c) =>
    answer((done) =>
      c.namespaces.getNamespace(namespaces.GetNamespaceRequest.fromPartial({ namespace }), done),
    ),
  UpdateNamespace: (c) =>
    answer((done) =>
      c.namespaces.updateNamespace(
        namespaces.UpdateNamespaceRequest.fromPartial({
          namespace,
          settings: { quotaBytes: 1n, blockReads: true, blockWrites: true },
        }),
        done,
      ),
    ),
  Compact: (c) =>
    answer((done) =>
      c.admin.compact(CompactRequest.fromPartial({ namespace, revision: 1n }), done),
    ),
  DeleteNamespace: (c) =>
    answer((done) =>
      c.namespaces.deleteNamespace(
        namespaces.DeleteNamespaceRequest.fromPartial({ namespace }),
        done,
      ),
    ),
};

test("whatever is asked of one namespace, another stays as it was and is not told of", async (t) => {
  const { client } = await startInProcess(t);
  await answer((done) =>
    client.leases.grantLease(
      lease.GrantLeaseRequest.fromPartial({ namespace: home, leaseId, ttl }),
      done,
    ),
  );
  const expiry = { $case: "leaseId", value: leaseId } as const;
  await client.put({ namespace: home, key, value: bytes(secret), expiry, requestId });
  await client.increment({ namespace: home, key: bytes("n"), delta: 1n, requestId: "count" });
  await client.put({ namespace, key: bytes("own"), value: bytes("1") });
  const before = await contentsOf(client);
  for (const [name, ask] of Object.entries(calls)) {
    const told = await ask(client).catch((error: unknown) => error);
    assert.ok(!shown(told).includes(secret), `${name} tells of the other namespace`);
    assert.equal(await contentsOf(client), before, `${name} changed the other namespace`);
  }
  const asked = new Set(Object.keys(calls));
  const all = [kv.KvServiceService, lease.LeaseServiceService, namespaces.NamespaceServiceService]
    .flatMap((service) => Object.values(service as unknown as Record<string, { path: string }>))
    .map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  const missing = all.filter((name) => !asked.has(name));
  assert.deepEqual(missing, ["ListNamespaces"], "the one that is about all of them");
});

/** Entries with their revisions, the lease that holds, and the head of the home namespace. */
async function contentsOf(client: ContractClient): Promise<string> {
  const { header, kvs } = await client.list({ namespace: home, range });
  const request = lease.ListLeasesRequest.fromPartial({ namespace: home });
  const { leases } = await answer<lease.ListLeasesResponse>((done) =>
    client.leases.listLeases(request, done),
  );
  return shown({ revision: header?.revision, kvs, leases: leases.map((each) => each.leaseId) });
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part === "bigint") return String(part);
    const bytesOf = part as { readonly type?: string; readonly data?: number[] } | null;
    if (bytesOf?.type === "Buffer") return Buffer.from(bytesOf.data ?? []).toString("latin1");
    return part instanceof Uint8Array ? Buffer.from(part).toString("latin1") : part;
  });
}

type LeaseCall = { readonly namespace: string; readonly leaseId: bigint };

function askLease(
  client: ContractClient,
  name: "getLease" | "revokeLease",
  part: LeaseCall,
): Promise<unknown> {
  return name === "getLease"
    ? answer((done) => client.leases.getLease(lease.GetLeaseRequest.fromPartial(part), done))
    : answer((done) => client.leases.revokeLease(lease.RevokeLeaseRequest.fromPartial(part), done));
}

/** The first message of a watch, which then is left. */
function firstOf(stream: ReturnType<ContractClient["kv"]["watch"]>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    stream.once("data", (message: unknown) => {
      resolve(message);
      stream.cancel();
    });
    // After the cancellation nobody listens to it any more.
    stream.on("error", reject);
  });
}
