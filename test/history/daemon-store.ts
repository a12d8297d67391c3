/** The daemon over the wire, and how a call that failed is to be taken. */
import { Metadata } from "@grpc/grpc-js";
import { statusCode } from "../../src/rpc/status-code.js";
import * as wire from "../../src/wire/kvdb/v1/kv.js";
import type { Condition, KeyValue } from "../../src/wire/kvdb/v1/types.js";
import { Watching } from "../contract/cases/watch.js";
import { answer, bytes, type ContractClient, readRefusal } from "../contract/client.js";
import {
  type KeyAndValue,
  type Question,
  seenCas,
  seenDeleted,
  seenEntries,
  seenPut,
  seenTxn,
} from "./questions.js";
import {
  type Answer,
  absentEntry,
  type LoggedRevision,
  type Reply,
  type SeenEntry,
  type Store,
} from "./store.js";

const namespace = "history";

type Asked<Kind extends Question["kind"]> = Question & { readonly kind: Kind };
type Done<Response> = Parameters<Parameters<typeof answer<Response>>[0]>[0];

export class DaemonStore implements Store {
  readonly #client: ContractClient;

  constructor(client: ContractClient) {
    this.#client = client;
  }

  /** Makes the namespace, with its past kept. */
  static async create(client: ContractClient): Promise<DaemonStore> {
    const settings = { historyReads: true, logRetention: undefined };
    await answer((done) => client.namespaces.createNamespace({ namespace, settings }, done));
    return new DaemonStore(client);
  }

  async ask(question: Question, deadlineMs: number): Promise<Reply> {
    try {
      return { kind: "answered", answer: await this.#answerTo(question, deadlineMs) };
    } catch (error) {
      return replyOf(question, error);
    }
  }

  #answerTo(question: Question, deadlineMs: number): Promise<Answer> {
    switch (question.kind) {
      case "get":
      case "past":
        return this.#get(question, deadlineMs);
      case "list":
        return this.#list(question, deadlineMs);
      case "put":
      case "cas":
        return this.#put(question, deadlineMs);
      case "delete":
        return this.#delete(question, deadlineMs);
      case "increment":
        return this.#increment(question, deadlineMs);
      case "txn":
        return this.#txn(question, deadlineMs);
    }
  }

  async #get(question: Asked<"get" | "past">, deadline: number): Promise<Answer> {
    const { kv } = this.#client;
    const revision = question.kind === "past" ? question.revision : undefined;
    const request = { namespace, key: bytes(question.key), revision, keysOnly: false };
    const found = await answer((done: Done<wire.GetResponse>) =>
      kv.get(request, new Metadata(), { deadline }, done),
    );
    const entry = seenEntry(question.key, found.kv);
    const seen = seenEntries([[entry.key, entry.value]]);
    return { seen, revision: found.header?.revision, entries: [entry] };
  }

  async #list({ object }: Asked<"list">, deadline: number): Promise<Answer> {
    const { kv } = this.#client;
    const range = { range: { $case: "prefix" as const, value: bytes(object) } };
    const request = wire.ListRequest.fromPartial({ namespace, range });
    const { header, kvs } = await answer((done: Done<wire.ListResponse>) =>
      kv.list(request, new Metadata(), { deadline }, done),
    );
    const entries = kvs.map((entry) => seenEntry(text(entry.key), entry));
    const seen = seenEntries(entries.map(({ key, value }) => [key, value]));
    return { seen, revision: header?.revision, entries };
  }

  async #put(question: Asked<"put" | "cas">, deadline: number): Promise<Answer> {
    const { kv } = this.#client;
    const { key, value } = question;
    const returnPrevious = question.kind === "put" && question.previous;
    const condition = question.kind === "cas" ? { condition: conditionOf(question) } : {};
    const request = wire.PutRequest.fromPartial({
      namespace,
      key: bytes(key),
      value: bytes(value),
      returnPrevious,
      ...condition,
    });
    const { header, previous } = await answer((done: Done<wire.PutResponse>) =>
      kv.put(request, new Metadata(), { deadline }, done),
    );
    const before: KeyAndValue = [key, seenEntry(key, previous).value];
    const seen =
      question.kind === "cas" ? seenCas(true) : seenPut(returnPrevious ? before : undefined);
    return { seen, revision: header?.revision, entries: [] };
  }

  async #delete({ key }: Asked<"delete">, deadline: number): Promise<Answer> {
    const { kv } = this.#client;
    const request = wire.DeleteRequest.fromPartial({ namespace, key: bytes(key) });
    const { header, deleted } = await answer((done: Done<wire.DeleteResponse>) =>
      kv.delete(request, new Metadata(), { deadline }, done),
    );
    return { seen: seenDeleted(deleted), revision: header?.revision, entries: [] };
  }

  async #increment({ key, delta }: Asked<"increment">, deadline: number): Promise<Answer> {
    const { kv } = this.#client;
    const request = wire.IncrementRequest.fromPartial({ namespace, key: bytes(key), delta });
    const { header, value } = await answer((done: Done<wire.IncrementResponse>) =>
      kv.increment(request, new Metadata(), { deadline }, done),
    );
    return { seen: String(value), revision: header?.revision, entries: [] };
  }

  async #txn(question: Asked<"txn">, deadline: number): Promise<Answer> {
    const { kv } = this.#client;
    const keys = question.puts.map(([key]) => key);
    const request = wire.TxnRequest.fromPartial({
      namespace,
      compares: question.compares.map(compareOf),
      success: question.puts.map(([key, value]) => {
        const put = { key: bytes(key), value: bytes(value) };
        return { operation: { $case: "put" as const, value: put } };
      }),
      failure: keys.map((key) => {
        return { operation: { $case: "get" as const, value: { key: bytes(key) } } };
      }),
    });
    const { header, succeeded, responses } = await answer((done: Done<wire.TxnResponse>) =>
      kv.txn(request, new Metadata(), { deadline }, done),
    );
    const entries = succeeded ? [] : keys.map((key, at) => readBy(key, responses[at]));
    const seen = seenTxn(succeeded ? undefined : entries.map(({ key, value }) => [key, value]));
    return { seen, revision: header?.revision, entries };
  }
}

