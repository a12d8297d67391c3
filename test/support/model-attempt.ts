/**
 * One request of the model: decided on copies of what it found, which become the present or are
 * dropped. The rules of every operation stand here, once more and plainly.
 */
import { binaryText, compareBytes, equalBytes } from "../../src/foundation/bytes.js";
import type { EngineErrorKind } from "../../src/storage/errors.js";
import type { ChangeCause } from "../../src/storage/log-entry.js";
import type {
  Compare,
  Entry,
  Expiry,
  Key,
  KeyRange,
  Lease,
  LeaseId,
  Operation,
  OperationResult,
  Revision,
  Span,
  TxnBody,
  TxnResult,
} from "../../src/storage/model.js";

export type Rows = ReadonlyMap<string, Entry>;

/** What a request starts from. */
export interface Found {
  readonly head: bigint;
  readonly rows: Rows;
  readonly leases: ReadonlyMap<LeaseId, Lease>;
}

/** One line of the log: a key as a revision left it. */
export interface Logged {
  readonly key: Key;
  /** Undefined = deleted. */
  readonly entry: Entry | undefined;
  readonly cause: ChangeCause;
  /** What could be read under the key until then. */
  readonly previous: Entry | undefined;
}

/** Thrown inside the model only. */
export class ModelRefusal extends Error {
  readonly reason: EngineErrorKind;

  constructor(reason: EngineErrorKind) {
    super(reason);
    this.reason = reason;
  }
}

export class Attempt {
  readonly rows: Map<string, Entry>;
  readonly leases: Map<LeaseId, Lease>;
  readonly #before: Found;
  readonly #nowMs: number;
  readonly #revision: Revision;
  /** Why keys went that no client deleted. */
  readonly #causes = new Map<string, ChangeCause>();

  constructor(before: Found, nowMs: number) {
    this.#before = before;
    this.#nowMs = nowMs;
    this.#revision = (before.head + 1n) as Revision;
    this.rows = new Map(before.rows);
    this.leases = new Map(before.leases);
  }

