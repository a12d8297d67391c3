/** Markdown tables for the reference pages, and the head that every generated page carries. */

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

export function markdownTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = rows.map((row) => line(columns.map(({ cell }) => cell(row))));
  const head = line(columns.map(({ title }) => title));
  return [head, `|${columns.map(() => "---|").join("")}`, ...lines].join("\n");
}

export function page(title: string, madeFrom: string, ...parts: readonly string[]): string {
  const head = `<!-- Made from ${madeFrom} by \`npm run generate:docs\`; edit the table, not this page. -->`;
  return `${[`# ${title}`, head, ...parts].join("\n\n")}\n`;
}

export function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}
