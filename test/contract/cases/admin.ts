/** Namespaces and administration: what can be asked of a running server, measured as it is asked. */
import assert from "node:assert/strict";
import { statusCode } from "../../../src/rpc/status-code.js";
import * as admin from "../../../src/wire/kvdb/v1/admin.js";
import {
  CreateNamespaceRequest,
  type CreateNamespaceResponse,
  GetNamespaceRequest,
  type GetNamespaceResponse,
  ListNamespacesRequest,
  type ListNamespacesResponse,
} from "../../../src/wire/kvdb/v1/namespace.js";
import { answer, bytes, type ContractClient, collect, refused } from "../client.js";
import type { Cases } from "../runner.js";

function status(client: ContractClient): Promise<admin.GetStatusResponse> {
  return answer((done) => client.admin.getStatus({}, done));
}

function checkpoint(
  client: ContractClient,
  mode: admin.CheckpointMode,
): Promise<admin.CheckpointResponse> {
  return answer((done) => client.admin.checkpoint({ mode }, done));
}

export const adminCases: Cases = {
  "the status names versions, state, sizes, limits and the head of each namespace": async ({
    client,
    namespace,
  }) => {
    await client.put({ namespace, key: bytes("a"), value: bytes("1") });
    const found = await status(client);
    assert.equal(found.state, admin.EngineState.ENGINE_STATE_SERVING);
    assert.match(found.versions?.sqlite ?? "", /^3\.\d+\.\d+/);
    assert.notEqual(found.versions?.kvdb ?? "", "");
    assert.ok((found.sizes?.databaseBytes ?? 0) > 0);
    assert.ok((found.sizes?.diskFreeBytes ?? 0) > 0);
    assert.equal(found.limits?.keyBytesMax, 4096);
    assert.equal(found.limits.valueBytesMax, 1024 * 1024);
    assert.ok(found.limits.walBytesHard > found.limits.walBytesSoft);
    const head = found.namespaceHeads.find((each) => each.namespace === namespace);
    assert.equal(head?.revision, 1n);
    assert.equal(found.recovery?.createdNew, true);
    assert.ok(found.recovery.steps.length > 0);
    assert.notEqual(found.scrubber?.state, admin.ScrubberState.SCRUBBER_STATE_UNSPECIFIED);
    assert.ok((found.scrubber?.stepsTotal ?? 0) > (found.scrubber?.step ?? 0));
    assert.equal(found.scrubber?.findings, 0);
    const { header } = await client.get({ namespace, key: bytes("a") });
    assert.deepEqual(
      [header?.storeId, header?.nodeId, header?.epoch],
      [found.storeId, found.nodeId, found.epoch],
    );
  },

  "the pragmas are read on each connection, and none has drifted": async ({ client }) => {
    const found = await answer<admin.GetPragmaStatusResponse>((done) =>
      client.admin.getPragmaStatus({}, done),
    );
    const roles = found.connections.map(({ role }) => role);
    assert.equal(
      roles.filter((role) => role === admin.ConnectionRole.CONNECTION_ROLE_WRITER).length,
      1,
    );
    assert.ok(roles.includes(admin.ConnectionRole.CONNECTION_ROLE_READER));
    for (const { name, pragmas } of found.connections) {
      assert.ok(pragmas.length > 0, `${name} has managed pragmas`);
      assert.deepEqual(
        pragmas.filter(({ drift }) => drift),
        [],
      );
    }
    assert.ok(found.compileOptions.length > 0);
  },

  "a checkpoint moves what was written, and stands first in the status of the WAL": async ({
    client,
    namespace,
  }) => {
    await client.put({ namespace, key: bytes("a"), value: new Uint8Array(100_000) });
    const before = await answer<admin.GetWalStatusResponse>((done) =>
      client.admin.getWalStatus({}, done),
    );
    assert.ok(before.walBytes > 0 && before.frames > before.framesBackfilled);
    const done = await checkpoint(client, admin.CheckpointMode.CHECKPOINT_MODE_TRUNCATE);
    assert.equal(done.outcome, admin.CheckpointOutcome.CHECKPOINT_OUTCOME_TRUNCATED);
    assert.equal(done.source, admin.CheckpointSource.CHECKPOINT_SOURCE_MANUAL);
    assert.equal(done.walBytesAfter, 0);
    assert.ok(done.framesTotal > 0);
    const after = await answer<admin.GetWalStatusResponse>((got) =>
      client.admin.getWalStatus({}, got),
    );
    assert.equal(after.walBytes, 0);
    assert.deepEqual(after.checkpoints[0], done);
    const { kv } = await client.get({ namespace, key: bytes("a") });
    assert.equal(kv?.value.length, 100_000);
  },

  "a mode or level that the server does not know is refused by name": async ({ client }) => {
    const calls: readonly [string, () => Promise<unknown>][] = [
      ["mode", () => checkpoint(client, 99 as admin.CheckpointMode)],
      ["mode", () => collect(client.admin.checkIntegrity({ mode: 99 as admin.IntegrityMode }))],
      ["level", () => answer((done) => client.admin.setLogLevel({ level: 0 }, done))],
      ["kinds", () => collect(client.admin.watchEvents({ afterSequence: 0n, kinds: [0] }))],
    ];
    for (const [field, call] of calls) {
      const refusal = await refused(call());
      assert.equal(refusal.code, statusCode.INVALID_ARGUMENT);
      assert.deepEqual([refusal.reason, refusal.fields], ["ARGUMENT_INVALID", [field]]);
    }
  },

  "an integrity check ends with one report, which is kept": async ({ client, namespace }) => {
    await client.put({ namespace, key: bytes("a"), value: bytes("1") });
    const steps = await collect<admin.CheckIntegrityResponse>(
      client.admin.checkIntegrity({ mode: admin.IntegrityMode.INTEGRITY_MODE_ALL }),
    );
    const reports = steps.flatMap(({ result }) => (result?.$case === "report" ? result.value : []));
    const [report] = reports;
    assert.equal(reports.length, 1);
    assert.equal(steps.at(-1)?.result?.$case, "report");
    assert.equal(report?.verdict, admin.IntegrityVerdict.INTEGRITY_VERDICT_PASSED);
    assert.deepEqual(report.messages, []);
    assert.ok(report.rowsChecked > 0);
    const kept = await answer<admin.GetIntegrityReportResponse>((done) =>
      client.admin.getIntegrityReport({}, done),
    );
    assert.deepEqual(kept.report, report);
  },

  "events are streamed from the backlog on, numbered without gaps": async ({ client }) => {
    await checkpoint(client, admin.CheckpointMode.CHECKPOINT_MODE_PASSIVE);
    const stream = client.admin.watchEvents({ afterSequence: 0n, kinds: [] });
    const sequences: number[] = [];
    try {
      for await (const message of stream) {
        const { event } = message as admin.WatchEventsResponse;
        sequences.push(event?.sequence ?? 0);
        if (event?.kind === admin.EngineEventKind.ENGINE_EVENT_KIND_CHECKPOINT) break;
      }
    } finally {
      stream.cancel();
    }
    assert.ok(sequences.length > 0);
    assert.deepEqual(
      sequences,
      sequences.map((_sequence, at) => (sequences[0] ?? 0) + at),
    );
  },

  "a namespace is made with its settings, and once": async ({ client, namespace }) => {
    const settings = { historyReads: true, quotaKeys: 3n, blockReason: "" };
    const create = (): Promise<CreateNamespaceResponse> =>
      answer((done) =>
        client.namespaces.createNamespace(
          CreateNamespaceRequest.fromPartial({ namespace, settings }),
          done,
        ),
      );
    const { namespace: made } = await create();
    assert.equal(made?.name, namespace);
    assert.deepEqual(
      [made.settings?.historyReads, made.settings?.quotaKeys, made.settings?.quotaBytes],
      [true, 3n, 0n],
    );
    const again = await refused(create());
    assert.deepEqual([again.code, again.reason], [statusCode.ALREADY_EXISTS, "NAMESPACE_EXISTS"]);
    for (const key of ["a", "b", "c"]) await client.put({ namespace, key: bytes(key) });
    const over = await refused(client.put({ namespace, key: bytes("d") }));
    assert.deepEqual([over.code, over.reason], [statusCode.RESOURCE_EXHAUSTED, "QUOTA"]);
    assert.ok(over.kinds.includes("QuotaFailure") && over.retryMs !== undefined);
    const found = await answer<GetNamespaceResponse>((done) =>
      client.namespaces.getNamespace(GetNamespaceRequest.fromPartial({ namespace }), done),
    );
    assert.equal(found.namespace?.stats?.keys, 3);
    assert.equal(found.namespace.stats.headRevision, 3n);
  },

  "namespaces are listed in the order of their names, page by page": async ({
    client,
    namespace,
  }) => {
    const names = ["c", "a", "b"].map((each) => `${namespace}-${each}`);
    for (const name of names) await client.put({ namespace: name, key: bytes("k") });
    const listed: string[] = [];
    let pageToken = "";
    do {
      const request = ListNamespacesRequest.fromPartial({ pageSize: 2, pageToken });
      const page = await answer<ListNamespacesResponse>((done) =>
        client.namespaces.listNamespaces(request, done),
      );
      listed.push(...page.namespaces.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    assert.deepEqual(listed, listed.toSorted());
    for (const name of names) assert.equal(listed.filter((each) => each === name).length, 1);
  },
};
