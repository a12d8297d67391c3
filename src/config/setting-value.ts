/**
 * The text of a setting to its value, and back. The rules are strict on purpose: whole decimal
 * numbers, no blanks where a number is meant, no value that is quietly replaced by another.
 */
import { unreachable } from "../foundation/assert.js";
import type { AddressesSetting, IntegerSetting, ListenAddress, SettingRow } from "./setting-row.js";

/** What Linux has room for in the address of a socket; the system cuts what is longer without a word. */
export const socketPathBytesMax = 107;

export type SettingValue = number | boolean | string | undefined | readonly ListenAddress[];

export type Parsed =
  | { readonly kind: "value"; readonly value: SettingValue }
  /** What would have been allowed, to finish a sentence that begins with "must be". */
  | { readonly kind: "refused"; readonly allowed: string };

const booleans: Readonly<Record<string, boolean>> = {
  on: true,
  true: true,
  "1": true,
  yes: true,
  off: false,
  false: false,
  "0": false,
  no: false,
};

const unixPath = `unix:/path (at most ${String(socketPathBytesMax)} bytes)`;

export function parseSetting(row: SettingRow, text: string): Parsed {
  const value = text.trim() === "" ? undefined : parseText(row, text);
  return value === undefined
    ? { kind: "refused", allowed: allowedText(row) }
    : { kind: "value", value };
}

/** What a row allows, in words. */
export function allowedText(row: SettingRow): string {
  switch (row.kind) {
    case "integer": {
      const also = row.also === undefined ? "" : `${String(row.also)}, or `;
      return `${also}a whole number from ${String(row.min)} to ${String(row.max)} (${row.unit})`;
    }
    case "boolean":
      return "on or off (also true/false, 1/0, yes/no)";
    case "enum":
      return row.choices.length === 1 ? String(row.choices[0]) : `one of ${row.choices.join(", ")}`;
    case "text":
      return row.allowed;
    case "path":
      return "the path of a file, not empty, not :memory: and not a file: URL";
    case "addresses":
      return row.optional
        ? `host:port, [v6]:port, ${unixPath} or off`
        : `host:port, [v6]:port or ${unixPath}, several separated by commas`;
    default:
      return unreachable(row);
  }
}

/** The canonical text: parsing it gives the same value. Undefined for a text that is not set. */
export function printSetting(value: SettingValue): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "object")
    return value.length === 0 ? "off" : value.map(printAddress).join(",");
  return String(value);
}

function printAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${String(address.port)}`;
}

/** Whether only this machine can reach the address. */
export function isLocal(address: ListenAddress): boolean {
  if (address.kind === "unix") return true;
  return address.host === "localhost" || address.host === "::1" || /^127\./.test(address.host);
}

/** Undefined = refused. */
function parseText(row: SettingRow, text: string): SettingValue {
  switch (row.kind) {
    case "integer":
      return parseInteger(row, text);
    case "boolean":
      return booleans[text.trim().toLowerCase()];
    case "enum": {
      const wanted = text.trim().toLowerCase();
      return row.choices.find((choice) => choice.toLowerCase() === wanted);
    }
    case "text":
      return row.accepts(text.trim()) ? text.trim() : undefined;
    case "path":
      return isPath(text) ? text : undefined;
    case "addresses":
      return parseAddresses(row, text);
    default:
      return unreachable(row);
  }
}

/** SQLite gives the first two a meaning of their own: a database that is gone with the process. */
function isPath(text: string): boolean {
  if (text === ":memory:" || text.startsWith("file:") || text !== text.trim()) return false;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 0x20) return false;
  return true;
}

function parseInteger(row: IntegerSetting, text: string): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value === row.also || (value >= row.min && value <= row.max) ? value : undefined;
}

function parseAddresses(row: AddressesSetting, text: string): readonly ListenAddress[] | undefined {
  if (row.optional && text.trim().toLowerCase() === "off") return [];
  const addresses: ListenAddress[] = [];
  for (const part of text.split(",")) {
    const address = parseAddress(part.trim());
    if (address === undefined) return undefined;
    addresses.push(address);
  }
  return row.optional && addresses.length > 1 ? undefined : addresses;
}

function parseAddress(text: string): ListenAddress | undefined {
  const unix = /^unix:(\/[^\s,\p{Cc}]+)$/u.exec(text)?.[1];
  if (unix !== undefined) {
    return Buffer.byteLength(unix) > socketPathBytesMax ? undefined : { kind: "unix", path: unix };
  }
  const tcp = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = tcp?.[1] ?? tcp?.[2];
  const port = Number(tcp?.[3]);
  return host === undefined || port > 65_535 ? undefined : { kind: "tcp", host, port };
}
