/** Bytes, sizes and times as people read them. */
import { msOf, type SecondsAndNanos, textOfBytes, timestampText } from "../client/index.js";
import { showDuration } from "./durations.js";

const sizeStep = 2 ** 10;
const sizeUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 532 B, 4.1 KiB, 64 MiB. */
export function showSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= sizeStep && unit < sizeUnits.length - 1) {
    value /= sizeStep;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${String(Number(value.toFixed(digits)))} ${sizeUnits[unit] ?? ""}`;
}

/** 171 075: thin groups, so that six digits can be read. */
export function showCount(count: number | bigint): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, " ");
}

export function showTime(moment: SecondsAndNanos | undefined): string {
  return moment === undefined ? "-" : timestampText(moment);
}

export function showSpan(duration: SecondsAndNanos | undefined): string {
  return duration === undefined ? "-" : showDuration(msOf(duration));
}

/** ENGINE_STATE_READ_ONLY → read only. */
export function showEnum(name: string, prefix: string): string {
  return name
    .replace(new RegExp(`^${prefix}_`), "")
    .toLowerCase()
    .replaceAll("_", " ");
}

const namedEscapes: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
};
/** Control characters, and those that reorder or hide what stands around them: first and last. */
const unsafeRanges: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x5c, 0x5c],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x2069],
  [0xfeff, 0xfeff],
];

/**
 * Bytes on one line of a terminal: text as it is, everything that could move the cursor, colour the
 * screen or hide as an escape. What is no UTF-8 is hexadecimal.
 */
export function showBytes(bytes: Uint8Array): string {
  const text = textOfBytes(bytes);
  if (text === undefined) return `0x${Buffer.from(bytes).toString("hex")}`;
  return Array.from(text, escaped).join("");
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (!unsafeRanges.some(([first, last]) => code >= first && code <= last)) return character;
  return namedEscapes[character] ?? `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Columns side by side, as wide as their widest cell. Numbers are right-aligned. */
export function alignedTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const widths = titles.map((title, column) => {
    return Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0));
  });
  const rightAligned = titles.map((_title, column) => {
    return (
      rows.length > 0 && rows.every((row) => /^(-|[\d .]+( ?[KMGT]?i?B)?)$/.test(row[column] ?? ""))
    );
  });
  return [titles, ...rows].map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return rightAligned[column] === true ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join("  ").trimEnd();
  });
}

/** Names on the left, values on the right. */
export function nameAndValue(pairs: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
}
