/**
 * How many rows are bound to a lease, for the writer: all of them end in one commit, so there is a
 * bound. Counted once per lease and then kept current by every change; an aborted group forgets all,
 * and what is asked again is counted again.
 */
import { leaseCountsKept } from "../../storage/limits.js";
import type { LeaseId } from "../../storage/model.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareNumber, sql } from "../sqlite/statements.js";

export class LeaseKeyCounts {
  readonly #count;
  readonly #known = new Map<string, number>();

  constructor(connection: Connection) {
    this.#count = prepareNumber<[number, bigint]>(connection, sql.leaseKeyCount);
  }

  of(ns: number, leaseId: LeaseId): number {
    const name = nameOf(ns, leaseId);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const counted = this.#count.get(ns, leaseId) ?? 0;
    if (this.#known.size >= leaseCountsKept) this.#known.clear();
    this.#known.set(name, counted);
    return counted;
  }

  /** A row was written, over another one or as a new one, or taken away. */
  note(ns: number, before: LeaseId | undefined, after: LeaseId | undefined): void {
    if (before === after) return;
    this.#add(ns, before, -1);
    this.#add(ns, after, 1);
  }

  forget(): void {
    this.#known.clear();
  }

  #add(ns: number, leaseId: LeaseId | undefined, by: number): void {
    if (leaseId === undefined) return;
    const name = nameOf(ns, leaseId);
    const known = this.#known.get(name);
    if (known !== undefined) this.#known.set(name, known + by);
  }
}

function nameOf(ns: number, leaseId: LeaseId): string {
  return `${ns} ${leaseId}`;
}
