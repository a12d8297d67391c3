/**
 * The kv table through the writer's connection: what evaluation reads and what applying writes. Both
 * happen inside the open transaction, so a request sees what the earlier ones of its group did.
 */
import { crc32c } from "../../foundation/crc32c.js";
import type { Entry, Key, KeyRange, LeaseId, Revision } from "../../storage/model.js";
import { damagedKey } from "../record/damaged-row.js";
import { rowChecksum } from "../record/row-checksum.js";
import type { Connection } from "../sqlite/connection.js";
import {
  type KvChangeRow,
  type KvFactsRow,
  kvRangeSql,
  prepareRows,
  prepareRun,
  type Statement,
  sql,
} from "../sqlite/statements.js";
import { entryOf, factsOf, type KvFacts, plainCodec, type RowOrigin } from "./kv-row.js";

/** What a row shall say after a change. */
export interface NewRow {
  readonly key: Key;
  readonly createRevision: Revision;
  readonly version: bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: LeaseId | undefined;
}

type RangeParameters = { ns: number; start?: Uint8Array; end?: Uint8Array; limit: number };

export class KvTable {
  readonly #facts;
  readonly #value;
  readonly #insert;
  readonly #update;
  readonly #delete;
  readonly #ofLease;
  readonly #ranges: Readonly<Record<"open" | "before", Statement<[RangeParameters], KvFactsRow>>>;

  constructor(connection: Connection) {
    this.#facts = prepareRows<[number, Uint8Array], KvChangeRow>(connection, sql.kvFacts);
    this.#value = connection.prepare<[bigint], Uint8Array>(sql.kvValue).pluck(true);
    this.#insert = prepareRun(connection, sql.kvInsert);
    this.#update = prepareRun(connection, sql.kvUpdate);
    this.#delete = prepareRun<[bigint]>(connection, sql.kvDelete);
    this.#ofLease = prepareRows<[number, bigint], KvChangeRow>(connection, sql.kvOfLease);
    const range = (end: "open" | "before"): Statement<[RangeParameters], KvFactsRow> =>
      prepareRows(connection, kvRangeSql(end));
    this.#ranges = { open: range("open"), before: range("before") };
  }

  /** The row of a key, live or expired. Throws EngineError "corrupt". */
  find(ns: number, key: Key): KvFacts | undefined {
    const row = this.#facts.get(ns, key);
    return row === undefined ? undefined : soundOf(row, stored(ns, key));
  }

  /** The rows of a range in key order, live or expired, at most `rowsMax`. */
  range(ns: number, range: KeyRange, rowsMax: number): KvFacts[] {
    const rows =
      range.end === undefined
        ? this.#ranges.open.all({ ns, start: range.start, limit: rowsMax })
        : this.#ranges.before.all({ ns, start: range.start, end: range.end, limit: rowsMax });
    return rows.map((row) => factsOf(row, stored(ns)));
  }

  /** The rows bound to a lease, all of them. */
  ofLease(ns: number, leaseId: LeaseId): KvFacts[] {
    return this.#ofLease.all(ns, leaseId).map((row) => soundOf(row, stored(ns)));
  }

  /** The whole entry behind facts read in this transaction. Throws EngineError "corrupt". */
  entry(facts: KvFacts): Entry {
    return entryOf(facts, this.#value.get(facts.rowId) ?? new Uint8Array(0), true);
  }

  /**
   * Writes the row over the one it replaces, or as a new one. Column by column, without lists or
   * copies of objects: this runs once per key of a batch.
   */
  put(
    ns: number,
    row: NewRow,
    { value, modRevision }: { readonly value: Uint8Array; readonly modRevision: Revision },
    replaces: KvFacts | undefined,
  ): void {
    const { key, createRevision, version, expiresAtMs, leaseId } = row;
    const valueCrc = crc32c(value);
    const checksum = rowChecksum(ns, {
      key,
      createRevision,
      modRevision,
      version,
      expiresAtMs,
      leaseId,
      codec: plainCodec,
      valueBytes: value.length,
      valueCrc,
    });
    const expires = expiresAtMs ?? null;
    const lease = leaseId === undefined ? null : BigInt.asIntN(64, leaseId);
    if (replaces === undefined) {
      this.#insert.run(
        ns,
        key,
        createRevision,
        modRevision,
        version,
        expires,
        lease,
        plainCodec,
        valueCrc,
        checksum,
        value,
      );
    } else {
      this.#update.run(
        createRevision,
        modRevision,
        version,
        expires,
        lease,
        plainCodec,
        valueCrc,
        checksum,
        value,
        replaces.rowId,
      );
    }
  }

  delete(facts: KvFacts): void {
    this.#delete.run(facts.rowId);
  }
}

function soundOf(row: KvChangeRow, origin: RowOrigin): KvFacts {
  if (row[12] !== 1n) throw damagedKey(origin.table, row[0], origin.key ?? row[1] ?? undefined);
  return factsOf(row, origin);
}

/** What is to be changed is verified, whatever is set for reading. */
function stored(ns: number, key?: Key): RowOrigin {
  return { ns, table: "kv", verify: true, key };
}
