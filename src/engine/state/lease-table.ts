/**
 * Leases through the writer's connection. A lease that has run out is gone for every caller, even
 * before its keys are taken away; it is never brought back, whatever the clock does, because the
 * writer's time does not step back.
 */
import { EngineError } from "../../storage/errors.js";
import type { Lease, LeaseId } from "../../storage/model.js";
import { damagedStoreHint } from "../damage-hints.js";
import { factsChecksum } from "../record/row-checksum.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareNumber, prepareRows, prepareRun, sql } from "../sqlite/statements.js";

export type LeaseColumns = [leaseId: bigint, ttlMs: bigint, deadlineMs: bigint, checksum: bigint];

/** Throws EngineError "corrupt" when the row's checksum differs. */
export function leaseOf(ns: number, columns: LeaseColumns): Lease {
  const [leaseId, ttlMs, deadlineMs, checksum] = columns;
  if (factsChecksum([ns, leaseId, ttlMs, deadlineMs]) !== Number(checksum)) {
    throw new EngineError("corrupt", "a lease's checksum does not match its content", {
      hint: damagedStoreHint,
      facts: { table: "lease", row_id: `${leaseId}` },
    });
  }
  return { leaseId: leaseId as LeaseId, ttlMs: Number(ttlMs), deadlineMs: Number(deadlineMs) };
}

/** The deadline of the lease that a row is bound to, as statements.ts asks for it. Throws the same. */
export function deadlineOf(ns: number, leaseId: bigint, lease: string): number {
  const [ttlMs, deadlineMs, checksum] = lease.split(",").map(wholeOf);
  const columns = [leaseId, ttlMs ?? unreadable, deadlineMs ?? unreadable, checksum ?? unreadable];
  return leaseOf(ns, columns as LeaseColumns).deadlineMs;
}

/** What no checksum is. */
const unreadable = -1n;
const wholeNumber = /^-?\d+$/;

function wholeOf(text: string): bigint {
  return wholeNumber.test(text) ? BigInt(text) : unreadable;
}

export class LeaseTable {
  readonly #get;
  readonly #put;
  readonly #delete;
  readonly #count;

  constructor(connection: Connection) {
    this.#get = prepareRows<[number, bigint], LeaseColumns>(connection, sql.leaseGet);
    this.#put = prepareRun<unknown[]>(connection, sql.leasePut);
    this.#delete = prepareRun<[number, bigint]>(connection, sql.leaseDelete);
    this.#count = prepareNumber<[number]>(connection, sql.leaseCount);
  }

  /** Live or run out. */
  find(ns: number, leaseId: LeaseId): Lease | undefined {
    const columns = this.#get.get(ns, leaseId);
    return columns === undefined ? undefined : leaseOf(ns, columns);
  }

  count(ns: number): number {
    return this.#count.get(ns) ?? 0;
  }

  put(ns: number, lease: Lease): void {
    const columns = [lease.leaseId, BigInt(lease.ttlMs), BigInt(lease.deadlineMs)];
    this.#put.run(ns, ...columns, factsChecksum([ns, ...columns]));
  }

  delete(ns: number, leaseId: LeaseId): void {
    this.#delete.run(ns, leaseId);
  }
}
