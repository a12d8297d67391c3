/** The statements that read packed rows on one connection, each prepared when it is first needed. */
import type { RowTable } from "../record/damaged-row.js";
import type { Connection } from "../sqlite/connection.js";
import {
  countAtSql,
  longValueSql,
  type PackedRange,
  packedPointAtSql,
  packedPointSql,
  packedPointsSql,
  packedRangeAtSql,
  packedRangeSql,
  pointsPerStatement,
  storedKeySql,
} from "../sqlite/packed-row.js";
import { kvCountSql, prepareNumber, type Statement } from "../sqlite/statements.js";

/** What SQLite packed; null = no row at all. */
export type PackedBytes = Uint8Array | null;

export interface RangeParameters {
  readonly ns: number;
  readonly start?: Uint8Array;
  readonly end?: Uint8Array;
  readonly limit?: number;
  readonly now?: number;
  readonly at?: bigint;
}

type PointRow = [ns: bigint, head: bigint, row: PackedBytes];

export class RowStatements {
  readonly #connection: Connection;
  readonly #packed = new Map<string, Statement<unknown[], PackedBytes>>();
  readonly #numbers = new Map<string, Statement<[RangeParameters], number>>();
  readonly #points = new Map<boolean, Statement<[Uint8Array, string], PointRow>>();
  readonly #long = new Map<string, Statement<[bigint], Uint8Array | null>>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Undefined = the namespace does not exist. */
  point(values: boolean, key: Uint8Array, namespace: string): PointRow | undefined {
    let statement = this.#points.get(values);
    if (statement === undefined) {
      const text = packedPointSql(values);
      statement = this.#connection.prepare<[Uint8Array, string], PointRow>(text);
      statement.raw(true).safeIntegers(true);
      this.#points.set(values, statement);
    }
    return statement.get(key, namespace);
  }

  /** As many of the keys, from `first` on, as one statement takes; what is left over is said absent. */
  points(
    ns: number,
    keys: readonly Uint8Array[],
    read: { readonly first: number; readonly values: boolean },
  ): PackedBytes {
    const size = pointsAtOnce(keys.length - read.first);
    const asked: unknown[] = keys.slice(read.first, read.first + size);
    while (asked.length < size) asked.push(null);
    asked.push(ns);
    const name = `points ${String(size)} ${String(read.values)}`;
    return this.#packedRows(name, () => packedPointsSql(size, read.values), asked);
  }

  pointAt(of: { readonly ns: number; readonly key: Uint8Array; readonly at: bigint }): PackedBytes {
    return this.#packedRows("point at", () => packedPointAtSql, [of]);
  }

  range(of: PackedRange, parameters: RangeParameters): PackedBytes {
    const { at } = parameters;
    const name = `${at === undefined ? "" : "at"} ${of.start} ${of.end} ${String(of.reverse)} ${String(of.values)}`;
    const text = (): string => (at === undefined ? packedRangeSql(of) : packedRangeAtSql(of));
    return this.#packedRows(name, text, [parameters]);
  }

  /** Those that are live, or those of a past revision. */
  count(of: Pick<PackedRange, "start" | "end">, parameters: RangeParameters): number {
    const { at } = parameters;
    const name = `${at === undefined ? "" : "at"} ${of.start} ${of.end}`;
    let statement = this.#numbers.get(name);
    if (statement === undefined) {
      const text = at === undefined ? kvCountSql(of) : countAtSql(of);
      statement = prepareNumber<[RangeParameters]>(this.#connection, text);
      this.#numbers.set(name, statement);
    }
    return statement.get(parameters) ?? 0;
  }

  longValue(from: RowTable, rowId: bigint): Uint8Array | undefined {
    let statement = this.#long.get(from);
    if (statement === undefined) {
      const text = longValueSql[from];
      statement = this.#connection.prepare<[bigint], Uint8Array | null>(text).pluck(true);
      this.#long.set(from, statement);
    }
    return statement.get(rowId) ?? undefined;
  }

  /** Prepared anew each time: only damage asks for it. */
  storedKey(from: RowTable, rowId: bigint): Uint8Array | undefined {
    const text = storedKeySql[from];
    const statement = this.#connection.prepare<[bigint], Uint8Array | null>(text).pluck(true);
    return statement.get(rowId) ?? undefined;
  }

  #packedRows(name: string, text: () => string, parameters: readonly unknown[]): PackedBytes {
    let statement = this.#packed.get(name);
    if (statement === undefined) {
      statement = this.#connection.prepare<unknown[], PackedBytes>(text()).pluck(true);
      this.#packed.set(name, statement);
    }
    return statement.get(...parameters) ?? null;
  }
}

/** How many keys the statement for so many takes. */
export function pointsAtOnce(keys: number): number {
  const [few, many] = pointsPerStatement;
  return keys <= few ? few : many;
}
