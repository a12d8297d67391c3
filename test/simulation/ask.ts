/** A call of the model, put to an engine; the answer in the words of the oracle. */
import assert from "node:assert/strict";
import { EngineError } from "../../src/storage/errors.js";
import type { CheckpointMode } from "../../src/storage/maintenance.js";
import type { Header, Namespace, Revision } from "../../src/storage/model.js";
import type { CallLimits, StorageEngine } from "../../src/storage/storage-engine.js";
import {
  isMutation,
  type LeaseRead,
  type ListCall,
  type Mutation,
  type NamespaceCall,
  type PointCall,
  type ScanCall,
} from "../model/calls.js";
import { modelInfo } from "../model/engine-store-calls.js";
import { maskedSettings, type Truth } from "../model/oracle.js";
import { patient, wholePage } from "../support/temp-engine.js";

export type SimulatedCall =
  | Mutation
  | PointCall
  | ListCall
  | ScanCall
  | LeaseRead
  | NamespaceCall
  | { readonly rpc: "Checkpoint"; readonly mode: CheckpointMode };

/** What the model cannot say: it happened or it did not. */
export type SimulatedAnswer = Truth | { readonly kind: "unknown" };

/** Of the history that every answer must name. */
export interface Identity {
  readonly epoch: bigint;
  readonly storeId: string;
}

/** Rejects with what is no refusal. The engine is called before this returns. */
export async function ask(
  engine: StorageEngine,
  call: SimulatedCall,
  limits: CallLimits,
  identity: Identity,
): Promise<SimulatedAnswer> {
  try {
    return await answered(engine, call, limits, identity);
  } catch (error) {
    if (error instanceof EngineError) return { kind: "refused", reason: error.kind };
    throw error;
  }
}

async function answered(
  engine: StorageEngine,
  call: SimulatedCall,
  limits: CallLimits,
  identity: Identity,
): Promise<SimulatedAnswer> {
  if (isMutation(call)) return commit(engine, call, limits, identity);
  switch (call.rpc) {
    case "Get":
    case "BatchGet": {
      const { namespace, keys, at, keysOnly } = call;
      const read = { keys, at: at as Revision | undefined, keysOnly };
      const { header, entries } = await engine.get(namespace, read, patient);
      return { kind: "points", namespace, revision: revisionOf(header, identity), entries };
    }
    case "List":
      return list(engine, call, identity);
    case "Scan":
      return scan(engine, call, identity);
    case "GetLease":
    case "ListLeases":
      return lease(engine, call, identity);
    case "CreateNamespace": {
      const info = await engine.namespaces.create(call.namespace, call.settings);
      return { kind: "namespaces", namespaces: [modelInfo(info)] };
    }
    case "GetNamespace":
      return { kind: "namespaces", namespaces: [modelInfo(engine.namespaces.get(call.namespace))] };
    case "UpdateNamespace": {
      const settings = maskedSettings(call.settings, call.mask);
      const info = await engine.namespaces.update(call.namespace, settings);
      return { kind: "namespaces", namespaces: [modelInfo(info)] };
    }
    case "Compact": {
      const { namespace, upTo } = call;
      const { oldest } = await engine.maintenance.compact(namespace, upTo as Revision);
      return { kind: "compacted", oldest };
    }
    case "DeleteNamespace":
      return { kind: "deleted", ...(await engine.namespaces.delete(call.namespace)) };
    case "Checkpoint":
      await engine.maintenance.checkpoint(call.mode);
      return { kind: "sound" };
  }
}

async function commit(
  engine: StorageEngine,
  { namespace, requestId, body }: Mutation,
  limits: CallLimits,
  identity: Identity,
): Promise<SimulatedAnswer> {
  const request = { namespace, principal: undefined, requestId, body };
  const outcome = await engine.commit(request, limits);
  if (outcome.kind === "refused") return { kind: "refused", reason: outcome.refusal.kind };
  if (outcome.kind === "unknown") return { kind: "unknown" };
  assert.ok(outcome.kind === "ok", outcome.kind);
  const revision = revisionOf(outcome.header, identity);
  return { kind: "committed", namespace, revision, value: outcome.value };
}

async function list(
  engine: StorageEngine,
  call: ListCall,
  identity: Identity,
): Promise<SimulatedAnswer> {
  const { namespace, range, reverse, keysOnly, countOnly: count, at } = call;
  const rowsMax = count ? 1 : call.pageSize;
  const read = { ...wholePage, range, reverse, keysOnly, count, at: at as Revision, rowsMax };
  const page = await engine.list(namespace, read, patient);
  const revision = revisionOf(page.header, identity);
  const entries = count ? [] : page.entries;
  const found = { entries, more: !count && page.more, count: page.count ?? entries.length };
  return { kind: "page", namespace, revision, ...found };
}

async function scan(
  engine: StorageEngine,
  { namespace, range, reverse, keysOnly, at }: ScanCall,
  identity: Identity,
): Promise<SimulatedAnswer> {
  const read = { range, reverse, keysOnly, at: at as Revision, after: undefined };
  const entries = [];
  let revision = 0n;
  for await (const page of engine.scan(namespace, read, "simulation", patient)) {
    entries.push(...page.entries);
    revision = revisionOf(page.header, identity);
  }
  return { kind: "page", namespace, revision, entries, more: false, count: entries.length };
}

function lease(engine: StorageEngine, call: LeaseRead, identity: Identity): SimulatedAnswer {
  const { namespace } = call;
  if (call.rpc === "ListLeases") {
    const page = { after: 0n, rowsMax: 1_000 };
    const { header, leases } = engine.leases.list(namespace, page);
    return { kind: "leases", namespace, revision: revisionOf(header, identity), leases };
  }
  const found = engine.leases.get(namespace, call.leaseId, call.keys ? 1_000 : 0);
  const revision = revisionOf(found.header, identity);
  if (found.info === undefined) return { kind: "refused", reason: "lease-not-found" };
  return { kind: "lease", namespace, revision, ...found.info };
}

/** Answered by the main thread, unless it is too much for it. */
export function isRead(call: SimulatedCall): call is SimulatedCall & {
  rpc: "Get" | "BatchGet" | "GetLease" | "ListLeases" | "GetNamespace";
} {
  return ["Get", "BatchGet", "GetLease", "ListLeases", "GetNamespace"].includes(call.rpc);
}

/** What an operator may keep callers from. */
export function isBlockable(call: SimulatedCall): call is SimulatedCall & {
  readonly namespace: Namespace;
} {
  if (isMutation(call)) return false;
  return ["Get", "BatchGet", "List", "Scan", "GetLease", "ListLeases"].includes(call.rpc);
}

function revisionOf({ epoch, storeId, revision }: Header, identity: Identity): bigint {
  assert.deepEqual({ epoch, storeId }, { epoch: identity.epoch, storeId: identity.storeId });
  return revision;
}
