/** What the model has found in the product, as the few steps that show it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import type { Compare, Key, LeaseId, Namespace, Operation } from "../../src/storage/model.js";
import type { NamespaceSettings } from "../../src/storage/namespaces.js";
import { TempEngine } from "../support/temp-engine.js";
import type { Call, Mutation } from "./calls.js";
import { EnginePort } from "./engine-port.js";
import { History } from "./history.js";
import type { Truth } from "./oracle.js";

const namespace = "found" as Namespace;
const key = Uint8Array.of(0x61) as Key;
const span = { kind: "key", key } as const;
const clock = new ManualClock();
const put: Operation = {
  kind: "put",
  key,
  value: Uint8Array.of(0xff),
  expiry: { kind: "never" },
  returnPrevious: false,
};
const past: Operation = { ...put, expiry: { kind: "at", atMs: clock.wallMs() - 1 } };
const exists: Compare = {
  span,
  relation: "greater",
  operand: { of: "version", value: 0n },
};

function created(settings: Partial<NamespaceSettings>): Call {
  return { rpc: "CreateNamespace", namespace, settings };
}

function mutation(rpc: Mutation["rpc"], body: Partial<Mutation["body"]>): Mutation {
  const whole = { compares: [], success: [], failure: [], ...body };
  return { rpc, namespace, requestId: undefined, condition: undefined, body: whole };
}

const increment: Operation = { kind: "increment", key, delta: 2n, initial: -1n };
const blocked: Truth = { kind: "refused", reason: "namespace-blocked" };

const found: readonly {
  readonly what: string;
  readonly calls: readonly Call[];
  /** Of the last call. */
  readonly truth?: Truth;
}[] = [
  {
    what: "a transaction that only writes when its compares fail is blocked as every write",
    calls: [
      created({ blockWrites: true }),
      mutation("Txn", { compares: [exists], failure: [put] }),
    ],
    truth: blocked,
  },
  {
    what: "an empty batch is blocked as every write",
    calls: [created({ blockWrites: true }), mutation("BatchWrite", {})],
    truth: blocked,
  },
  {
    what: "a request does not see what it has itself written with a moment that has passed",
    calls: [created({}), mutation("BatchWrite", { success: [past, increment] })],
  },
  {
    what: "a request deletes no key that it has itself written with a moment that has passed",
    calls: [
      created({}),
      mutation("BatchWrite", { success: [past, { kind: "delete", span, returnPrevious: true }] }),
    ],
  },
  {
    what: "leases are not read where reads are blocked",
    calls: [
      created({ blockReads: true }),
      mutation("GrantLease", {
        success: [{ kind: "lease-grant", leaseId: 1n as LeaseId, ttlMs: 60_000 }],
      }),
      { rpc: "GetLease", namespace, leaseId: 1n as LeaseId, keys: true },
    ],
    truth: blocked,
  },
  {
    what: "a transaction does not read where reads are blocked",
    calls: [created({ blockReads: true }), mutation("Txn", { failure: [{ kind: "get", key }] })],
    truth: blocked,
  },
  {
    what: "a list of leases is not read where reads are blocked",
    calls: [created({ blockReads: true }), { rpc: "ListLeases", namespace, pageSize: 3 }],
    truth: blocked,
  },
];

for (const { what, calls, truth } of found) {
  test(what, async (t) => {
    const temp = await TempEngine.open(t, { clock });
    const history = new History(new EnginePort(temp, clock));
    let last: Truth | undefined;
    for (const call of calls) last = await history.call(call);
    assert.ok(history.operations === calls.length && last !== undefined, "each was answered");
    if (truth !== undefined) assert.deepEqual(last, truth);
  });
}
