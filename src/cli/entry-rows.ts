/** Entries as lines: key, tab, value. One line each, whatever the bytes are. */
import type { KeyValue } from "../client/index.js";
import { showBytes } from "./show.js";

export function entryRow(entry: KeyValue, keysOnly: boolean): string {
  const key = showBytes(entry.key);
  return keysOnly ? key : `${key}\t${showBytes(entry.value)}`;
}
