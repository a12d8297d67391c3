/**
 * A log line is an event and its fields, never prose made on the spot, and never a key or a value
 * of a user. The event's row (log-events.ts) gives level and phrase; here the fields are made safe.
 */
import { type LogEventName, type LogEventRow, type LogLevel, logEvents } from "./log-events.js";

type LogField =
  | string
  | number
  | bigint
  | boolean
  | undefined
  | Uint8Array
  | readonly LogField[]
  | { readonly [name: string]: LogField };

/** Written in camelCase by the code, printed in snake_case. Undefined fields are left out. */
export type LogFields = Readonly<Record<string, LogField>>;

export interface Log {
  /** Writes one line, if the event's level is on. */
  event(name: LogEventName, fields?: LogFields): void;
  /** A log that adds these fields to every line. It follows the level of its parent. */
  child(fields: LogFields): Log;
  /** Ask first when making the fields costs something. */
  isOn(level: LogLevel): boolean;
  /** For this log and all that came from the same root. */
  setLevel(level: LogLevel): void;
}

export type LogValue =
  | string
  | number
  | boolean
  | readonly LogValue[]
  | { readonly [name: string]: LogValue };

const rank = { error: 0, warn: 1, info: 2, debug: 3 } as const satisfies Record<LogLevel, number>;

export function isLevelOn(level: LogLevel, threshold: LogLevel): boolean {
  return rank[level] <= rank[threshold];
}

/** User data and secrets, by the last word of the field's name: `newKey` is a key as well. */
const secretNames =
  /(?:^|_)(?:keys?|values?|previous|prefix|tokens?|secrets?|passwords?|authorization)$/;

/** The fields as they may be printed: names in snake_case, user data and secrets taken out. */
export function printableFields(fields: LogFields): Record<string, LogValue> {
  const printable: Record<string, LogValue> = {};
  for (const [name, field] of Object.entries(fields)) {
    const printed = snakeCase(name);
    if (field === undefined) continue;
    printable[printed] = secretNames.test(printed) ? "[redacted]" : printableValue(field);
  }
  return printable;
}

/** The phrase of the event with its placeholders filled from the printable fields. */
export function phraseOf(name: LogEventName, fields: Readonly<Record<string, LogValue>>): string {
  const row: LogEventRow = logEvents[name];
  return row.msg.replace(/\{([a-z_]+)\}/g, (_whole, field: string) => {
    const value = fields[field];
    if (value === undefined) return "?";
    if (Array.isArray(value)) return value.join(" | ");
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  });
}

/** What an error says, with the errors that caused it: one line, no stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? ` (${error.code})` : "";
  const cause = error.cause === undefined ? "" : `, because of ${describeError(error.cause)}`;
  return `${error.name}: ${error.message}${code}${cause}`;
}

function printableValue(field: Exclude<LogField, undefined>): LogValue {
  if (typeof field === "bigint") {
    const small = Number(field);
    return Number.isSafeInteger(small) ? small : field.toString();
  }
  if (typeof field !== "object") return field;
  if (field instanceof Uint8Array) return `[${String(field.length)} bytes]`;
  if (isList(field)) {
    return field.map((item) => (item === undefined ? "undefined" : printableValue(item)));
  }
  return printableFields(field);
}

function isList(field: object): field is readonly LogField[] {
  return Array.isArray(field);
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
