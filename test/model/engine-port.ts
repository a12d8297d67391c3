/** The engine itself: each call as the one or two verbs that stand behind the RPC. */
import assert from "node:assert/strict";
import type { ManualClock } from "../../src/foundation/clock.js";
import { EngineError } from "../../src/storage/errors.js";
import type { Header, Key, Namespace, Revision } from "../../src/storage/model.js";
import type { NamespaceInfo } from "../../src/storage/namespaces.js";
import type { PageRead, StorageEngine } from "../../src/storage/storage-engine.js";
import { patient, type TempEngine, wholePage } from "../support/temp-engine.js";
import {
  type BulkCall,
  type Call,
  isMutation,
  isOfStore,
  type ListCall,
  type Mutation,
  type PipelineEntry,
  type PointCall,
  type ScanCall,
  type WatchCall,
} from "./calls.js";
import { askEngine, modelInfo } from "./engine-store-calls.js";
import { type Hints, maskedSettings, type Truth } from "./oracle.js";
import type { Port, Seen } from "./port.js";
import { settle } from "./settle.js";
import { watchPatienceMs } from "./wire-watch.js";

type Answer = Truth | { readonly kind: "header"; readonly is: unknown };

export class EnginePort implements Port {
  readonly hasRim = false;
  readonly hasOwnTime = false;
  readonly exercised = new Set<string>();
  readonly #temp: TempEngine;
  readonly #clock: ManualClock;
  readonly #wrap: (engine: StorageEngine) => StorageEngine;
  #engine: StorageEngine;
  #epoch = 1n;
  #storeId: string | undefined;

  constructor(
    temp: TempEngine,
    clock: ManualClock,
    wrap: (engine: StorageEngine) => StorageEngine = (engine) => engine,
  ) {
    this.#temp = temp;
    this.#clock = clock;
    this.#wrap = wrap;
    this.#engine = wrap(temp.engine);
  }

  nowMs(): number {
    return this.#clock.wallMs();
  }

  async perform(call: Call, through: bigint | undefined): Promise<Seen> {
    this.exercised.add(call.rpc);
    try {
      const answer = await this.#ask(call, through);
      return { answer, hints: hintsOf(answer), operations: countOf(answer) };
    } catch (error) {
      return { answer: refusalOf(error), hints: {}, operations: 1 };
    }
  }

  expected(call: Call, truth: Truth): unknown {
    if (call.rpc === "CreateNamespace" || call.rpc === "UpdateNamespace") return truth;
    if (call.rpc === "SetLogLevel" || call.rpc === "Malformed") return { kind: "sound" };
    return truth;
  }

  deletedKeys(answer: unknown): Key[][] {
    const { batches } = answer as Truth & { kind: "watched" };
    return batches.map(({ changes }) => changes.map(({ key }) => key));
  }