  /** What this request has changed, in the order of the keys. */
  get changes(): readonly Logged[] {
    const { rows: before } = this.#before;
    const found: Logged[] = [];
    const note = (name: string, key: Key, entry: Entry | undefined): void => {
      const replaced = before.get(name);
      const cause = entry === undefined ? this.#causes.get(name) : undefined;
      // What ends by itself is shown as it was: that it had run out is why it is taken away.
      const shows = replaced !== undefined && (cause !== undefined || this.#wasLive(replaced));
      const previous = shows ? replaced : undefined;
      found.push({ key, entry, cause: cause ?? "client", previous });
    };
    for (const [name, row] of this.rows) {
      if (before.get(name) !== row) note(name, row.key, row);
    }
    for (const [name, row] of before) {
      if (!this.rows.has(name)) note(name, row.key, undefined);
    }
    return found.sort((a, b) => compareBytes(a.key, b.key));
  }

  get changedLeases(): boolean {
    return differ(this.#before.leases, this.leases);
  }

  find(key: Key): Entry | undefined {
    const row = this.rows.get(binaryText(key));
    return row !== undefined && this.#isLive(row) ? row : undefined;
  }

  range(range: KeyRange): Entry[] {
    return [...this.rows.values()]
      .filter((row) => this.#isLive(row) && isWithin(row.key, range))
      .sort((a, b) => compareBytes(a.key, b.key));
  }

  /** Returns how many keys have gone. */
  expireAll(): number {
    const due = [...this.leases.values()].filter(({ deadlineMs }) => deadlineMs <= this.#nowMs);
    const bound = due.map(({ leaseId }) => this.#endLease(leaseId, "lease-expired"));
    const own = this.#expire([...this.rows.values()].map(({ key }) => key));
    return bound.reduce((sum, count) => sum + count, own);
  }

  evaluate(body: TxnBody): TxnResult {
    const failedCompares = [...body.compares.keys()].filter((index) => {
      const compare = body.compares[index];
      return compare !== undefined && !this.#holds(compare);
    });
    const succeeded = failedCompares.length === 0;
    const branch = succeeded ? body.success : body.failure;
    const responses = branch.map((operation) => this.#perform(operation));
    return { succeeded, failedCompares, responses, replayed: false };
  }

  #perform(operation: Operation): OperationResult {
    switch (operation.kind) {
      case "get":
        return { kind: "got", entry: this.find(operation.key) };
      case "put": {
        const previous = operation.returnPrevious ? this.find(operation.key) : undefined;
        const { version } = this.#put(operation.key, operation.value, this.#lifeOf(operation));
        return { kind: "put", version, previous };
      }
      case "delete": {
        const found = this.#within(operation.span);
        for (const { key } of found) this.rows.delete(binaryText(key));
        const previous = operation.returnPrevious ? found[0] : undefined;
        return { kind: "deleted", count: found.length, previous };
      }
      case "rename":
        return { kind: "renamed", entry: this.#rename(operation) };
      case "increment":
        return { kind: "incremented", value: this.#increment(operation) };
      case "txn":
        return { kind: "txn", result: this.evaluate(operation.body) };
      case "lease-grant":
        return this.#grant(operation);
      case "lease-keep-alive": {
        const lease = this.#liveLease(operation.leaseId);
        return lease === undefined
          ? { kind: "lease", lease }
          : this.#setLease(operation.leaseId, lease.ttlMs);
      }
      case "lease-revoke":
        if (this.#liveLease(operation.leaseId) === undefined) {
          throw new ModelRefusal("lease-not-found");
        }
        return { kind: "expired", count: this.#endLease(operation.leaseId, "lease-revoked") };
      case "expire-keys":
        return { kind: "expired", count: this.#expire(operation.keys) };
      case "expire-lease": {
        const lease = this.leases.get(operation.leaseId);
        const due = lease !== undefined && lease.deadlineMs <= this.#nowMs;
        return {
          kind: "expired",
          count: due ? this.#endLease(operation.leaseId, "lease-expired") : 0,
        };
      }
    }
  }

  #put(key: Key, value: Uint8Array, life: Pick<Entry, "expiresAtMs" | "leaseId">): Entry {
    const before = this.find(key);
    const changedBefore = before?.modRevision === this.#revision;
    const row: Entry = {
      key,
      value,
      createRevision: before?.createRevision ?? this.#revision,
      modRevision: this.#revision,
      version: before === undefined ? 1n : before.version + (changedBefore ? 0n : 1n),
      expiresAtMs: life.expiresAtMs,
      leaseId: life.leaseId,
    };
    this.rows.set(binaryText(key), row);
    return row;
  }

  #rename(operation: Operation & { kind: "rename" }): Entry {
    const source = this.find(operation.from);
    if (source === undefined) throw new ModelRefusal("key-not-found");
    if (this.find(operation.to) !== undefined && !operation.overwrite) {
      throw new ModelRefusal("key-exists");
    }
    if (equalBytes(operation.from, operation.to)) return source;
    this.rows.delete(binaryText(operation.from));
    if (this.find(operation.to) !== undefined) this.rows.delete(binaryText(operation.to));
    return this.#put(operation.to, source.value, source);
  }

  #increment(operation: Operation & { kind: "increment" }): bigint {
    const before = this.find(operation.key);
    const text = before === undefined ? undefined : Buffer.from(before.value).toString("latin1");
    if (text !== undefined && !/^-?[0-9]{1,19}$/.test(text)) throw new ModelRefusal("not-a-number");
    const number = text === undefined ? operation.initial : BigInt(text);
    const value = number + operation.delta;
    for (const one of [number, value]) {
      if (BigInt.asIntN(64, one) !== one) throw new ModelRefusal("not-a-number");
    }
    const { expiresAtMs, leaseId } = before ?? { expiresAtMs: undefined, leaseId: undefined };
    this.#put(operation.key, Buffer.from(String(value)), { expiresAtMs, leaseId });
    return value;
  }

  #lifeOf({ expiry }: { readonly expiry: Expiry }): Pick<Entry, "expiresAtMs" | "leaseId"> {
    if (expiry.kind === "lease" && this.#liveLease(expiry.leaseId) === undefined) {
      throw new ModelRefusal("lease-not-found");
    }
    const after = expiry.kind === "after" ? this.#nowMs + expiry.ttlMs : undefined;
    return {
      expiresAtMs: expiry.kind === "at" ? expiry.atMs : after,
      leaseId: expiry.kind === "lease" ? expiry.leaseId : undefined,
    };
  }

  #grant({ leaseId, ttlMs }: Operation & { kind: "lease-grant" }): OperationResult {
    if (leaseId === undefined) throw new Error("the model cannot guess the id that is chosen");
    if (this.leases.has(leaseId)) throw new ModelRefusal("lease-exists");
    return this.#setLease(leaseId, ttlMs);
  }

  #setLease(leaseId: LeaseId, ttlMs: number): OperationResult {
    const lease = { leaseId, ttlMs, deadlineMs: this.#nowMs + ttlMs };
    this.leases.set(leaseId, lease);
    return { kind: "lease", lease };
  }

  #liveLease(leaseId: LeaseId): Lease | undefined {
    const lease = this.leases.get(leaseId);
    return lease === undefined || lease.deadlineMs <= this.#nowMs ? undefined : lease;
  }

  #endLease(leaseId: LeaseId, cause: ChangeCause): number {
    this.leases.delete(leaseId);
    return this.#removeWhere((row) => row.leaseId === leaseId, cause);
  }

  #expire(keys: readonly Key[]): number {
    const due = new Set(keys.map(binaryText));
    return this.#removeWhere(({ key, expiresAtMs }) => {
      return due.has(binaryText(key)) && expiresAtMs !== undefined && expiresAtMs <= this.#nowMs;
    }, "expired");
  }

  #removeWhere(ends: (row: Entry) => boolean, cause: ChangeCause): number {
    const names = [...this.rows].filter(([, row]) => ends(row)).map(([name]) => name);
    for (const name of names) {
      this.rows.delete(name);
      this.#causes.set(name, cause);
    }
    return names.length;
  }

  #within(span: Span): readonly Entry[] {
    if (span.kind === "range") return this.range(span.range);
    const row = this.find(span.key);
    return row === undefined ? [] : [row];
  }

  #holds(compare: Compare): boolean {
    const found = this.#within(compare.span);
    const asked = found.length === 0 ? [undefined] : found;
    return asked.every((row) => holdsFor(compare, row));
  }

  #isLive(row: Entry): boolean {
    return isLive(row, this.leases, this.#nowMs);
  }

  #wasLive(row: Entry): boolean {
    return isLive(row, this.#before.leases, this.#nowMs);
  }
}

