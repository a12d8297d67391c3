/**
 * The model beside a simulated engine. Here nothing happens at the same time, so the model is asked
 * at the very moment at which the engine decides: a commit when its group reaches the writer, a read
 * when its message reaches its reader, everything else when it is called. So there is one right answer
 * to each call, whatever the schedule, and after each step the model is what the files hold.
 */
import assert from "node:assert/strict";
import type { AdminReply, GroupReply, ToWriter } from "../../src/engine/commit/writer-protocol.js";
import type { ToReader } from "../../src/engine/read/reader-protocol.js";
import { ByteReader } from "../../src/engine/record/byte-reader.js";
import { decodeOutcomes } from "../../src/engine/record/outcome-codec.js";
import { readRequest } from "../../src/engine/record/request-codec.js";
import type { Namespace, StoreId, TxnRequest } from "../../src/storage/model.js";
import { isMutation, type Mutation, type NamespaceCall } from "../model/calls.js";
import { Oracle, type Truth } from "../model/oracle.js";
import { same } from "../model/same.js";
import { canonical } from "../support/canonical.js";
import type { Logged } from "../support/model-attempt.js";
import { ModelStore } from "../support/model-store.js";
import { isBlockable, isRead, type SimulatedCall } from "./ask.js";
import { OldEnds } from "./old-ends.js";

interface Pending {
  readonly id: number;
  readonly call: Mutation;
}

interface Group {
  readonly requests: readonly TxnRequest[];
  readonly nowMs: number;
}

export class Beside {
  readonly oracle = new Oracle(new ModelStore({ namespaceAutoCreate: true, blocksReads: false }));
  readonly oldEnds = new OldEnds(this.oracle.model);
  /** Every revision there ever was, those of deleted namespaces among them. */
  readonly #logs = new Map<Namespace, Map<bigint, readonly Logged[]>>();
  /** Mutations that no group has carried to the writer yet, in the order in which they were asked. */
  #pending: Pending[] = [];
  /** What are right answers to a call that is decided. */
  readonly #expected = new Map<number, readonly Truth[]>();
  /**
   * Namespaces as they were before commits that nobody was shown: a point read may come from memory,
   * and then it is as old as that, and no older.
   */
  readonly #unseen = new Map<Namespace, { readonly head: bigint; readonly oracle: Oracle }[]>();
  readonly #calls = new Map<number, SimulatedCall>();
  readonly #snapshots = new Map<number, { readonly id: number; readonly oracle: Oracle }>();
  /** Whose reads the main thread refuses: it learns of a block when the writer's answer arrives. */
  readonly #blocked = new Set<Namespace>();
  /** How often it has learnt of one. */
  readonly #blocks = new Map<Namespace, number>();
  #group: Group | undefined;
  commits = 0;
  expired = 0;

  begun(id: number, call: SimulatedCall): void {
    this.#calls.set(id, call);
    if (isMutation(call)) this.#pending.push({ id, call });
    if (call.rpc === "Compact") this.oldEnds.asked(call.namespace, call.upTo);
  }

  /** What is right if the engine answers now and asks no thread; undefined = it asks one. */
  decidedNow(call: SimulatedCall, nowMs: number): readonly Truth[] | undefined {
    if (isBlockable(call) && this.blocksReads(call.namespace)) {
      return [{ kind: "refused", reason: "namespace-blocked" }];
    }
    if (isRead(call)) return this.#answersNow(call, nowMs);
    const { model } = this.oracle;
    if (call.rpc !== "Compact" || !model.namespaces.includes(call.namespace)) return undefined;
    if (call.upTo <= model.head(call.namespace)) return undefined;
    return [{ kind: "refused", reason: "revision-in-future" }];
  }

