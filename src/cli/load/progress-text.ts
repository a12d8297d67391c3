/** A bar, what is done of how much, how fast, and how long it will take. */
import { showDuration } from "../durations.js";
import { showCount } from "../show.js";

export interface LoadCounts {
  readonly rows: number;
  /** Undefined: not known before the end. */
  readonly rowsTotal: number | undefined;
  /** Rows of this run alone, and how long it has taken: what the rate is made of. */
  readonly runRows: number;
  readonly runMs: number;
}

const barMax = 30;

/** With a bar when there is a terminal to draw it on. */
export function progressText(counts: LoadCounts, columns: number | undefined): string {
  const { rows, rowsTotal, runRows, runMs } = counts;
  const rate = runMs > 0 ? (runRows / runMs) * 1_000 : 0;
  const parts = [
    rowsTotal === undefined
      ? `${showCount(rows)} rows`
      : `${String(percent(rows, rowsTotal)).padStart(3)}%  ${showCount(rows)} of ${showCount(rowsTotal)} rows`,
    `${showCount(Math.round(rate))} rows/s`,
  ];
  if (rowsTotal !== undefined && rate > 0 && rows < rowsTotal) {
    parts.push(`${showDuration(Math.ceil((rowsTotal - rows) / rate) * 1_000)} left`);
  }
  const text = parts.join("  ");
  if (columns === undefined || rowsTotal === undefined) return text;
  const width = Math.min(barMax, columns - text.length - 4);
  if (width < 5) return text;
  const full = Math.floor((width * percent(rows, rowsTotal)) / 100);
  return `[${"#".repeat(full)}${".".repeat(width - full)}] ${text}`;
}

function percent(rows: number, rowsTotal: number): number {
  return rowsTotal === 0 ? 100 : Math.min(100, Math.floor((rows / rowsTotal) * 100));
}
