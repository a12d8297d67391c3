/** The proof as a table for people, and as the page that is kept. */
import type { PartReport } from "./part.js";
import type { Proof, TimedReport } from "./run-proof.js";

const verdicts = {
  held: "held: nothing that was promised was broken",
  violated: "VIOLATED: a promise was broken",
  interrupted: "interrupted: nothing was broken by then, and the part that ran is not counted",
  "not-proven": "not proven: nothing was broken, but not everything could be tried",
} as const satisfies Record<Proof["verdict"], string>;

export function verdictText({ verdict, only }: Proof): string {
  const all = verdicts[verdict];
  return only === undefined ? all : `${all} (only ${only.join(", ")})`;
}

/** Head and rows of the table. */
export const tableHead = ["part", "tried", "violations", "seconds", "verdict"] as const;

export function tableRow(report: TimedReport): readonly string[] {
  const { name, tried, violations, durationMs } = report;
  const seconds = durationMs === 0 ? "" : (durationMs / 1_000).toFixed(1);
  return [name, tried.toLocaleString("en-US"), String(violations), seconds, partVerdict(report)];
}

function partVerdict({ violations, notProven }: PartReport): string {
  if (violations > 0) return "VIOLATED";
  return notProven === undefined ? "held" : "not proven";
}

/** What stands under the table: what was seen, and everything that was wrong. */
export function detailLines(report: PartReport): readonly string[] {
  const { name, title, tried, unit, facts, notProven, examples, violations } = report;
  const more = violations - examples.length;
  return [
    `${name}: ${title}`,
    ...(tried > 0 ? [`  ${tried.toLocaleString("en-US")} ${unit}`] : []),
    ...facts.map((fact) => `  ${fact}`),
    ...(notProven === undefined ? [] : [`  not proven: ${notProven}`]),
    ...examples.map((example) => `  VIOLATION: ${example}`),
    ...(examples.length > 0 && more > 0 ? [`  and ${String(more)} more`] : []),
  ];
}

export function markdownOf(proof: Proof): string {
  const { size, atMs, durationMs, machine, reports } = proof;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rows = reports.map((report) => line(tableRow(report).map(escaped)));
  return [
    "# kvdb prove",
    "",
    `**${verdictText(proof)}**`,
    "",
    `${new Date(atMs).toISOString()}, ${size}, ${(durationMs / 1_000).toFixed(0)} s. ${machine.join("; ")}.`,
    "",
    line(tableHead),
    "|---|--:|--:|--:|---|",
    ...rows,
    "",
    ...reports.flatMap((report) => ["```", ...detailLines(report), "```", ""]),
    "What this cannot show is in docs/reference/fault-model.md: disks that lie about flushing, damage",
    "to the file system's own structures, and the loss of the machine.",
    "",
  ].join("\n");
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
