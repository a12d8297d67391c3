/**
 * The state as it was at a revision: for each key the present row if that is old enough, else the
 * version that was replaced first after it. Lifetimes do not matter here: what the log said then is
 * what is answered.
 */
import type { Key, Revision } from "../../storage/model.js";
import type { Connection } from "../sqlite/connection.js";
import {
  type KvFactsRow,
  type KvRow,
  prepareRows,
  type RangeEnd,
  type RangeStart,
  rangeAtSql,
  type Statement,
  sql,
} from "../sqlite/statements.js";
import { type PastSpanColumns, pastSpanOf } from "../state/past-table.js";

export interface PastRangeParameters {
  readonly ns: number;
  readonly start?: Uint8Array;
  readonly end?: Uint8Array;
  readonly at: bigint;
  readonly limit: number;
}

type PointParameters = { readonly ns: number; readonly key: Uint8Array; readonly at: bigint };

export class PastReader {
  readonly #connection: Connection;
  readonly #span;
  readonly #point;
  readonly #replacedBy;
  readonly #ranges = new Map<string, Statement<[PastRangeParameters], KvFactsRow | KvRow>>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#span = prepareRows<[number], PastSpanColumns>(connection, sql.pastSpanGet);
    this.#point = prepareRows<[PointParameters], KvRow>(connection, sql.pointAt);
    this.#replacedBy = prepareRows<[number, Uint8Array, bigint], KvRow>(
      connection,
      sql.pastReplacedBy,
    );
  }

  /** The oldest revision that can be read; undefined = no history is kept. */
  since(ns: number): Revision | undefined {
    const columns = this.#span.get(ns);
    return columns === undefined ? undefined : pastSpanOf(ns, columns).since;
  }

  point(ns: number, key: Key, at: Revision): KvRow | undefined {
    return this.#point.get({ ns, key, at });
  }

  /** The version that the change of this key at this revision replaced. */
  replacedBy(ns: number, key: Key, revision: Revision): KvRow | undefined {
    return this.#replacedBy.get(ns, key, revision);
  }

  range(of: {
    readonly start: RangeStart;
    readonly end: RangeEnd;
    readonly reverse: boolean;
    readonly values: boolean;
  }): Statement<[PastRangeParameters], KvFactsRow | KvRow> {
    const name = `${of.start} ${of.end} ${of.reverse} ${of.values}`;
    let statement = this.#ranges.get(name);
    if (statement === undefined) {
      statement = prepareRows(this.#connection, rangeAtSql(of));
      this.#ranges.set(name, statement);
    }
    return statement;
  }
}
