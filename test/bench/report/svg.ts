/**
 * Rates as bars. Written by hand: rectangles and text are all there is to it, and the smallest
 * plotting library that writes SVG without a browser brings some thirty packages.
 */
import type { Figure } from "../measure/statistics.js";
import { number, type Row, type TableName } from "./row.js";

const width = 900;
const labelWidth = 130;
const valueWidth = 110;
const barHeight = 16;
const rowGap = 34;
const margin = 20;
const systems = [
  { name: "kvdb", color: "#1b6ac9" },
  { name: "etcd", color: "#e08a1e" },
  { name: "redis", color: "#c0392b" },
  { name: "sqlite", color: "#7f8c8d" },
] as const;

/** One block of bars per row; within a block the longest bar is the fastest system. */
export function ratesSvg(table: TableName, rows: readonly Row[]): string {
  const drawn: string[] = [];
  let top = margin;
  for (const row of rows.filter((each) => each.table === table)) {
    const figures = systems.flatMap(({ name, color }) => {
      const figure: Figure | undefined = row[name];
      return figure === undefined ? [] : [{ name, color, rate: figure.itemsPerSecond }];
    });
    const fastest = Math.max(...figures.map(({ rate }) => rate));
    drawn.push(text(margin, top + 12, `${row.work} (${row.item}s per second)`, "bold"));
    top += 20;
    for (const { name, color, rate } of figures) {
      const length = ((width - 2 * margin - labelWidth - valueWidth) * rate) / fastest;
      const left = margin + labelWidth;
      drawn.push(
        text(margin + 8, top + 12, name === "sqlite" ? "raw better-sqlite3" : name, "normal"),
        `<rect x="${String(left)}" y="${String(top)}" width="${length.toFixed(1)}" height="${String(barHeight - 3)}" fill="${color}"/>`,
        text(left + length + 6, top + 12, number(rate), "normal"),
      );
      top += barHeight;
    }
    top += rowGap - barHeight;
  }
  const size = `width="${String(width)}" height="${String(top)}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${String(width)} ${String(top)}">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, content: string, weight: "bold" | "normal"): string {
  const escaped = content.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const style = `font-family="sans-serif" font-size="12" font-weight="${weight}"`;
  return `<text x="${x.toFixed(1)}" y="${String(y)}" ${style}>${escaped}</text>`;
}
