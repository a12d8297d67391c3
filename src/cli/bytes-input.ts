/** Keys and values as they are given: on the command line, in a file, on standard input. */
import { readFile } from "node:fs/promises";
import { type BytesReader, bytesFromBase64 } from "../client/index.js";
import { concatBytes } from "../foundation/bytes.js";
import { usageError } from "./cli-error.js";
import type { FlagTable, Invocation } from "./command.js";
import type { FlagValues } from "./flag-values.js";

const encodings = ["utf8", "hex", "base64"] as const;
type Encoding = (typeof encodings)[number];

export const keyEncodingFlag = {
  "key-encoding": {
    kind: "choice",
    choices: encodings,
    doc: "How keys are written on the command line. Default: utf8.",
  },
} as const satisfies FlagTable;

export const valueEncodingFlag = {
  "value-encoding": {
    kind: "choice",
    choices: encodings,
    doc: "How values are written on the command line. Default: utf8.",
  },
} as const satisfies FlagTable;

export function keyFrom(flags: FlagValues, text: string): Uint8Array {
  return bytesOf(text, encodingOf(flags, "key-encoding"), "the key");
}

/** The value of an argument, of `-` (standard input), or of --file. */
export async function valueFrom(call: Invocation, text: string | undefined): Promise<Uint8Array> {
  const path = call.flags.text("file");
  if (path !== undefined) {
    if (text === undefined) return await readFile(path);
    throw usageError("a value and --file exclude each other", "give one of them");
  }
  if (text === undefined) {
    throw usageError("there is no value", "give it as an argument, with --file, or - for stdin");
  }
  if (text === "-") return await allOf(call.input());
  return bytesOf(text, encodingOf(call.flags, "value-encoding"), "the value");
}

/** For JSON that people write: values by one flag, everything else (keys, prefixes) by the other. */
export function jsonBytesReader(flags: FlagValues): BytesReader {
  const keys = encodingOf(flags, "key-encoding");
  const values = encodingOf(flags, "value-encoding");
  return (text, { name }) => decode(text, name === "value" ? values : keys);
}

export async function allOf(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const read: Uint8Array[] = [];
  for await (const part of parts) read.push(part);
  return concatBytes(read);
}

function encodingOf(flags: FlagValues, name: string): Encoding {
  const chosen = flags.choice(name);
  return encodings.find((encoding) => encoding === chosen) ?? "utf8";
}

function bytesOf(text: string, encoding: Encoding, what: string): Uint8Array {
  const bytes = decode(text, encoding);
  if (bytes !== undefined) return bytes;
  throw usageError(`${what} is not ${encoding}`, "check it, or choose another encoding");
}

function decode(text: string, encoding: Encoding): Uint8Array | undefined {
  if (encoding === "base64") return bytesFromBase64(text);
  if (encoding === "utf8") return Buffer.from(text, "utf8");
  const isHex = /^([0-9a-fA-F]{2})*$/.test(text);
  return isHex ? Buffer.from(text, "hex") : undefined;
}