function conditionOf({ expected }: Asked<"cas">): Condition {
  return { condition: { $case: "ifModRevision", value: expected.revision } };
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

function readBy(key: string, result: wire.OperationResult | undefined): SeenEntry {
  const arm = result?.result;
  return seenEntry(key, arm?.$case === "get" ? arm.value.kv : undefined);
}

function seenEntry(key: string, kv: KeyValue | undefined): SeenEntry {
  if (kv === undefined) return absentEntry(key);
  const { createRevision, modRevision, version } = kv;
  return { key, value: text(kv.value), createRevision, modRevision, version };
}

function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}

/** Reasons with which the daemon promises that nothing happened. */
const withdrawnReasons = ["NOT_EXECUTED", "OVERLOADED", "DRAINING", "NOT_READY"];

/**
 * A condition that did not hold is an answer. A refusal of the daemon's own that says so is a promise
 * that nothing happened. Everything else, and above all a broken connection, leaves it open.
 */
function replyOf(question: Question, error: unknown): Reply {
  const failed = error as { readonly code: number; readonly metadata: Metadata };
  const isOurs = failed.metadata.get("grpc-status-details-bin").length > 0;
  if (!isOurs) return { kind: failed.code === statusCode.DEADLINE_EXCEEDED ? "unknown" : "gone" };
  const { reason, metadata } = readRefusal(error);
  if (withdrawnReasons.includes(reason)) return { kind: "nothing" };
  if (reason === "OUTCOME_UNKNOWN") return { kind: "unknown" };
  if (reason !== "CONDITION_FAILED" || question.kind !== "cas") throw error;
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

/** The log as a watcher gets it, from the first revision on. */
export async function daemonLog(client: ContractClient, head: bigint): Promise<LoggedRevision[]> {
  const watching = await Watching.standing(client, { namespace, startRevision: 1n });
  const revisions = new Map<bigint, SeenEntry[]>();
  for (const { kv } of await watching.through(head)) {
    if (kv === undefined) throw new Error("an event says of which entry");
    const isDeletion = kv.version === 0n;
    const entry = seenEntry(text(kv.key), kv);
    const changes = revisions.get(kv.modRevision) ?? [];
    changes.push(isDeletion ? { ...entry, value: undefined } : entry);
    revisions.set(kv.modRevision, changes);
  }
  return [...revisions].map(([revision, changes]) => ({ revision, changes }));
}
