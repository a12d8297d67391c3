/**
 * What clients do all day, over a bounded set of keys: everything that could leak if it were not
 * given back. Each client connects, watches, scans, leases and writes, and lets go of all of it.
 */
import { randomUUID } from "node:crypto";
import type { Random } from "../../src/foundation/random.js";
import { Duration } from "../../src/wire/google/protobuf/duration.js";
import * as kv from "../../src/wire/kvdb/v1/kv.js";
import {
  GrantLeaseRequest,
  type GrantLeaseResponse,
  RevokeLeaseRequest,
} from "../../src/wire/kvdb/v1/lease.js";
import { KeyRange } from "../../src/wire/kvdb/v1/types.js";
import { answer, bytes, ContractClient } from "../contract/client.js";

const keys = 500;
const valueBytes = 512;
const callsPerLife = 40;
const everything = KeyRange.fromPartial({ range: { $case: "all", value: true } });

/** One client's life, from its connection to its end. */
export async function oneClientsLife(address: string, random: Random): Promise<void> {
  const goodbyes: (() => void | Promise<void>)[] = [];
  const client = new ContractClient({ after: (run) => goodbyes.push(run) }, address);
  const watch = client.kv.watch(kv.WatchRequest.fromPartial({ range: everything }));
  // It ends with its cancellation, which is no failure here.
  watch.on("error", () => undefined);
  watch.resume();
  try {
    const granted = GrantLeaseRequest.fromPartial({ ttl: Duration.fromPartial({ seconds: 60n }) });
    const { lease } = await answer<GrantLeaseResponse>((done) =>
      client.leases.grantLease(granted, done),
    );
    for (let call = 0; call < callsPerLife; call++) await oneCall(client, random);
    await client.scan({ range: everything });
    const revoked = RevokeLeaseRequest.fromPartial({ leaseId: lease?.leaseId ?? 0n });
    await answer((done) => client.leases.revokeLease(revoked, done));
  } finally {
    watch.cancel();
    for (const goodbye of goodbyes) await goodbye();
  }
}

function oneCall(client: ContractClient, random: Random): Promise<unknown> {
  const key = bytes(`key-${String(random.below(keys))}`);
  const value = random.bytes(valueBytes);
  switch (random.below(6)) {
    case 0:
      return client.get({ key });
    case 1:
      return client.delete({ key });
    case 2:
      return client.increment({ key: bytes("counter"), delta: 1n, requestId: randomUUID() });
    case 3:
      return client.list({ range: everything, pageSize: 50 });
    case 4: {
      const put = kv.PutOperation.fromPartial({ key, value });
      return client.txn({
        success: [kv.Operation.fromPartial({ operation: { $case: "put", value: put } })],
      });
    }
    default:
      return client.put({ key, value });
  }
}
