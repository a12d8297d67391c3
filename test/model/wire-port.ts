/** A server behind a socket: each call as the RPC that it is named after. */
import assert from "node:assert/strict";
import { checksumOf } from "../../src/rpc/bulk-service.js";
import type { Key, LeaseId, Namespace } from "../../src/storage/model.js";
import type * as wire from "../../src/wire/kvdb/v1/kv.js";
import type * as leases from "../../src/wire/kvdb/v1/lease.js";
import type * as namespaces from "../../src/wire/kvdb/v1/namespace.js";
import type { KeyValue } from "../../src/wire/kvdb/v1/types.js";
import type {
  BulkCall,
  Call,
  LeaseRead,
  ListCall,
  Mutation,
  NamespaceCall,
  PipelineCall,
  PipelineEntry,
  ScanCall,
  WatchCall,
} from "./calls.js";
import { isMutation, isOfStore } from "./calls.js";
import { malformedRows } from "./malformed.js";
import type { Hints, Truth } from "./oracle.js";
import { Broken, type Port, type Seen } from "./port.js";
import { refusalOf, refusalOfStatus } from "./refusals.js";
import type { Served } from "./served.js";
import { askStore } from "./store-calls.js";
import { type Identity, WireAnswers } from "./wire-answers.js";
import { WireClient } from "./wire-client.js";
import {
  entryRequest,
  grantRequest,
  headRequest,
  only,
  rangeOf,
  rangeRequest,
  settingsOf,
  timeOf,
} from "./wire-requests.js";
import { brokenAt, known, one } from "./wire-seen.js";
import { readWatch } from "./wire-watch.js";

export class WirePort implements Port {
  readonly hasRim = true;
  readonly hasOwnTime: boolean;
  readonly exercised = new Set<string>();
  readonly #served: Served;
  /** Where each chain of pages goes on. */
  readonly #tokens = new Map<number, string>();
  #client: WireClient;
  #ending = false;
  #identity: Identity = { epoch: 1n, nodeId: "", storeId: "" };

  private constructor(served: Served) {
    this.#served = served;
    this.hasOwnTime = served.hasOwnTime;
    this.#client = new WireClient(served.address);
  }

  static async open(served: Served): Promise<WirePort> {
    const port = new WirePort(served);
    const { header } = await port.#client.unary<wire.ListResponse>("List", headRequest("first"));
    assert.ok(header !== undefined && header.epoch === 1n, "a new store begins with epoch 1");
    port.#identity = { epoch: 1n, nodeId: header.nodeId, storeId: header.storeId };
    return port;
  }

  nowMs(): number {
    return this.#served.nowMs();
  }

