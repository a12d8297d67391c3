/** Calls about the whole store over the wire: what is known of the answer, and what must hold in it. */
import assert from "node:assert/strict";
import * as admin from "../../src/wire/kvdb/v1/admin.js";
import type { StoreCall } from "./calls.js";
import type { Identity } from "./wire-answers.js";
import type { WireClient } from "./wire-client.js";

const checkpointModes = { passive: 1, full: 2, restart: 3, truncate: 4 } as const;
const integrityModes = { quick: 1, full: 2, checksum: 3, all: 4 } as const;
const logLevels = { error: 1, warn: 2, info: 3, debug: 4 } as const;

const sound = { sound: true };

type Listed = Exclude<StoreCall, { readonly rpc: "ListNamespaces" }>;

export async function askStore(
  client: WireClient,
  call: Listed,
  identity: Identity,
): Promise<unknown> {
  switch (call.rpc) {
    case "GetStatus":
      return status(await client.unary(call.rpc, {}), identity);
    case "SetLogLevel": {
      const request = { level: logLevels[call.level] };
      const answer = await client.unary<admin.SetLogLevelResponse>(call.rpc, request);
      return { previousLevel: levelOf(answer.previousLevel), level: levelOf(answer.level) };
    }
    case "GetPragmaStatus": {
      const { connections } = await client.unary<admin.GetPragmaStatusResponse>(call.rpc, {});
      assert.ok(connections.length >= 3, "the writer, the point reader and a reader");
      const drifted = connections.flatMap(({ pragmas }) => pragmas.filter(({ drift }) => drift));
      assert.deepEqual(drifted, []);
      return sound;
    }
    case "GetWalStatus": {
      const wal = await client.unary<admin.GetWalStatusResponse>(call.rpc, {});
      assert.ok(wal.framesBackfilled <= wal.frames);
      assert.equal(wal.limitState, admin.WalLimitState.WAL_LIMIT_STATE_OK);
      return sound;
    }
    case "GetIntegrityReport": {
      const { report } = await client.unary<admin.GetIntegrityReportResponse>(call.rpc, {});
      if (report !== undefined) assertPassed(report);
      return sound;
    }
    case "Checkpoint":
      return checkpoint(client, checkpointModes[call.mode]);
    case "CheckIntegrity": {
      const request = { mode: integrityModes[call.mode] };
      const steps = await client.collect<admin.CheckIntegrityResponse>(call.rpc, request);
      const last = steps.at(-1)?.result;
      assert.ok(last?.$case === "report", "a check ends with its report");
      assertPassed(last.value);
      return sound;
    }
    case "Vacuum": {
      const steps = await client.collect<admin.VacuumResponse>(call.rpc, {});
      assert.equal(steps.at(-1)?.done, true, "a vacuum that nobody ends is finished");
      return sound;
    }
    case "Drain":
    case "Resume":
      return move(client, call.rpc);
    case "WatchEvents":
      return firstEvent(client);
  }
}

function status(answer: admin.GetStatusResponse, identity: Identity): unknown {
  const { epoch, nodeId, storeId, state, alarms, namespaceHeads } = answer;
  assert.deepEqual({ epoch, nodeId, storeId }, identity);
  assert.equal(state, admin.EngineState.ENGINE_STATE_SERVING);
  assert.deepEqual(alarms, []);
  return namespaceHeads;
}

function levelOf(level: number): string {
  const names = Object.keys(logLevels) as (keyof typeof logLevels)[];
  return names.find((name) => logLevels[name] === level) ?? `level ${level}`;
}

function assertPassed({ verdict, messages }: admin.IntegrityReport): void {
  assert.deepEqual(messages, []);
  assert.equal(verdict, admin.IntegrityVerdict.INTEGRITY_VERDICT_PASSED);
}

async function checkpoint(client: WireClient, mode: admin.CheckpointMode): Promise<unknown> {
  const record = await client.unary<admin.CheckpointResponse>("Checkpoint", { mode });
  assert.equal(record.modeRequested, mode);
  assert.ok(record.framesMoved <= record.framesTotal, "no more was moved than there is");
  assert.notEqual(record.outcome, admin.CheckpointOutcome.CHECKPOINT_OUTCOME_FAILED);
  return sound;
}

async function move(client: WireClient, rpc: "Drain" | "Resume"): Promise<unknown> {
  const request = rpc === "Drain" ? { reason: "the model asks for it" } : {};
  const { state } = await client.unary<{ readonly state: number }>(rpc, request);
  const { ENGINE_STATE_DRAINING: draining, ENGINE_STATE_SERVING: serving } = admin.EngineState;
  assert.equal(state, rpc === "Drain" ? draining : serving);
  return sound;
}

/** The backlog begins with what the process did first: there is always something. */
async function firstEvent(client: WireClient): Promise<unknown> {
  const request = { afterSequence: 0n, kinds: [] };
  const stream = client.serverStream<admin.WatchEventsResponse>("WatchEvents", request);
  const event = await new Promise<admin.EngineEvent | undefined>((resolve, reject) => {
    stream.once("data", (response: admin.WatchEventsResponse) => {
      resolve(response.event);
    });
    stream.on("error", reject);
  });
  stream.cancel();
  assert.equal(event?.sequence, 1, "events are numbered from 1 in each process");
  return sound;
}
