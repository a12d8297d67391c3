/**
 * Random work for an engine, with the model beside it: every answer is compared as it comes. Time
 * passes, keys and leases run out, namespaces are deleted and the store is opened again on the way.
 */
import assert from "node:assert/strict";
import Database from "better-sqlite3";
import fc from "fast-check";
import { compareBytes } from "../../src/foundation/bytes.js";
import type { ManualClock } from "../../src/foundation/clock.js";
import type { Random } from "../../src/foundation/random.js";
import type {
  Entry,
  Header,
  Key,
  LeaseId,
  Namespace,
  Operation,
  RequestId,
  Revision,
  TxnBody,
  TxnRequest,
  TxnResult,
} from "../../src/storage/model.js";
import type { Outcome, StorageEngine } from "../../src/storage/storage-engine.js";
import { narrow, recordOf, txnBody } from "./arbitraries.js";
import { canonical } from "./canonical.js";
import type { ModelOutcome, ModelStore } from "./model-store.js";
import { patient, wholePage, wholeRange } from "./temp-engine.js";
import { waitFor } from "./wait.js";

/** How many answers a run compares; more of them by hand or at night. */
export const modelOperations = Number(process.env["KVDB_MODEL_OPERATIONS"] ?? 20_000);

/** Made when it is first written to, and deleted now and then. */
const [plain, deleted] = ["plain", "deleted"] as Namespace[] as [Namespace, Namespace];
/** Keeps every version; nothing in it runs out, so that each of its revisions is a request's. */
const history = "history" as Namespace;
const leaseIds = [1n, 2n, 3n] as LeaseId[];
const lifetimesMs = [20, 500, 3_000, 60_000];
const bytes = [0x00, 0x61, 0x62, 0xff];
const allKeys = [
  ...bytes.map((byte) => [byte]),
  ...bytes.flatMap((first) => bytes.map((second) => [first, second])),
].map((key) => Uint8Array.from(key) as Key);

const leaseId = fc.constantFrom(...leaseIds);
const ttlMs = fc.constantFrom(...lifetimesMs);
const mortal = {
  ...narrow,
  expiry: fc.oneof(
    { weight: 3, arbitrary: narrow.expiry },
    { weight: 1, arbitrary: ttlMs.map((ms) => ({ kind: "after" as const, ttlMs: ms })) },
    { weight: 1, arbitrary: leaseId.map((id) => ({ kind: "lease" as const, leaseId: id })) },
  ),
};
const leaseBody = fc
  .oneof(
    recordOf({ kind: fc.constant("lease-grant" as const), leaseId, ttlMs }),
    recordOf({
      kind: fc.constantFrom("lease-keep-alive" as const, "lease-revoke" as const),
      leaseId,
    }),
  )
  .map((operation: Operation): TxnBody => ({ compares: [], success: [operation], failure: [] }));
const shape = { depth: 1, operations: 3 };
const mortalBody = fc.oneof(
  { weight: 4, arbitrary: txnBody(mortal, shape) },
  { weight: 1, arbitrary: leaseBody },
);
const lastingBody = txnBody(narrow, shape);

/** Takes random values off a generator that was drawn from in bulk. */
class Pool<Value> {
  readonly #of: fc.Arbitrary<Value>;
  readonly #random: Random;
  #values: Value[] = [];

  constructor(of: fc.Arbitrary<Value>, random: Random) {
    this.#of = of;
    this.#random = random;
  }

  take(): Value {
    if (this.#values.length === 0) {
      this.#values = fc.sample(this.#of, { numRuns: 500, seed: this.#random.uint32() | 0 });
    }
    const value = this.#values.pop();
    assert.ok(value !== undefined);
    return value;
  }
}

export interface ModelRunParts {
  /** The engine that is open now. */
  engine(): StorageEngine;
  /** Closes and opens it again. */
  reopen(): Promise<void>;
  readonly file: () => string;
  readonly clock: ManualClock;
  readonly model: ModelStore;
  readonly random: Random;
}

export class ModelRun {
  readonly #parts: ModelRunParts;
  readonly #mortal: Pool<TxnBody>;
  readonly #lasting: Pool<TxnBody>;
  /** Requests with ids that may be asked again. */
  readonly #recent: TxnRequest[] = [];
  #nextId = 0;
  #epoch = 1n;
  #storeId: string | undefined;
  operations = 0;
  restarts = 0;

  constructor(parts: ModelRunParts) {
    this.#parts = parts;
    this.#mortal = new Pool(mortalBody, parts.random);
    this.#lasting = new Pool(lastingBody, parts.random);
  }

  /** Throws at the first answer that is not the model's. */
  async run(operations: number): Promise<void> {
    await this.#parts.engine().namespaces.create(history, { historyReads: true });
    this.#parts.model.createNamespace(history);
    while (this.operations < operations) await this.#step();
    await this.#restart();
    for (const namespace of [plain, deleted, history]) await this.#readAll(namespace);
  }

