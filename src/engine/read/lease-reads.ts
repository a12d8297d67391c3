/** Leases as callers see them, on the main thread's connection: a few rows by their keys. */
import type { LeaseInfo, LeaseLeft } from "../../storage/leases.js";
import type { Key, LeaseId } from "../../storage/model.js";
import type { EngineTime } from "../engine-time.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareNumber, prepareRows, sql } from "../sqlite/statements.js";
import { type LeaseColumns, leaseOf } from "../state/lease-table.js";

export class LeaseReader {
  readonly #time: EngineTime;
  readonly #get;
  readonly #after;
  readonly #keys;
  readonly #keyCount;

  constructor(connection: Connection, time: EngineTime) {
    this.#time = time;
    this.#get = prepareRows<[number, bigint], LeaseColumns>(connection, sql.leaseGet);
    this.#after = prepareRows<[number, bigint, number, number], LeaseColumns>(
      connection,
      sql.leasesAfter,
    );
    this.#keys = prepareRows<[number, bigint, number], [Uint8Array]>(connection, sql.leaseKeys);
    this.#keyCount = prepareNumber<[number, bigint]>(connection, sql.leaseKeyCount);
  }

  get(ns: number, leaseId: LeaseId, keysMax: number): LeaseInfo | undefined {
    const columns = this.#get.get(ns, leaseId);
    if (columns === undefined) return undefined;
    const lease = leaseOf(ns, columns);
    const remainingMs = lease.deadlineMs - this.#time.nowMs();
    if (remainingMs <= 0) return undefined;
    const keys = keysMax === 0 ? [] : this.#keys.all(ns, leaseId, keysMax);
    const keyCount = this.#keyCount.get(ns, leaseId) ?? 0;
    return { lease, remainingMs, keyCount, keys: keys.map(([key]) => key as Key) };
  }

  list(ns: number, page: { readonly after: bigint; readonly rowsMax: number }): LeaseLeft[] {
    const nowMs = this.#time.nowMs();
    return this.#after.all(ns, page.after, nowMs, page.rowsMax).map((columns) => {
      const lease = leaseOf(ns, columns);
      return { lease, remainingMs: lease.deadlineMs - nowMs };
    });
  }
}
