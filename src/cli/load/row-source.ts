/**
 * Where the rows of a load come from: a JSON array, JSON lines, or an export of kvdb. Reading the
 * same source again gives the same rows in the same order; that is what resuming stands on.
 */
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from "node:fs";
import { type BulkEntry, bytesFromBase64, timestampFromText } from "../../client/index.js";
import { jsonArrayFileBytesMax } from "../../storage/limits.js";
import { CliError } from "../cli-error.js";
import { jsonLines, parseJson } from "../json-input.js";
import { showSize } from "../show.js";
import type { KeyTemplate } from "./key-template.js";

const headBytes = 64;

export interface RowSource {
  readonly path: string;
  /** Changes when the file does. */
  readonly fingerprint: string;
  /** Undefined: only reading it all would tell. */
  readonly rows: number | undefined;
  entries(): AsyncIterable<BulkEntry> | Iterable<BulkEntry>;
}

/** The template is absent for an export, whose lines have keys of their own. */
export function openRowSource(path: string, template: KeyTemplate | undefined): RowSource {
  const { size, mtimeMs } = statSync(path);
  const fingerprint = `${String(size)} bytes, changed ${String(Math.round(mtimeMs))}`;
  const toEntry =
    template === undefined
      ? exportedEntry
      : (row: unknown, where: string): BulkEntry => {
          return rowEntry(row, template, where);
        };
  if (firstCharacter(path) !== "[") {
    return { path, fingerprint, rows: undefined, entries: () => fromLines(path, toEntry) };
  }
  const rows = readArray(path, size);
  return { path, fingerprint, rows: rows.length, entries: () => fromArray(rows, toEntry) };
}

type ToEntry = (row: unknown, where: string) => BulkEntry;

function rowEntry(row: unknown, template: KeyTemplate, where: string): BulkEntry {
  const key = Buffer.from(template.keyOf(row, where), "utf8");
  return { key, value: Buffer.from(JSON.stringify(row), "utf8") };
}

/** A line of `kvdb export`. */
function exportedEntry(row: unknown, where: string): BulkEntry {
  const { key, value, expireTime } = (row ?? {}) as Readonly<Record<string, unknown>>;
  const keyBytes = typeof key === "string" ? bytesFromBase64(key) : undefined;
  const valueBytes = typeof value === "string" ? bytesFromBase64(value) : undefined;
  const expires = typeof expireTime === "string" ? timestampFromText(expireTime) : undefined;
  if (
    keyBytes === undefined ||
    valueBytes === undefined ||
    (expireTime !== undefined && !expires)
  ) {
    throw new CliError("validation", `${where} is no line of an export`, {
      hint: "rows of other data need --key, which makes a key of their fields",
    });
  }
  return {
    key: keyBytes,
    value: valueBytes,
    ...(expires !== undefined && { expireTime: expires }),
  };
}

async function* fromLines(
  path: string,
  toEntry: ToEntry,
): AsyncGenerator<BulkEntry, void, undefined> {
  let number = 0;
  for await (const row of jsonLines(createReadStream(path), path)) {
    number += 1;
    yield toEntry(row, `row ${String(number)} of ${path}`);
  }
}

function* fromArray(
  rows: readonly unknown[],
  toEntry: ToEntry,
): Generator<BulkEntry, void, undefined> {
  for (const [index, row] of rows.entries()) yield toEntry(row, `row ${String(index + 1)}`);
}

function readArray(path: string, bytes: number): readonly unknown[] {
  if (bytes > jsonArrayFileBytesMax) {
    const most = showSize(jsonArrayFileBytesMax);
    throw new CliError(
      "validation",
      `${path} is larger than ${most}, and a JSON array is read whole`,
      {
        hint: "turn it into JSON lines: jq -c '.[]'",
      },
    );
  }
  const rows = parseJson(readFileSync(path, "utf8"), path);
  if (Array.isArray(rows)) return rows as unknown[];
  throw new CliError("validation", `${path} holds no array`, {
    hint: "give an array or JSON lines",
  });
}

function firstCharacter(path: string): string {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(headBytes);
    const length = readSync(file, head, 0, headBytes, 0);
    return head
      .toString("utf8", 0, length)
      .replace(/^\ufeff/, "")
      .trimStart()
      .slice(0, 1);
  } finally {
    closeSync(file);
  }
}