  #answersNow(call: SimulatedCall & { readonly namespace: Namespace }, nowMs: number): Truth[] {
    const now = this.oracle.answer(call, nowMs);
    if (call.rpc !== "Get" && call.rpc !== "BatchGet") return [now];
    // What is read at a revision never comes from memory.
    if (call.at !== undefined) return [now];
    const unseen = this.#unseen.get(call.namespace) ?? [];
    return [now, ...unseen.map(({ oracle }) => oracle.answer(call, nowMs))];
  }

  decided(id: number, truths: readonly Truth[]): void {
    this.#expected.set(id, truths);
  }

  /** The right answers; none = the engine has not decided it, so nothing has happened. */
  expectedOf(id: number): readonly Truth[] {
    return this.#expected.get(id) ?? [];
  }

  /** Somebody was shown this head; nobody may be shown an older one. 0 = there is no namespace. */
  shown(namespace: Namespace, head: bigint): void {
    const unseen = this.#unseen.get(namespace);
    if (unseen === undefined) return;
    const left = head === 0n ? [] : unseen.filter((one) => one.head >= head);
    this.#unseen.set(namespace, left);
  }

  blocksReads(namespace: Namespace): boolean {
    return this.#blocked.has(namespace);
  }

  blocksOf(namespace: Namespace): number {
    return this.#blocks.get(namespace) ?? 0;
  }

  /** The main thread knows the settings as they are now, or that there is no such namespace. */
  settingsKnown(namespace: Namespace): void {
    const { model } = this.oracle;
    const isThere = model.namespaces.includes(namespace);
    const isBlocked = isThere && model.namespace(namespace).settings.blockReads;
    if (!isBlocked) {
      this.#blocked.delete(namespace);
      return;
    }
    this.#blocked.add(namespace);
    this.#blocks.set(namespace, this.blocksOf(namespace) + 1);
  }

  deletionKnown(namespace: Namespace): void {
    this.#blocked.delete(namespace);
  }

  /** It was answered, or nobody will. */
  ended(id: number): void {
    this.#pending = this.#pending.filter((pending) => pending.id !== id);
    this.#expected.delete(id);
    this.#calls.delete(id);
  }

  /** The process is gone, and everything that was asked of it. */
  lost(): void {
    this.#pending = [];
    this.#expected.clear();
    this.#calls.clear();
    this.#snapshots.clear();
    this.#unseen.clear();
  }

  /** A new life has begun: its main thread knows what the file says. */
  opened(): void {
    this.#blocked.clear();
    for (const namespace of this.oracle.model.namespaces) this.settingsKnown(namespace);
  }

  /** The changes that a revision made. */
  changesAt(namespace: Namespace, revision: bigint): readonly Logged[] {
    return this.#logs.get(namespace)?.get(revision) ?? [];
  }

  /** The last one there ever was. */
  lastRevision(namespace: Namespace): bigint {
    return [...(this.#logs.get(namespace)?.keys() ?? [])].at(-1) ?? 0n;
  }

  /** Before the writer looks at a message: afterwards its bytes may be elsewhere. */
  writerTakes(message: ToWriter, nowMs: number): void {
    if (message.kind !== "commit-group") return;
    assert.ok(message.nowMs <= nowMs, "nobody lives in the future");
    const bytes = Uint8Array.from(message.requests);
    const source = new ByteReader(bytes);
    const requests: TxnRequest[] = [];
    for (let index = 0; index < message.count; index++) {
      const { request } = readRequest(source, bytes);
      if (!message.skip.includes(index)) requests.push(request);
    }
    this.#group = { requests, nowMs: message.nowMs };
  }

  /**
   * The writer is done with the message. `reachedDisk`: a group whose fate nobody is told did happen.
   */
  writerDid(
    { message, call }: { readonly message: ToWriter; readonly call: number | undefined },
    reply: unknown,
    reachedDisk: boolean,
  ): void {
    if (message.kind === "commit-group") {
      this.#groupDone(reply as GroupReply | undefined, reachedDisk);
    } else if (message.kind === "create-namespace") {
      const { name: namespace, settings, nowMs } = message;
      this.#administered(
        { asked: { rpc: "CreateNamespace", namespace, settings }, call, nowMs, reachedDisk },
        reply,
      );
      this.#set(namespace);
    } else if (message.kind === "update-namespace") {
      const { name: namespace, settings, nowMs } = message;
      const asked = { rpc: "UpdateNamespace", namespace, settings, mask: [] } as const;
      this.#administered({ asked, call, nowMs, reachedDisk }, reply);
      this.#set(namespace);
    } else if (message.kind === "delete-namespace") {
      const { name: namespace, nowMs } = message;
      this.#administered(
        { asked: { rpc: "DeleteNamespace", namespace }, call, nowMs, reachedDisk },
        reply,
      );
      if (!this.oracle.model.namespaces.includes(namespace)) this.oldEnds.deleted(namespace);
    } else if (message.kind === "trim-slice") {
      this.#cut(message, reply as AdminReply | undefined, reachedDisk);
    }
    // The rest changes nothing that a caller can see.
  }

  readerTakes(message: ToReader, id: number | undefined): void {
    const call = id === undefined ? undefined : this.#calls.get(id);
    const isOneRead = message.kind === "points" || message.kind === "page";
    if (isOneRead && call !== undefined && id !== undefined) {
      this.#expected.set(id, [this.oracle.answer(call, message.nowMs)]);
    } else if (message.kind === "open-snapshot" && id !== undefined) {
      const oracle = new Oracle(this.oracle.model.frozen(message.namespace));
      this.#snapshots.set(message.id, { id, oracle });
    } else if (message.kind === "snapshot-page") {
      const snapshot = this.#snapshots.get(message.id);
      const asked = snapshot === undefined ? undefined : this.#calls.get(snapshot.id);
      if (snapshot === undefined || asked === undefined) return;
      this.#expected.set(snapshot.id, [snapshot.oracle.answer(asked, message.nowMs)]);
    }
  }

  #groupDone(reply: GroupReply | undefined, reachedDisk: boolean): void {
    const group = this.#group;
    assert.ok(group !== undefined, "a group was taken");
    this.#group = undefined;
    if (reply?.kind !== "done" && !reachedDisk) return;
    const heads = group.requests.map(({ namespace }) => {
      return [namespace, this.oracle.model.head(namespace)] as const;
    });
    const truths = group.requests.map((request) => this.#apply(request, group.nowMs));
    this.oldEnds.committed(new Map(heads));
    if (reply?.kind !== "done") return;
    const identity = { epoch: 0n, nodeId: "", storeId: "" as StoreId } as never;
    const names = group.requests.map(({ namespace }) => namespace);
    for (const [index, outcome] of decodeOutcomes(reply.outcomes, names, identity).entries()) {
      const truth = truths[index];
      const answer =
        outcome.kind === "ok"
          ? {
              kind: "committed",
              namespace: names[index],
              revision: outcome.header.revision,
              value: outcome.value,
            }
          : { kind: "refused", reason: outcome.kind === "refused" ? outcome.refusal.kind : "" };
      if (same(answer, truth)) continue;
      throw differs(`the writer decided ${canonical(group.requests[index])}`, answer, truth);
    }
  }

  #apply(request: TxnRequest, nowMs: number): Truth {
    const { namespace, requestId, body } = request;
    const mutation: Mutation = { rpc: "Txn", namespace, requestId, condition: undefined, body };
    const own = body.success.some(({ kind }) => kind.startsWith("expire-"));
    const pending = own ? undefined : this.#pending.shift();
    if (!own) {
      const asked = pending?.call;
      const [is, was] = [mutation, asked].map((call) =>
        canonical([call?.namespace, call?.requestId, call?.body]),
      );
      assert.equal(is, was, "requests reach the writer in their order, and each once");
    }
    this.#keepUnseen(namespace);
    const truth = this.oracle.answer(mutation, nowMs);
    if (pending !== undefined) this.#expected.set(pending.id, [truth]);
    if (own) this.expired++;
    else this.commits++;
    this.#keepLog(namespace);
    return truth;
  }

  #administered(
    of: {
      readonly asked: NamespaceCall;
      readonly call: number | undefined;
      readonly nowMs: number;
      readonly reachedDisk: boolean;
    },
    reply: unknown,
  ): void {
    const answer = reply as AdminReply | undefined;
    if (answer?.kind !== "done" && answer?.kind !== "refused" && !of.reachedDisk) return;
    const kind = answer?.kind === "refused" ? answer.refusal.kind : undefined;
    if (kind === "storage-busy" || kind === "disk-full") return;
    this.#keepUnseen(of.asked.namespace);
    const truth = this.oracle.answer(of.asked, of.nowMs);
    const reason = truth.kind === "refused" ? truth.reason : undefined;
    if (kind !== reason) throw differs(`the writer did ${of.asked.rpc}`, kind, reason);
    if (of.call !== undefined) this.#expected.set(of.call, [truth]);
  }

  #set(namespace: Namespace): void {
    if (this.oracle.model.namespaces.includes(namespace)) this.oldEnds.set(namespace);
  }

  #cut(
    { name, upTo }: ToWriter & { kind: "trim-slice" },
    reply: AdminReply | undefined,
    reachedDisk: boolean,
  ): void {
    if (reply?.kind !== "done" && !reachedDisk) return;
    this.#keepUnseen(name);
    this.oldEnds.cut(name, upTo);
  }

  #keepUnseen(namespace: Namespace): void {
    const { model } = this.oracle;
    const unseen = this.#unseen.get(namespace) ?? [];
    unseen.push({ head: model.head(namespace), oracle: new Oracle(model.frozen(namespace)) });
    this.#unseen.set(namespace, unseen);
  }

  #keepLog(namespace: Namespace): void {
    const { model } = this.oracle;
    const head = model.head(namespace);
    const log = this.#logs.get(namespace) ?? new Map<bigint, readonly Logged[]>();
    this.#logs.set(namespace, log);
    // One that is made again begins above its last revision, with nothing in its log.
    const isEmpty = head === 0n || model.namespace(namespace).oldest > head;
    if (isEmpty || log.has(head)) return;
    const [last] = model.logFrom(namespace, head);
    if (last !== undefined) log.set(head, last.changes);
  }
}

export function differs(what: string, is: unknown, should: unknown): assert.AssertionError {
  const [actual, expected] = [canonical(is), canonical(should)];
  const message = `${what}:\n  ${actual}\nand the model says\n  ${expected}`;
  return new assert.AssertionError({ message, actual, expected, operator: "same" });
}
