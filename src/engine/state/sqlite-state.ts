/**
 * The state machine of a single machine, applying inline: a group is decided and written into one
 * open transaction, request by request, and becomes the present when the log's append (the COMMIT)
 * is certain. A request that is refused leaves nothing behind, because deciding writes nothing and
 * writing refuses nothing: once the first row of a request is written, an error ends its whole group.
 */
import type { Random } from "../../foundation/random.js";
import type { Tenure } from "../../storage/commit-log.js";
import { EngineError, refusalOf } from "../../storage/errors.js";
import type { ChangeBatch, LogEntry, RecordedRequest } from "../../storage/log-entry.js";
import type {
  Header,
  Namespace,
  Revision,
  StoreId,
  TxnRequest,
  TxnResult,
} from "../../storage/model.js";
import type { GroupMember, Prepared, StateMachine } from "../../storage/state-machine.js";
import type { Outcome } from "../../storage/storage-engine.js";
import { ByteReader } from "../record/byte-reader.js";
import { readResult } from "../record/result-codec.js";
import type { Connection } from "../sqlite/connection.js";
import { SoleWriter } from "../sqlite/sole-writer.js";
import { prepareRun, sql } from "../sqlite/statements.js";
import { assertNotBlocked } from "./blocked.js";
import { evaluate } from "./evaluate.js";
import { KvTable } from "./kv-table.js";
import { LeaseKeyCounts } from "./lease-key-counts.js";
import { LeaseTable } from "./lease-table.js";
import { type NamespaceRow, NamespaceTable } from "./namespace-table.js";
import { type PastSpan, PastTable } from "./past-table.js";
import { assertWithinQuota, type Usage } from "./quota.js";
import { recordedAnswer } from "./recorded-answer.js";
import { RequestLedger } from "./request-ledger.js";
import { Staging, type StateView } from "./staging.js";

export interface StateOptions {
  readonly nodeId: string;
  readonly storeId: StoreId;
  readonly namespaceAutoCreate: boolean;
  readonly random: Random;
  /** Wall time that never steps back: no earlier than any commit before. */
  nowMs(): number;
  /** Throws EngineError "corrupt" when the log could not take an entry of the namespace. */
  assertAppendable(ns: number): void;
}

/** What is answered, and what is to be written for it; undefined = nothing. */
interface Decision {
  readonly row: NamespaceRow;
  readonly revision: Revision;
  readonly value: TxnResult;
  readonly effect: Effect | undefined;
}

interface Effect {
  readonly request: TxnRequest;
  readonly staging: Staging;
  readonly recorded: RecordedRequest | undefined;
  /** Undefined = replaced versions are not kept. */
  readonly past: PastSpan | undefined;
  /** What the namespace holds afterwards. */
  readonly usage: Usage;
  readonly nowMs: number;
}

export class SqliteState implements StateMachine {
  readonly namespaces: NamespaceTable;
  readonly #connection: Connection;
  readonly #options: StateOptions;
  readonly #kv: KvTable;
  readonly #ledger: RequestLedger;
  readonly #begin;
  readonly #rollback;
  readonly #sole: SoleWriter;
  readonly #batches = new Map<Namespace, ChangeBatch[]>();
  readonly #leases: LeaseTable;
  readonly #leaseKeys: LeaseKeyCounts;
  readonly #past: PastTable;
  #attempts = 0;
  #wrote = false;

  constructor(connection: Connection, options: StateOptions) {
    this.#connection = connection;
    this.#options = options;
    this.namespaces = new NamespaceTable(connection);
    this.#kv = new KvTable(connection);
    this.#ledger = new RequestLedger(connection);
    this.#leases = new LeaseTable(connection);
    this.#leaseKeys = new LeaseKeyCounts(connection);
    this.#past = new PastTable(connection);
    this.#begin = prepareRun<[]>(connection, sql.beginImmediate);
    this.#rollback = prepareRun<[]>(connection, sql.rollback);
    this.#sole = new SoleWriter(connection);
  }

  applied(namespace: Namespace): Revision {
    return this.namespaces.find(namespace)?.applied ?? (0n as Revision);
  }

