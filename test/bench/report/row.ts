/** One line of the report: a piece of work, who did it how well, and what it should have been. */
import type { Figure } from "../measure/statistics.js";

export const tableNames = ["engine", "unary", "items", "size"] as const;
export type TableName = (typeof tableNames)[number];

export interface Target {
  /** As the project's goals word it. */
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

/** A number that a later run is compared by: a ratio within the run, or processor time per item. */
export interface Compared {
  readonly name: string;
  readonly value: number;
  readonly better: "higher" | "lower";
}

export interface Row {
  readonly id: string;
  readonly table: TableName;
  readonly work: string;
  /** What one item is: "get", "put", "key", "row", "event". */
  readonly item: string;
  /** Undefined where there is no rate: a start-up. */
  readonly kvdb: Figure | undefined;
  readonly etcd: Figure | undefined;
  readonly redis: Figure | undefined;
  readonly sqlite: Figure | undefined;
  /** The physical limit that was measured in the same run, in words. */
  readonly limit: string;
  /** kvdb's rate against another's, or what the target speaks of. */
  readonly ratio: string;
  /** How the latencies came about. */
  readonly latencyOf: string;
  readonly targets: readonly Target[];
  readonly compared: readonly Compared[];
}

export function ratioOf(kvdb: Figure, other: Figure): number {
  return kvdb.itemsPerSecond / other.itemsPerSecond;
}

export function atLeast(wanted: string, value: number, bound: number, unit = "×"): Target {
  return { wanted, measured: `${number(value)} ${unit}`, met: value >= bound };
}

export function below(wanted: string, value: number, bound: number, unit: string): Target {
  return { wanted, measured: `${number(value)} ${unit}`, met: value < bound };
}

/** Three digits that matter, thousands apart; whole numbers stay whole. */
export function number(value: number): string {
  const magnitude = Math.abs(value);
  const some = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3;
  const digits = Number.isInteger(value) ? 0 : some;
  const [whole = "", part] = value.toFixed(digits).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, " ");
  return part === undefined ? grouped : `${grouped}.${part}`;
}

/** A latency in the unit that suits it, from microseconds. */
export function duration(micros: number): string {
  if (micros >= 1_000_000) return `${number(micros / 1_000_000)} s`;
  return micros >= 1_000 ? `${number(micros / 1_000)} ms` : `${number(micros)} µs`;
}