function isLive(
  { expiresAtMs, leaseId }: Entry,
  leases: ReadonlyMap<LeaseId, Lease>,
  nowMs: number,
): boolean {
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return false;
  const lease = leaseId === undefined ? undefined : leases.get(leaseId);
  return lease === undefined || lease.deadlineMs > nowMs;
}

function holdsFor({ operand, relation }: Compare, row: Entry | undefined): boolean {
  let order: number;
  if (operand.of === "value") {
    if (row === undefined) return false;
    order = compareBytes(row.value, operand.value);
  } else {
    const facts = {
      version: row?.version,
      "create-revision": row?.createRevision,
      "mod-revision": row?.modRevision,
      lease: row?.leaseId,
    };
    const difference = (facts[operand.of] ?? 0n) - operand.value;
    order = difference === 0n ? 0 : difference < 0n ? -1 : 1;
  }
  const truths = {
    equal: order === 0,
    "not-equal": order !== 0,
    less: order < 0,
    greater: order > 0,
  };
  return truths[relation];
}

function isWithin(key: Uint8Array, { start, end }: KeyRange): boolean {
  return compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0);
}

function differ<Name, Value>(a: ReadonlyMap<Name, Value>, b: ReadonlyMap<Name, Value>): boolean {
  if (a.size !== b.size) return true;
  return [...a].some(([name, value]) => b.get(name) !== value);
}
