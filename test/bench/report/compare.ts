/**
 * This run against a stored one. What is compared are ratios within each run and processor time, and
 * only when both ran on the same machine: rates drift with whoever else uses it.
 */
import { differences, type Machine } from "../measure/machine.js";
import { number, type Row } from "./row.js";

/** How much worse a figure may be before the comparison fails. */
const tolerance = 0.25;

export interface Baseline {
  readonly plan: string;
  readonly measuredOn: string;
  readonly machine: Machine;
  readonly rows: readonly Pick<Row, "id" | "compared">[];
}

export type Comparison =
  | { readonly kind: "not-comparable"; readonly why: readonly string[] }
  | { readonly kind: "compared"; readonly figures: readonly ComparedFigure[] };

export interface ComparedFigure {
  readonly row: string;
  readonly name: string;
  readonly before: number;
  readonly now: number;
  /** Positive: worse. 0.1 = a tenth worse. */
  readonly worseBy: number;
  readonly failed: boolean;
}

export function compare(
  baseline: Baseline,
  run: { readonly plan: string; readonly machine: Machine; readonly rows: readonly Row[] },
): Comparison {
  const why = [...differences(run.machine, baseline.machine)];
  if (run.plan !== baseline.plan)
    why.push(`this is a ${run.plan} run, that was a ${baseline.plan} one`);
  if (why.length > 0) return { kind: "not-comparable", why };
  const figures = run.rows.flatMap((row) => {
    const before = baseline.rows.find(({ id }) => id === row.id)?.compared ?? [];
    return row.compared.flatMap(({ name, value, better }) => {
      const old = before.find((figure) => figure.name === name);
      if (old === undefined) return [];
      const worseBy = better === "higher" ? old.value / value - 1 : value / old.value - 1;
      const failed = worseBy > tolerance;
      return [{ row: row.id, name, before: old.value, now: value, worseBy, failed }];
    });
  });
  return { kind: "compared", figures };
}

export function comparisonText(comparison: Comparison): readonly string[] {
  if (comparison.kind === "not-comparable") {
    return [
      "the comparison with the stored baseline is not meaningful:",
      ...comparison.why.map((reason) => `  ${reason}`),
    ];
  }
  return comparison.figures.map(({ row, name, before, now, worseBy, failed }) => {
    const percent = `${number(Math.abs(worseBy) * 100)} % ${worseBy > 0 ? "worse" : "better"}`;
    const mark = failed ? "FAILED" : "ok    ";
    return `${mark} ${row}: ${name} ${number(before)} → ${number(now)}, ${percent}`;
  });
}
