/**
 * A request that meets a damaged row is refused by itself and leaves nothing of it behind, whatever
 * it would have written before it came to that row.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  LeaseId,
  Namespace,
  Operation,
  RequestId,
  TxnRequest,
} from "../../../../src/storage/model.js";
import { StateOnFile, startMs } from "../../../support/state-on-file.js";
import { keyOf, okOf, putOf } from "../../../support/temp-engine.js";

const [damaged, sound] = ["damaged", "sound"] as const;
const [held, granted] = [7n as LeaseId, 8n as LeaseId];

function requestOf(namespace: string, success: readonly Operation[], id: string): TxnRequest {
  const body = { compares: [], success, failure: [] };
  const requestId = id as RequestId;
  return { namespace: namespace as Namespace, principal: undefined, requestId, body };
}

function bound(key: string, leaseId: LeaseId): Operation {
  return putOf(key, "bound", { kind: "lease", leaseId });
}

/** Two namespaces that keep history, with the same content; the damaged one has the number 1. */
async function openStore(t: TestContext): Promise<StateOnFile> {
  const onFile = StateOnFile.open(t);
  const { store } = onFile;
  for (const name of [damaged, sound]) {
    store.transact(() => {
      const row = store.state.namespaces.fresh(name as Namespace, startMs, { historyReads: true });
      store.state.namespaces.stage(row);
      store.past.begin(row.id, row.head);
    });
    const rows: Operation[] = [
      { kind: "lease-grant", leaseId: held, ttlMs: 60_000 },
      putOf("key", "1"),
      bound("bound", held),
    ];
    const [first] = await onFile.commit([requestOf(name, rows, "known")]);
    assert.ok(first !== undefined);
    okOf(first);
  }
  return onFile;
}

/** Every row of the damaged namespace, table by table. */
function contentOf({ store }: StateOnFile): unknown {
  const tables = ["namespace", "kv", "past", "past_span", "lease", "log", "log_span", "ledger"];
  return tables.map((table) => {
    const column = table === "namespace" ? "id" : "ns";
    const rows = store.connection.prepare(`SELECT * FROM "${table}" WHERE ${column} = 1`);
    return [table, rows.safeIntegers(true).all()];
  });
}

/** Each of them writes leases, rows and its id, where nothing is damaged. */
const asked: readonly { readonly what: string; readonly operations: readonly Operation[] }[] = [
  {
    what: "a lease that is granted, and keys written under it",
    operations: [
      { kind: "lease-grant", leaseId: granted, ttlMs: 60_000 },
      bound("key", granted),
      bound("bound", granted),
      bound("new", granted),
    ],
  },
  { what: "a lease that is revoked", operations: [{ kind: "lease-revoke", leaseId: held }] },
  {
    what: "a lease that is kept alive, and its key renamed over another one",
    operations: [
      { kind: "lease-keep-alive", leaseId: held },
      { kind: "rename", from: keyOf("bound"), to: keyOf("key"), overwrite: true },
    ],
  },
];

/** Made by the writer's own connection, or it would be another program's write. */
const damages = [
  { of: "past_span", sql: "UPDATE past_span SET bytes = bytes + 1 WHERE ns = 1", id: "new" },
  { of: "log_span", sql: "UPDATE log_span SET bytes = bytes + 1 WHERE ns = 1", id: "new" },
  {
    of: "kv",
    sql: "UPDATE kv SET version = version + 1 WHERE ns = 1 AND lease_id IS NOT NULL",
    id: "new",
  },
  { of: "lease", sql: "UPDATE lease SET ttl_ms = ttl_ms + 1 WHERE ns = 1", id: "new" },
  { of: "ledger", sql: "UPDATE ledger SET rev = rev + 1 WHERE ns = 1", id: "known" },
] as const;

for (const { of, sql, id } of damages) {
  for (const { what, operations } of asked) {
    test(`${what}: refused by a damaged row of ${of}, it leaves nothing`, async (t) => {
      const onFile = await openStore(t);
      onFile.store.connection.exec(sql);
      const before = contentOf(onFile);
      const refused = requestOf(damaged, operations, id);
      // The one between them is committed; of the other two nothing may go with it.
      const between = requestOf(sound, operations, "new");
      for (const group of [[refused], [refused, between, refused]]) {
        const outcomes = await onFile.commit(group, startMs + 1);
        for (const [at, outcome] of outcomes.entries()) {
          if (group[at] === between) okOf(outcome);
          else assert.ok(outcome.kind === "refused" && outcome.refusal.kind === "corrupt");
        }
        assert.deepEqual(contentOf(onFile), before);
      }
    });
  }
}