  async head(namespace: Namespace): Promise<bigint> {
    return (await this.#engine.head(namespace)).revision;
  }

  keys(namespace: Namespace): Promise<number> {
    const found = this.#engine.namespaces.list({ after: "", rowsMax: 1_000 });
    return Promise.resolve(found.find(({ name }) => name === namespace)?.keys ?? 0);
  }

  async restart(): Promise<void> {
    await this.#temp.reopen();
    this.#engine = this.#wrap(this.#temp.engine);
    this.#epoch++;
  }

  passTime(ms: number): Promise<void> {
    return settle(this.#temp.file, this.#clock, ms);
  }

  close(): Promise<void> {
    return this.#temp.close();
  }

  async #ask(call: Call, through: bigint | undefined): Promise<Answer> {
    if (isMutation(call)) return this.#commit(call);
    if (isOfStore(call)) return askEngine(this.#engine, call, this.#epoch);
    switch (call.rpc) {
      case "Get":
      case "BatchGet":
        return this.#points(call);
      case "List":
      case "Scan":
        return call.rpc === "Scan" ? this.#scan(call) : this.#list(call);
      case "Pipeline":
        return { kind: "pipeline", answers: await this.#pipeline(call.entries) };
      case "BulkLoad":
        return this.#load(call);
      case "Watch":
        return this.#watch(call, through);
      case "GetLease": {
        const { namespace, leaseId, keys } = call;
        const found = this.#engine.leases.get(namespace, leaseId, keys ? 1_000 : 0);
        const revision = this.#revisionOf(found.header, namespace);
        if (found.info === undefined) return { kind: "refused", reason: "lease-not-found" };
        return { kind: "lease", namespace, revision, ...found.info };
      }
      case "ListLeases":
        return this.#leases(call.namespace, call.pageSize);
      case "CreateNamespace":
        return this.#info(this.#engine.namespaces.create(call.namespace, call.settings));
      case "UpdateNamespace": {
        const settings = maskedSettings(call.settings, call.mask);
        return this.#info(this.#engine.namespaces.update(call.namespace, settings));
      }
      case "GetNamespace":
        return this.#info(this.#engine.namespaces.get(call.namespace));
      case "DeleteNamespace":
        return { kind: "deleted", ...(await this.#engine.namespaces.delete(call.namespace)) };
      case "Compact": {
        const { namespace, upTo } = call;
        const report = await this.#engine.maintenance.compact(namespace, upTo as Revision);
        return { kind: "compacted", oldest: report.oldest };
      }
      case "Malformed":
        return { kind: "sound" };
    }
  }

  async #commit({ namespace, requestId, body }: Mutation): Promise<Answer> {
    const request = { namespace, principal: undefined, requestId, body };
    const outcome = await this.#engine.commit(request, patient);
    if (outcome.kind === "refused") return { kind: "refused", reason: outcome.refusal.kind };
    assert.ok(outcome.kind === "ok", outcome.kind);
    const revision = this.#revisionOf(outcome.header, namespace);
    return { kind: "committed", namespace, revision, value: outcome.value };
  }

  async #points({ namespace, keys, at, keysOnly }: PointCall): Promise<Answer> {
    const read = { keys, at: at as Revision | undefined, keysOnly };
    const { header, entries } = await this.#engine.get(namespace, read, patient);
    return { kind: "points", namespace, revision: this.#revisionOf(header, namespace), entries };
  }

  /** As a page token says it: the first page's revision, unless no history is kept. */
  async #list(call: ListCall): Promise<Answer> {
    const { namespace, range, reverse, keysOnly, countOnly: count, from } = call;
    const read: PageRead = {
      ...wholePage,
      ...{ range, reverse, keysOnly, count },
      at: (call.at ?? (from?.revision === 0n ? undefined : from?.revision)) as Revision | undefined,
      after: from?.after,
      rowsMax: count ? 1 : call.pageSize,
    };
    const page = await this.#engine.list(namespace, read, patient).catch((error: unknown) => {
      const isOff = error instanceof EngineError && error.kind === "history-off";
      if (!isOff || call.at !== undefined || from === undefined) throw error;
      return this.#engine.list(namespace, { ...read, at: undefined }, patient);
    });
    const revision = this.#revisionOf(page.header, namespace);
    if (count) {
      const whole = { entries: [], more: false, count: page.count ?? -1 };
      return { kind: "page", namespace, revision, ...whole };
    }
    const { entries, more } = page;
    return { kind: "page", namespace, revision, entries, more, count: entries.length };
  }

  async #scan({ namespace, range, reverse, keysOnly, at }: ScanCall): Promise<Answer> {
    const read = { range, reverse, keysOnly, at: at as Revision | undefined, after: undefined };
    const entries = [];
    let revision = 0n;
    for await (const page of this.#engine.scan(namespace, read, "test", patient)) {
      entries.push(...page.entries);
      revision = this.#revisionOf(page.header, namespace);
    }
    return { kind: "page", namespace, revision, entries, more: false, count: entries.length };
  }