  /**
   * Opens the transaction. Throws what SQLite throws, "busy" above all, and ForeignWriteError: then
   * nothing happened.
   */
  begin(): void {
    this.#begin.run();
    this.assertSole();
  }

  /** Throws ForeignWriteError: for writes that make a transaction of their own. */
  assertSole(): void {
    this.#sole.assertSole();
  }

  /** After an error over which SQLite has dropped its pages, as if another had written them. */
  takeFileForOwn(): void {
    this.#sole.takeForOwn();
  }

  prepare(group: readonly GroupMember[], tenure: Tenure): Prepared {
    this.begin();
    this.#batches.clear();
    this.#wrote = false;
    const nowMs = this.#options.nowMs();
    const outcomes = group.map((member) => this.#decide(member, tenure, nowMs));
    this.namespaces.write();
    return { entries: this.#entries(tenure, nowMs), outcomes, wrote: this.#wrote };
  }

  commitPrepared(): void {
    this.namespaces.promote();
  }

  abortPrepared(): void {
    this.namespaces.forget();
    this.#leaseKeys.forget();
    // After SQLITE_FULL the transaction is gone already, and a ROLLBACK would hide that error.
    if (this.#connection.inTransaction) this.#rollback.run();
  }

  #decide(member: GroupMember, tenure: Tenure, nowMs: number): Outcome<TxnResult> {
    let decision: Decision;
    try {
      decision = this.#evaluate(member, this.#namespaceFor(member.request, nowMs), nowMs);
    } catch (error) {
      if (error instanceof EngineError) return { kind: "refused", refusal: refusalOf(error) };
      throw error;
    }
    if (decision.effect !== undefined) this.#write(decision, decision.effect);
    const { row, revision, value } = decision;
    return { kind: "ok", header: this.#header(row, revision, tenure), value };
  }

  /** Throws EngineError for everything that can be wrong with a request, and writes nothing. */
  #evaluate(member: GroupMember, row: NamespaceRow, nowMs: number): Decision {
    const { request } = member;
    const digest = request.requestId === undefined ? undefined : member.digest();
    if (request.requestId !== undefined && digest !== undefined) {
      const first = this.#ledger.find(row.id, request.requestId, digest, nowMs);
      if (first !== undefined) {
        const value = { ...readResult(new ByteReader(first.answer)), replayed: true };
        return { row, revision: first.revision, value, effect: undefined };
      }
    }
    const next = (row.head + 1n) as Revision;
    const view = this.#viewOf(row.id);
    const staging = new Staging(view, { revision: next, nowMs, random: this.#options.random });
    const value = evaluate(request.body, staging);
    const changesNothing = staging.size === 0 && staging.leases.size === 0;
    // A condition that did not hold leaves its id free. And what is not there cannot remember.
    const remembers = value.succeeded && this.namespaces.find(row.name) !== undefined;
    if (changesNothing && (digest === undefined || !remembers)) {
      return { row, revision: row.head, value, effect: undefined };
    }
    const usage = usageAfter(row, staging);
    if (!changesNothing) assertWithinQuota(row.settings, row, usage);
    const recorded = digest === undefined ? undefined : recordOf(request, digest, value);
    // Once per group: the append asks again, when it is too late to refuse one request.
    if (staging.size > 0 && !this.#batches.has(row.name)) this.#options.assertAppendable(row.id);
    const past =
      staging.size > 0 && row.settings.historyReads ? this.#past.span(row.id) : undefined;
    const revision = staging.size === 0 ? row.head : next;
    return { row, revision, value, effect: { request, staging, recorded, past, usage, nowMs } };
  }

  #write({ row, revision }: Decision, effect: Effect): void {
    const { staging, recorded, nowMs } = effect;
    this.#wrote = true;
    this.#applyLeases(row.id, staging);
    if (staging.size > 0) this.#apply(row, revision, effect);
    // Leases take no revision; the first grant may still have to make the namespace.
    else if (staging.leases.size > 0) this.namespaces.stage(row);
    if (recorded !== undefined) this.#ledger.record(row.id, { ...recorded, revision, nowMs });
  }

  #applyLeases(ns: number, staging: Staging): void {
    for (const [leaseId, lease] of staging.leases) {
      if (lease === null) this.#leases.delete(ns, leaseId);
      else this.#leases.put(ns, lease);
    }
  }

  #apply(row: NamespaceRow, revision: Revision, effect: Effect): void {
    const { staging, request, recorded, past, usage } = effect;
    if (past !== undefined) {
      const replaced = [...staging.changes].flatMap(({ replaces }) => replaces ?? []);
      this.#past.keep(row.id, past, replaced, revision);
    }
    const changes = [];
    for (const { change, replaces } of staging.changes) {
      if (change.value !== null) {
        const written = { value: change.value, modRevision: revision };
        this.#kv.put(row.id, change, written, replaces);
      } else if (replaces !== undefined) {
        this.#kv.delete(replaces);
      }
      this.#leaseKeys.note(row.id, replaces?.leaseId, change.leaseId);
      changes.push(change);
    }
    this.namespaces.stage(advanced(row, revision, usage));
    const batch = { revision, principal: request.principal, request: recorded, changes };
    const batches = this.#batches.get(row.name);
    if (batches === undefined) this.#batches.set(row.name, [batch]);
    else batches.push(batch);
  }

  #viewOf(ns: number): StateView {
    return {
      find: (key) => this.#kv.find(ns, key),
      range: (range, rowsMax) => this.#kv.range(ns, range, rowsMax),
      entry: (facts) => this.#kv.entry(facts),
      findLease: (leaseId) => this.#leases.find(ns, leaseId),
      leaseCount: () => this.#leases.count(ns),
      leaseKeyCount: (leaseId) => this.#leaseKeys.of(ns, leaseId),
      rowsOfLease: (leaseId) => this.#kv.ofLease(ns, leaseId),
    };
  }

  #namespaceFor(request: TxnRequest, nowMs: number): NamespaceRow {
    const name = request.namespace;
    const row = this.namespaces.find(name);
    if (row === undefined) {
      if (this.#options.namespaceAutoCreate) return this.namespaces.fresh(name, nowMs, {});
      throw new EngineError("namespace-missing", "the namespace does not exist", {
        hint: "create it with NamespaceService/CreateNamespace; automatic creation is off",
        facts: { namespace: name },
      });
    }
    assertNotBlocked(row.settings, request);
    return row;
  }

  #entries(tenure: Tenure, timeMs: number): LogEntry[] {
    this.#attempts++;
    const nonce = `${tenure.epoch}-${this.#attempts}`;
    return [...this.#batches].map(([namespace, batches]) => {
      const last = this.namespaces.find(namespace)?.head ?? (0n as Revision);
      const first = (last - BigInt(batches.length) + 1n) as Revision;
      return { namespace, first, last, epoch: tenure.epoch, nonce, timeMs, batches };
    });
  }

  #header(row: NamespaceRow, revision: Revision, tenure: Tenure): Header {
    const { nodeId, storeId } = this.#options;
    return { namespace: row.name, revision, epoch: tenure.epoch, nodeId, storeId };
  }
}

/** Named field by field: a spread of a row costs the engine a slow path for every request. */
function advanced(row: NamespaceRow, revision: Revision, { keys, liveBytes }: Usage): NamespaceRow {
  const { id, name, createdAtMs, settings } = row;
  return { id, name, createdAtMs, head: revision, applied: revision, keys, liveBytes, settings };
}

/** What the namespace holds once these changes are made. */
function usageAfter(row: NamespaceRow, staging: Staging): Usage {
  let { keys, liveBytes } = row;
  for (const { change, replaces } of staging.changes) {
    if (replaces !== undefined) {
      keys--;
      liveBytes -= replaces.key.length + replaces.valueBytes;
    }
    if (change.value !== null) {
      keys++;
      liveBytes += change.key.length + change.value.length;
    }
  }
  return { keys, liveBytes };
}

/** Throws "limit-exceeded" when the answer is too large to be remembered. */
function recordOf(
  request: TxnRequest,
  digest: Uint8Array,
  result: TxnResult,
): RecordedRequest | undefined {
  if (request.requestId === undefined) return undefined;
  const answer = recordedAnswer(result);
  RequestLedger.assertRecordable(answer);
  return { id: request.requestId, digest, answer };
}
