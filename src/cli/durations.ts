/** Durations as people write them: 250ms, 10s, 1m30s, 2h, 7d. */

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const shownUnits = ["d", "h", "m", "s"];
const units = /(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)/g;

/** Undefined when the text is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const parts = [...text.matchAll(units)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) return undefined;
  return Math.round(
    parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? ""] ?? 0), 0),
  );
}

/** The two largest units: 3d 4h, 5m 2s, 1.25s, 12ms. */
export function showDuration(ms: number): string {
  if (ms < 0) return `-${showDuration(-ms)}`;
  if (ms < 1_000) return `${trimmed(ms, ms < 10 ? 1 : 0)}ms`;
  if (ms < 60_000) return `${trimmed(ms / 1_000, 2)}s`;
  const shown: string[] = [];
  let restMs = Math.round(ms / 1_000) * 1_000;
  for (const unit of shownUnits) {
    const size = unitMs[unit] ?? 1;
    const amount = Math.floor(restMs / size);
    restMs -= amount * size;
    if (amount > 0) shown.push(`${String(amount)}${unit}`);
  }
  return shown.slice(0, 2).join(" ");
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