  /** Mutations are handed over together; a read waits for those before it, as on a stream. */
  async #pipeline(entries: readonly (readonly PipelineEntry[])[]): Promise<Truth[][]> {
    const running: Promise<Answer>[][] = [];
    for (const list of entries) {
      const answers: Promise<Answer>[] = [];
      running.push(answers);
      for (const entry of list) {
        if (!isMutation(entry)) await Promise.all(running.flat());
        const answer = this.#ask(entry, 0n).catch(refusalOf);
        if (!isMutation(entry)) await answer;
        answers.push(answer);
      }
    }
    return Promise.all(running.map((answers) => Promise.all(answers))) as Promise<Truth[][]>;
  }

  async #load({ namespace, chunks }: BulkCall): Promise<Answer> {
    const answers: Truth[] = [];
    for (const { requestId, puts } of chunks) {
      const body = { compares: [], success: puts, failure: [] };
      const chunk = {
        rpc: "BatchWrite",
        namespace,
        requestId,
        condition: undefined,
        body,
      } as const;
      const answer = (await this.#commit(chunk).catch(refusalOf)) as Truth;
      answers.push(answer);
      if (answer.kind === "refused") break;
    }
    return { kind: "chunks", answers };
  }

  async #watch(call: WatchCall, through: bigint | undefined): Promise<Answer> {
    const { namespace, range, puts, deletions, keysOnly, previous, from } = call;
    const options = { range, puts, deletions, keysOnly, previous, progressIntervalMs: undefined };
    const ending = new AbortController();
    const batches: unknown[] = [];
    // When an event is missing the answer is what has come until then.
    const timer = setTimeout(() => {
      ending.abort();
    }, watchPatienceMs).unref();
    const stream = this.#engine.watch(namespace, from as Revision, options, ending.signal);
    for await (const event of stream) {
      if (event.kind === "compacted") {
        clearTimeout(timer);
        return { kind: "trimmed", oldest: event.oldest };
      }
      if (event.kind === "batches") {
        for (const batch of event.batches) {
          const changes = batch.changes.map((change, at) => {
            const { key, value, cause, createRevision, version, expiresAtMs, leaseId } = change;
            const modRevision = batch.revision;
            const entry = {
              key,
              value,
              createRevision,
              modRevision,
              version,
              expiresAtMs,
              leaseId,
            };
            return {
              key,
              entry: value === null ? undefined : entry,
              cause,
              previous: batch.previous[at],
            };
          });
          batches.push({ revision: batch.revision, changes });
        }
      }
      const isThrough = through !== undefined && event.header.revision >= through;
      if (through === 0n || (isThrough && event.kind !== "standing")) ending.abort();
    }
    clearTimeout(timer);
    return { kind: "watched", batches } as Answer;
  }

  #leases(namespace: Namespace, rowsMax: number): Answer {
    const leases = [];
    let revision = 0n;
    for (let after = 0n; ; ) {
      const page = this.#engine.leases.list(namespace, { after, rowsMax });
      revision = this.#revisionOf(page.header, namespace);
      leases.push(...page.leases);
      const last = page.leases.at(-1);
      if (last === undefined || page.leases.length < rowsMax) break;
      after = last.lease.leaseId;
    }
    return { kind: "leases", namespace, revision, leases };
  }

  async #info(asked: NamespaceInfo | Promise<NamespaceInfo>): Promise<Answer> {
    return { kind: "namespaces", namespaces: [modelInfo(await asked)] };
  }

  #revisionOf({ namespace, revision, epoch, storeId }: Header, expected: Namespace): bigint {
    this.#storeId ??= storeId;
    assert.deepEqual([namespace, epoch, storeId], [expected, this.#epoch, this.#storeId]);
    return revision;
  }
}

function refusalOf(error: unknown): Truth {
  if (error instanceof EngineError) return { kind: "refused", reason: error.kind };
  throw error;
}

function hintsOf(answer: Answer): Hints {
  if (answer.kind === "compacted") return { oldest: answer.oldest };
  const [response] = answer.kind === "committed" ? answer.value.responses : [];
  return response?.kind === "lease" ? { leaseId: response.lease?.leaseId } : {};
}

function countOf(answer: Answer): number {
  if (answer.kind === "pipeline") return answer.answers.flat().length;
  return answer.kind === "chunks" ? answer.answers.length : 1;
}
