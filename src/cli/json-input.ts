/** JSON that people hand in: an argument, a file, or standard input. */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { allOf } from "./bytes-input.js";
import { CliError, usageError } from "./cli-error.js";
import type { Invocation } from "./command.js";

/** One JSON document from a file, or from standard input for `-`. */
export async function jsonFrom(call: Invocation, path: string): Promise<unknown> {
  const bytes = path === "-" ? await allOf(call.input()) : await readFile(path);
  return parseJson(Buffer.from(bytes).toString("utf8"), path === "-" ? "standard input" : path);
}

export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new CliError("usage", `${where} is no JSON: ${what}`, {
      hint: "check it with jq",
      cause,
    });
  }
}

/** One document per line; empty lines are left out. */
export async function* jsonLines(
  input: AsyncIterable<Uint8Array>,
  where: string,
): AsyncGenerator<unknown, void, undefined> {
  let number = 0;
  for await (const line of createInterface({ input: Readable.from(input) })) {
    number += 1;
    if (line.trim() !== "") yield parseJson(line, `line ${String(number)} of ${where}`);
  }
}

/** What does not fit the contract is a mistake of whoever wrote it. */
export function asUsageError(error: Error): CliError {
  return usageError(error.message, "field names and forms are those of proto/kvdb/v1");
}