  async perform(call: Call, through: bigint | undefined): Promise<Seen | undefined> {
    try {
      return await this.#ask(call, through);
    } catch (error) {
      const answer = refusalOf(error);
      // A server that ends says so to whoever still comes; nothing of it happened.
      if (this.#ending && answer.reason === "DRAINING") throw new Broken([], error);
      return { answer, hints: {}, operations: 1 };
    }
  }

  expected(call: Call, truth: Truth, seen: "now" | "before"): unknown {
    if (call.rpc !== "Malformed") {
      const epoch = this.#identity.epoch - (seen === "now" ? 0n : 1n);
      const { hasOwnTime: ownTime } = this;
      return new WireAnswers({ ...this.#identity, epoch }, { ownTime }).of(call, truth);
    }
    const row = malformedRows[call.row];
    return { code: row?.code, reason: row?.reason };
  }

  deletedKeys(answer: unknown): Key[][] {
    const revisions = new Map<bigint, Key[]>();
    for (const { kv } of answer as readonly wire.WatchEvent[]) {
      assert.ok(kv !== undefined, "an event says of which entry");
      const keys = revisions.get(kv.modRevision) ?? [];
      keys.push(kv.key as Key);
      revisions.set(kv.modRevision, keys);
    }
    return [...revisions.values()];
  }

  async head(namespace: Namespace): Promise<bigint> {
    return (await this.#stats(namespace))?.headRevision ?? 0n;
  }

  async keys(namespace: Namespace): Promise<number> {
    return (await this.#stats(namespace))?.keys ?? 0;
  }

  async #stats(namespace: Namespace): Promise<namespaces.NamespaceStats | undefined> {
    const found = await this.#client
      .unary<namespaces.GetNamespaceResponse>("GetNamespace", { namespace })
      .catch((error: unknown) => {
        if (refusalOf(error).reason === "NAMESPACE_NOT_FOUND") return undefined;
        throw error;
      });
    return found?.namespace?.stats;
  }

  async restart(way: "stop" | "kill"): Promise<void> {
    const before = this.#client;
    this.#ending = true;
    await this.#served.restart(way);
    this.#ending = false;
    before.close();
    this.#noteCalled(before);
    this.#client = new WireClient(this.#served.address);
    this.#identity = { ...this.#identity, epoch: this.#identity.epoch + 1n };
  }

  passTime(ms: number): Promise<void> {
    return this.#served.passTime(ms);
  }

  async close(): Promise<void> {
    this.#noteCalled(this.#client);
    this.#client.close();
    await this.#served.close();
  }

  #noteCalled(client: WireClient): void {
    for (const rpc of client.called) this.exercised.add(rpc);
  }

  async #ask(call: Call, through: bigint | undefined): Promise<Seen | undefined> {
    if (isMutation(call)) return this.#mutate(call);
    if (call.rpc === "ListNamespaces") return this.#listNamespaces(call.pageSize);
    if (isOfStore(call)) return one(await askStore(this.#client, call, this.#identity));
    switch (call.rpc) {
      case "Get":
      case "BatchGet":
        return one(await this.#entry(call, ""));
      case "List":
        return this.#list(call);
      case "Scan":
        return one(await this.#scan(call));
      case "Pipeline":
        return this.#pipeline(call);
      case "BulkLoad":
        return this.#load(call);
      case "Watch":
        return one(await this.#watch(call, through));
      case "GetLease":
      case "ListLeases":
        return this.#leases(call);
      case "CreateNamespace":
      case "UpdateNamespace":
      case "GetNamespace":
      case "DeleteNamespace":
      case "Compact":
        return this.#administer(call);
      case "Malformed": {
        const row = malformedRows[call.row];
        assert.ok(row !== undefined, "a row of the table");
        return one(await this.#client.collect(row.rpc, row.request));
      }
    }
  }

  #entry(call: PipelineEntry, token: string): Promise<unknown> {
    return this.#client.unary(call.rpc, entryRequest(call, token).value);
  }

  async #mutate(call: Mutation): Promise<Seen> {
    const { namespace } = call;
    switch (call.rpc) {
      case "GrantLease": {
        const asked = this.#client.unary<leases.GrantLeaseResponse>(call.rpc, grantRequest(call));
        const answer = await asked;
        const leaseId = answer.lease?.leaseId as LeaseId | undefined;
        return { answer, hints: { leaseId }, operations: 1 };
      }
      case "RevokeLease": {
        const { leaseId } = only(call.body.success[0], "lease-revoke");
        const request = { namespace, requestId: call.requestId ?? "", leaseId };
        return one(await this.#client.unary(call.rpc, request));
      }
      case "KeepAliveLease": {
        const { leaseId } = only(call.body.success[0], "lease-keep-alive");
        return one(await this.#keepAlive({ namespace, leaseId }));
      }
      case "Put":
      case "Delete":
      case "DeleteRange":
      case "Rename":
      case "Increment":
      case "Txn":
      case "BatchWrite":
        return one(await this.#entry(call, ""));
    }
  }

  async #keepAlive(request: leases.KeepAliveLeaseRequest): Promise<unknown> {
    const stream = this.#client.bidi<typeof request, unknown>("KeepAliveLease");
    stream.end(request);
    const answers: unknown[] = [];
    for await (const answer of stream) answers.push(answer);
    return answers.length === 1 ? answers[0] : answers;
  }

  async #list(call: ListCall): Promise<Seen | undefined> {
    const token = call.from === undefined ? "" : this.#tokens.get(call.chain);
    if (token === undefined) return undefined;
    const page = (await this.#entry(call, token)) as wire.ListResponse;
    return one(this.#pageOf(call, page));
  }

  #pageOf(call: ListCall, { header, kvs, count, nextPageToken }: wire.ListResponse): unknown {
    if (nextPageToken !== "") this.#tokens.set(call.chain, nextPageToken);
    return { header, kvs, count, more: nextPageToken !== "" };
  }

  async #scan(call: ScanCall): Promise<unknown> {
    const request = { ...rangeRequest(call), resumeToken: "" };
    const messages = await this.#client.collect<wire.ScanResponse>("Scan", request);
    const [first] = messages;
    assert.ok(first !== undefined, "a scan that ends well has sent something");
    assert.equal(messages.at(-1)?.resumeToken, "", "the last message says that it is the last");
    return { header: first.header, kvs: messages.flatMap(({ kvs }) => kvs) };
  }

  /** All entries are sent at once; the server takes them as it can. */
  async #pipeline({ entries }: PipelineCall): Promise<Seen> {
    const stream = this.#client.bidi<wire.PipelineRequest, wire.PipelineResponse>("Pipeline");
    for (const [at, list] of entries.entries()) {
      const [first] = list;
      const operations = list.map((entry) => ({ operation: entryRequest(entry, "") }));
      const isAlone = list.length === 1 && first !== undefined;
      const operation = isAlone
        ? entryRequest(first, "")
        : ({ $case: "operations", value: { operations } } as const);
      stream.write({ id: BigInt(at), operation });
    }
    stream.end();
    const answers: unknown[] = [];
    try {
      for await (const message of stream) {
        const { id, result } = message as wire.PipelineResponse;
        answers[Number(id)] = this.#resultsOf(entries[Number(id)] ?? [], result);
      }
    } catch (error) {
      throw brokenAt(error, answers);
    }
    return { answer: answers, hints: {}, operations: answers.flat().length };
  }

  #resultsOf(
    list: readonly PipelineEntry[],
    result: wire.PipelineResponse["result"],
  ): readonly unknown[] {
    const all = result?.$case === "results" ? result.value.results : [{ result }];
    return all.map(({ result: one }, at) => this.#resultOf(list[at], one));
  }

  #resultOf(call: PipelineEntry | undefined, result: wire.PipelineResponse["result"]): unknown {
    if (result?.$case === "status") return refusalOfStatus(result.value);
    if (call?.rpc === "List" && result?.$case === "list") return this.#pageOf(call, result.value);
    return result?.value;
  }

  async #load({ namespace, chunks }: BulkCall): Promise<Seen> {
    const stream = this.#client.bidi<wire.BulkLoadRequest, wire.BulkLoadResponse>("BulkLoad");
    for (const [at, { requestId, puts }] of chunks.entries()) {
      const kvs = puts.map((put): KeyValue => {
        const { key, value, expiry } = put;
        const expireTime = expiry.kind === "at" ? timeOf(expiry.atMs) : undefined;
        const leaseId = expiry.kind === "lease" ? expiry.leaseId : 0n;
        const ignored = { createRevision: 7n, modRevision: 7n, version: 7n };
        return { key, value, ...ignored, expireTime, leaseId };
      });
      // Every second chunk says its checksum.
      const crc32c = at % 2 === 0 ? checksumOf(kvs) : undefined;
      const common = { namespace: at === 0 ? namespace : "", requestId: requestId ?? "" };
      stream.write({ ...common, chunkId: BigInt(at + 1), kvs, crc32c });
    }
    stream.end();
    const answers: unknown[] = [];
    try {
      for await (const message of stream) answers.push(message);
    } catch (error) {
      const broken = brokenAt(error, answers);
      if (broken instanceof Broken) throw broken;
      answers.push(refusalOf(error));
    }
    return { answer: answers, hints: {}, operations: answers.length };
  }

  async #watch(call: WatchCall, through: bigint | undefined): Promise<unknown> {
    const { namespace, range, from, puts, deletions, keysOnly, previous, store } = call;
    const stores = { unsaid: "", own: this.#identity.storeId, another: "another-store" };
    const request: wire.WatchRequest = {
      namespace,
      range: rangeOf(range),
      startRevision: from,
      storeId: stores[store],
      prevKv: previous,
      keysOnly,
      progressInterval: undefined,
      filters: [...(puts ? [] : [1 as const]), ...(deletions ? [] : [2 as const])],
    };
    const stream = this.#client.serverStream<wire.WatchResponse>("Watch", request);
    return readWatch(stream, through);
  }

  async #leases(call: LeaseRead): Promise<Seen> {
    const { namespace } = call;
    if (call.rpc === "GetLease") {
      const { leaseId, keys } = call;
      return one(await this.#client.unary(call.rpc, { namespace, leaseId, keys }));
    }
    const { pageSize } = call;
    const all: unknown[] = [];
    let pages = 0;
    for (let pageToken = ""; ; ) {
      const request = { namespace, pageSize, pageToken };
      const page = await this.#client.unary<leases.ListLeasesResponse>(call.rpc, request);
      all.push(...page.leases);
      pages++;
      pageToken = page.nextPageToken;
      const answer = { header: page.header, leases: all };
      if (pageToken === "") return { answer, hints: {}, operations: pages };
    }
  }

  async #administer(call: NamespaceCall): Promise<Seen> {
    const { namespace } = call;
    switch (call.rpc) {
      case "Compact": {
        const request = { namespace, revision: call.upTo };
        const { oldestRevision } = await this.#client.unary<{ oldestRevision: bigint }>(
          call.rpc,
          request,
        );
        const hints: Hints = { oldest: oldestRevision };
        return { answer: { oldestRevision }, hints, operations: 1 };
      }
      case "DeleteNamespace":
        return one(await this.#client.unary(call.rpc, { namespace }));
      case "GetNamespace":
        return one(await this.#info(call.rpc, { namespace }));
      case "CreateNamespace": {
        const settings = settingsOf(call.settings);
        return one(await this.#info(call.rpc, { namespace, settings }));
      }
      case "UpdateNamespace": {
        const settings = settingsOf(call.settings);
        const updateMask = call.mask.length === 0 ? undefined : [...call.mask];
        return one(await this.#info(call.rpc, { namespace, settings, updateMask }));
      }
    }
  }

  async #info(rpc: string, request: unknown): Promise<unknown> {
    const answer = await this.#client.unary<namespaces.GetNamespaceResponse>(rpc, request);
    return { namespace: known(answer.namespace) };
  }

  async #listNamespaces(pageSize: number): Promise<Seen> {
    const all: unknown[] = [];
    let pages = 0;
    for (let pageToken = ""; ; ) {
      const request = { pageSize, pageToken };
      const page = await this.#client.unary<namespaces.ListNamespacesResponse>(
        "ListNamespaces",
        request,
      );
      all.push(...page.namespaces.map(known));
      pages++;
      pageToken = page.nextPageToken;
      if (pageToken === "") return { answer: all, hints: {}, operations: pages };
    }
  }
}
