/**
 * Questions as the requests of the API, and what its answers say, for whichever way they travel:
 * one call each, or many in a message of a pipeline.
 */
import * as wire from "../../src/wire/kvdb/v1/kv.js";
import type { Condition, KeyValue } from "../../src/wire/kvdb/v1/types.js";
import { bytes, type Refused } from "../contract/client.js";
import {
  type KeyAndValue,
  type Question,
  seenBatch,
  seenCas,
  seenDeleted,
  seenEntries,
  seenPut,
  seenTxn,
} from "./questions.js";
import { type Answer, absentEntry, type Reply, type SeenEntry } from "./store.js";

export const namespace = "history";

export type WireOperation = NonNullable<wire.PipelineOperation["operation"]>;
export type WireResult = NonNullable<wire.PipelineResult["result"]>;
type Asked<Kind extends Question["kind"]> = Question & { readonly kind: Kind };

export function operationOf(question: Question): WireOperation {
  switch (question.kind) {
    case "get":
    case "past": {
      const revision = question.kind === "past" ? question.revision : undefined;
      const key = bytes(question.key);
      return { $case: "get", value: { namespace, key, revision, keysOnly: false } };
    }
    case "list": {
      const range = { range: { $case: "prefix" as const, value: bytes(question.object) } };
      return { $case: "list", value: wire.ListRequest.fromPartial({ namespace, range }) };
    }
    case "put":
    case "cas":
      return { $case: "put", value: putRequestOf(question) };
    case "delete": {
      const value = wire.DeleteRequest.fromPartial({ namespace, key: bytes(question.key) });
      return { $case: "delete", value };
    }
    case "increment": {
      const part = { namespace, key: bytes(question.key), delta: question.delta };
      return { $case: "increment", value: wire.IncrementRequest.fromPartial(part) };
    }
    case "txn":
      return { $case: "txn", value: txnRequestOf(question) };
    case "batch": {
      const puts = question.puts.map((put) => ({ operation: putOperationOf(put) }));
      const deletes = question.deletes.map((key) => {
        return { operation: { $case: "delete" as const, value: { key: bytes(key) } } };
      });
      const request = { namespace, ops: [...puts, ...deletes] };
      return { $case: "batchWrite", value: wire.BatchWriteRequest.fromPartial(request) };
    }
  }
}

function putRequestOf(question: Asked<"put" | "cas">): wire.PutRequest {
  const isCas = question.kind === "cas";
  return wire.PutRequest.fromPartial({
    namespace,
    key: bytes(question.key),
    value: bytes(question.value),
    returnPrevious: !isCas && question.previous,
    ...(isCas && { condition: conditionOf(question) }),
  });
}

function conditionOf({ expected }: Asked<"cas">): Condition {
  return { condition: { $case: "ifModRevision", value: expected.revision } };
}

function txnRequestOf({ compares, puts }: Asked<"txn">): wire.TxnRequest {
  return wire.TxnRequest.fromPartial({
    namespace,
    compares: compares.map(compareOf),
    success: puts.map((put) => ({ operation: putOperationOf(put) })),
    failure: puts.map(([key]) => {
      return { operation: { $case: "get" as const, value: { key: bytes(key) } } };
    }),
  });
}

function putOperationOf([key, value]: readonly [key: string, value: string]) {
  return { $case: "put" as const, value: { key: bytes(key), value: bytes(value) } };
}

/** Absent is a matter of the version; a value that is there is compared as it is. */
function compareOf([key, value]: KeyAndValue): wire.Compare {
  return {
    span: { $case: "key", value: bytes(key) },
    relation: wire.CompareRelation.COMPARE_RELATION_EQUAL,
    operand:
      value === undefined
        ? { $case: "version", value: 0n }
        : { $case: "value", value: bytes(value) },
  };
}

export function answerOf(question: Question, result: WireResult): Answer {
  if (result.$case === "status") throw new Error("a status is a refusal and no answer");
  const revision = result.value.header?.revision;
  const nothing = { revision, entries: [] };
  switch (question.kind) {
    case "get":
    case "past": {
      const entry = seenEntry(question.key, armOf(result, "get").value.kv);
      return { seen: seenEntries([[entry.key, entry.value]]), revision, entries: [entry] };
    }
    case "list": {
      const { kvs } = armOf(result, "list").value;
      const entries = kvs.map((entry) => seenEntry(text(entry.key), entry));
      const seen = seenEntries(entries.map(({ key, value }) => [key, value]));
      return { seen, revision, entries };
    }
    case "put": {
      const before = seenEntry(question.key, armOf(result, "put").value.previous);
      const seen = seenPut(question.previous ? [before.key, before.value] : undefined);
      return { seen, ...nothing };
    }
    case "cas":
      return { seen: seenCas(true), ...nothing };
    case "delete":
      return { seen: seenDeleted(armOf(result, "delete").value.deleted), ...nothing };
    case "increment":
      return { seen: String(armOf(result, "increment").value.value), ...nothing };
    case "txn": {
      const { succeeded, responses } = armOf(result, "txn").value;
      const keys = succeeded ? [] : question.puts.map(([key]) => key);
      const entries = keys.map((key, at) => readBy(key, responses[at]));
      const seen = seenTxn(succeeded ? undefined : entries.map(({ key, value }) => [key, value]));
      return { seen, revision, entries };
    }
    case "batch": {
      const results = armOf(result, "batchWrite").value.responses.slice(question.puts.length);
      const deleted = question.deletes.filter((_key, at) => {
        const arm = results[at]?.result;
        return arm?.$case === "delete" && arm.value.deleted;
      });
      return { seen: seenBatch(deleted), ...nothing };
    }
  }
}

type Arm<Case extends WireResult["$case"]> = Extract<WireResult, { readonly $case: Case }>;

function armOf<Case extends WireResult["$case"]>(result: WireResult, expected: Case): Arm<Case> {
  if (result.$case !== expected) throw new Error(`answered ${result.$case}, not ${expected}`);
  return result as Arm<Case>;
}

function readBy(key: string, result: wire.OperationResult | undefined): SeenEntry {
  const arm = result?.result;
  return seenEntry(key, arm?.$case === "get" ? arm.value.kv : undefined);
}

export function seenEntry(key: string, kv: KeyValue | undefined): SeenEntry {
  if (kv === undefined) return absentEntry(key);
  const { createRevision, modRevision, version } = kv;
  return { key, value: text(kv.value), createRevision, modRevision, version };
}

export function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}

/** Reasons with which the daemon promises that nothing happened. */
const withdrawnReasons = ["NOT_EXECUTED", "OVERLOADED", "DRAINING", "NOT_READY"];

/**
 * A condition that did not hold is an answer. A refusal of the daemon's own that says so is a promise
 * that nothing happened. Undefined: no history has room for this refusal.
 */
export function replyToRefusal(question: Question, refused: Refused): Reply | undefined {
  const { reason, metadata } = refused;
  if (withdrawnReasons.includes(reason)) return { kind: "nothing" };
  if (reason === "OUTCOME_UNKNOWN") return { kind: "unknown" };
  if (reason !== "CONDITION_FAILED" || question.kind !== "cas") return undefined;
  const actual = {
    key: question.key,
    value: undefined,
    createRevision: BigInt(metadata["actual_create_revision"] ?? -1),
    modRevision: BigInt(metadata["actual_mod_revision"] ?? -1),
    version: BigInt(metadata["actual_version"] ?? -1),
  };
  return {
    kind: "answered",
    answer: { seen: seenCas(false), revision: undefined, entries: [actual] },
  };
}
