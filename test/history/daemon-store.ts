/** The daemon over the wire, one call for each question, and how a call that failed is to be taken. */
import { type CallOptions, Metadata } from "@grpc/grpc-js";
import { statusCode } from "../../src/rpc/status-code.js";
import type * as wire from "../../src/wire/kvdb/v1/kv.js";
import { Watching } from "../contract/cases/watch.js";
import { answer, type ContractClient, readRefusal } from "../contract/client.js";
import type { Question } from "./questions.js";
import type { LoggedRevision, Reply, SeenEntry, Store } from "./store.js";
import {
  answerOf,
  namespace,
  operationOf,
  replyToRefusal,
  seenEntry,
  text,
  type WireResult,
} from "./wire-questions.js";

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
      const result = await this.#resultOf(question, deadlineMs);
      return { kind: "answered", answer: answerOf(question, result) };
    } catch (error) {
      return replyOf(question, error);
    }
  }

  async #resultOf(question: Question, deadline: number): Promise<WireResult> {
    const { kv } = this.#client;
    const { $case, value } = operationOf(question);
    const none = new Metadata();
    const call: CallOptions = { deadline };
    switch ($case) {
      case "get":
        return {
          $case,
          value: await answer<wire.GetResponse>((done) => kv.get(value, none, call, done)),
        };
      case "list":
        return {
          $case,
          value: await answer<wire.ListResponse>((done) => kv.list(value, none, call, done)),
        };
      case "put":
        return {
          $case,
          value: await answer<wire.PutResponse>((done) => kv.put(value, none, call, done)),
        };
      case "delete":
        return {
          $case,
          value: await answer<wire.DeleteResponse>((done) => kv.delete(value, none, call, done)),
        };
      case "increment":
        return {
          $case,
          value: await answer<wire.IncrementResponse>((done) =>
            kv.increment(value, none, call, done),
          ),
        };
      case "txn":
        return {
          $case,
          value: await answer<wire.TxnResponse>((done) => kv.txn(value, none, call, done)),
        };
      case "batchWrite":
        return {
          $case,
          value: await answer<wire.BatchWriteResponse>((done) =>
            kv.batchWrite(value, none, call, done),
          ),
        };
      case "batchGet":
      case "deleteRange":
      case "rename":
        throw new Error(`no question is asked with ${$case}`);
    }
  }
}

/** Everything that is no refusal of the daemon's own, above all a broken connection, leaves it open. */
function replyOf(question: Question, error: unknown): Reply {
  const failed = error as { readonly code: number; readonly metadata: Metadata };
  const isOurs = failed.metadata.get("grpc-status-details-bin").length > 0;
  if (!isOurs) return { kind: failed.code === statusCode.DEADLINE_EXCEEDED ? "unknown" : "gone" };
  const reply = replyToRefusal(question, readRefusal(error));
  if (reply === undefined) throw error;
  return reply;
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