  async #step(): Promise<void> {
    const dice = this.#parts.random.below(1_000);
    if (dice < 400) await this.#commitTogether();
    else if (dice < 780) await this.#getSome();
    else if (dice < 830) await this.#list();
    else if (dice < 860) await this.#readAll(this.#namespace());
    else if (dice < 930) await this.#getPast();
    else if (dice < 970) this.#lookAtLeases();
    else if (dice < 990) await this.#passTime();
    else if (dice < 996) await this.#deleteNamespace();
    else await this.#restart();
  }

  get #nowMs(): number {
    return this.#parts.clock.wallMs();
  }

  #pick<Value>(values: readonly Value[]): Value {
    const value = values[this.#parts.random.below(values.length)];
    assert.ok(value !== undefined);
    return value;
  }

  #namespace(): Namespace {
    return this.#pick([plain, plain, deleted, history]);
  }

  /** Several at once: they share groups as they please, and each answers as if it were alone. */
  async #commitTogether(): Promise<void> {
    const { random, model } = this.#parts;
    const requests = Array.from({ length: 1 + random.below(16) }, () => this.#request());
    const engine = this.#parts.engine();
    const outcomes = await Promise.all(requests.map((request) => engine.commit(request, patient)));
    for (const [index, request] of requests.entries()) {
      const expected = model.commit(request, this.#nowMs);
      this.#same(inModelWords(outcomes[index]), expected, () => canonical(request));
      const outcome = outcomes[index];
      if (outcome?.kind === "ok") this.#checkHeader(outcome.header, request.namespace);
    }
  }

  #request(): TxnRequest {
    const { random } = this.#parts;
    const dice = random.below(10);
    if (dice === 0 && this.#recent.length > 0) return this.#again();
    const namespace = this.#namespace();
    const body = (namespace === history ? this.#lasting : this.#mortal).take();
    const requestId = dice < 4 ? (`id-${String(++this.#nextId)}` as RequestId) : undefined;
    const request = { namespace, principal: undefined, requestId, body };
    if (requestId !== undefined) this.#recent.push(request);
    if (this.#recent.length > 50) this.#recent.shift();
    return request;
  }

  /** The same request, or another one with its id, which must be refused if the first had an effect. */
  #again(): TxnRequest {
    const request = this.#pick(this.#recent);
    return this.#parts.random.below(3) === 0 ? { ...request, body: this.#lasting.take() } : request;
  }

  async #getSome(): Promise<void> {
    const { random, model } = this.#parts;
    const namespace = this.#namespace();
    // One key mostly, the same ones again, so that the cache is asked; sometimes more than a thread reads.
    const count = this.#pick([1, 1, 1, 1, 3, 70]);
    const keys = Array.from({ length: count }, () => this.#pick(allKeys));
    const keysOnly = random.below(4) === 0;
    const read = { keys, at: undefined, keysOnly };
    const { header, entries } = await this.#parts.engine().get(namespace, read, patient);
    const expected = keys.map((key) => model.get(namespace, key, this.#nowMs));
    this.#same(
      entries,
      expected.map((entry) => shown(entry, keysOnly)),
      () => "get",
    );
    this.#checkHeader(header, namespace);
    this.#same(header.revision, model.head(namespace), () => "the header of get");
  }

  async #getPast(): Promise<void> {
    const { random, model } = this.#parts;
    const head = model.head(history);
    if (head === 0n) return;
    const revision = BigInt(1 + random.below(Number(head)));
    const keys = Array.from({ length: this.#pick([1, 5]) }, () => this.#pick(allKeys));
    const read = { keys, at: revision as Revision, keysOnly: false };
    const { entries } = await this.#parts.engine().get(history, read, patient);
    const expected = keys.map((key) => model.getAt(history, key, revision));
    this.#same(entries, expected, () => `get at ${String(revision)} of ${String(head)}`);
  }

  async #list(): Promise<void> {
    const { random, model } = this.#parts;
    const namespace = this.#namespace();
    const bounds = [this.#pick(allKeys), this.#pick(allKeys)].sort(compareBytes);
    const [start, end] = bounds as [Key, Key];
    const range = this.#pick([wholePage.range, { start, end }, { start, end: undefined }]);
    const reverse = random.below(2) === 0;
    const keysOnly = random.below(3) === 0;
    const rowsMax = 1 + random.below(6);
    let after: Uint8Array | undefined;
    for (let more = true; more; ) {
      const read = { ...wholePage, range, reverse, keysOnly, rowsMax, after, count: true };
      const page = await this.#parts.engine().list(namespace, read, patient);
      const expected = model.page(namespace, read, this.#nowMs);
      this.#same(
        { entries: page.entries, more: page.more, count: page.count },
        {
          entries: expected.entries.slice(0, rowsMax).map((entry) => shown(entry, keysOnly)),
          more: expected.entries.length > rowsMax,
          count: expected.count,
        },
        () => `a page of ${canonical(read)}`,
      );
      after = page.entries.at(-1)?.key;
      more = page.more;
    }
  }

  async #readAll(namespace: Namespace): Promise<void> {
    const reverse = this.#parts.random.below(2) === 0;
    const entries: Entry[] = [];
    const read = { ...wholeRange, reverse };
    for await (const page of this.#parts.engine().scan(namespace, read, "test", patient)) {
      entries.push(...page.entries);
      this.#same(page.header.revision, this.#parts.model.head(namespace), () => "a scan's header");
    }
    const expected = this.#parts.model.page(namespace, { ...read, after: undefined }, this.#nowMs);
    this.#same(entries, expected.entries, () => `a scan of ${namespace}`);
  }

  #lookAtLeases(): void {
    const namespace = this.#pick([plain, deleted]);
    const expected = this.#parts.model.leases(namespace, this.#nowMs);
    const { leases } = this.#parts.engine().leases.list(namespace, { after: 0n, rowsMax: 10 });
    this.#same(leases, expected, () => "the leases");
  }

  /** Until everything that has run out is swept; meanwhile nobody sees it. */
  async #passTime(): Promise<void> {
    const { clock, model } = this.#parts;
    clock.advance(this.#pick([10, 400, 2_500]));
    await this.#getUnswept();
    const database = new Database(this.#parts.file(), { readonly: true });
    const due = database.prepare<[{ now: number }], number>(
      `SELECT count(*) FROM namespace n WHERE n.name > '!~' AND (
        EXISTS (SELECT 1 FROM kv k WHERE k.ns = n.id AND k.expires_ms <= @now)
        OR EXISTS (SELECT 1 FROM lease l WHERE l.ns = n.id AND l.deadline_ms <= @now))`,
    );
    try {
      await waitFor("the sweeper", () => {
        if (due.pluck().get({ now: this.#nowMs }) === 0) return true;
        clock.advance(10);
        return undefined;
      });
    } finally {
      database.close();
    }
    const engine = this.#parts.engine();
    model.expire(this.#nowMs, (namespace) => (engine.head(namespace) as Header).revision);
    this.operations++;
  }

  async #getUnswept(): Promise<void> {
    const key = this.#pick(allKeys);
    const read = { keys: [key], at: undefined, keysOnly: false };
    const { entries } = await this.#parts.engine().get(plain, read, patient);
    this.#same(entries, [this.#parts.model.get(plain, key, this.#nowMs)], () => "unswept");
  }

  async #deleteNamespace(): Promise<void> {
    const asked = this.#parts.engine().namespaces.delete(deleted);
    const end = await asked.then(
      () => "done",
      () => "missing",
    );
    this.#same(end, this.#parts.model.deleteNamespace(deleted), () => "deleting a namespace");
    // Their ids went with it.
    const kept = this.#recent.filter(({ namespace }) => namespace !== deleted);
    this.#recent.splice(0, this.#recent.length, ...kept);
  }

  async #restart(): Promise<void> {
    await this.#parts.reopen();
    this.#epoch++;
    this.restarts++;
    const names = this.#parts.engine().namespaces.list({ after: "", rowsMax: 10 });
    this.#same(
      names.map(({ name, head }) => [name, head]),
      this.#parts.model.namespaces.map((name) => [name, this.#parts.model.head(name)]),
      () => "the namespaces after a restart",
    );
  }

  #checkHeader({ namespace, epoch, storeId }: Header, expected: Namespace): void {
    this.#storeId ??= storeId;
    this.#same([namespace, epoch, storeId], [expected, this.#epoch, this.#storeId], () => "header");
  }

  #same(actual: unknown, expected: unknown, what: () => string): void {
    this.operations++;
    const [shownActual, shownExpected] = [canonical(actual), canonical(expected)];
    if (shownActual === shownExpected) return;
    assert.equal(shownActual, shownExpected, `operation ${String(this.operations)}: ${what()}`);
  }
}

/** An outcome in the words of the model. */
export function inModelWords(
  outcome: Outcome<TxnResult> | undefined,
): ModelOutcome | Outcome<TxnResult> | undefined {
  if (outcome?.kind === "ok") {
    return { kind: "ok", revision: outcome.header.revision, value: outcome.value };
  }
  if (outcome?.kind === "refused") return { kind: "refused", reason: outcome.refusal.kind };
  return outcome;
}

function shown(entry: Entry | undefined, keysOnly: boolean): Entry | undefined {
  return entry === undefined || !keysOnly ? entry : { ...entry, value: new Uint8Array(0) };
}
