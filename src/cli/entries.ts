/** Entries and headers, as JSON and as lines for people. */
import { type KeyValue, type ResponseHeader, textOfBytes, timestampText } from "../client/index.js";
import { nameAndValue, showBytes, showSize, showTime } from "./show.js";

export function bytesJson(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOfBytes(bytes);
  const base64 = { [name]: Buffer.from(bytes).toString("base64") };
  return text === undefined ? base64 : { ...base64, [`${name}Text`]: text };
}

export function entryJson(entry: KeyValue): Record<string, unknown> {
  return {
    ...bytesJson("key", entry.key),
    ...bytesJson("value", entry.value),
    ...factsJson(entry),
  };
}

/** Everything but key and value. */
export function factsJson(entry: KeyValue): Record<string, unknown> {
  const { createRevision, modRevision, version, expireTime, leaseId } = entry;
  return {
    createRevision,
    modRevision,
    version,
    ...(expireTime !== undefined && { expireTime: timestampText(expireTime) }),
    ...(leaseId !== 0n && { leaseId }),
  };
}

export function headerJson(header: ResponseHeader | undefined): Record<string, unknown> {
  return { ...header };
}

export function entryLines(entry: KeyValue): readonly string[] {
  return nameAndValue([
    ["key", showBytes(entry.key)],
    ["value", showBytes(entry.value)],
    ["size", showSize(entry.value.length)],
    ["version", String(entry.version)],
    ["create revision", String(entry.createRevision)],
    ["mod revision", String(entry.modRevision)],
    ["expires", showTime(entry.expireTime)],
    ["lease", entry.leaseId === 0n ? "-" : String(entry.leaseId)],
  ]);
}

/** What a write answers. */
export function writtenJson(answer: {
  readonly header: ResponseHeader | undefined;
  readonly previous?: KeyValue | undefined;
}): Record<string, unknown> {
  const { header, previous } = answer;
  return {
    header: headerJson(header),
    ...(previous !== undefined && { previous: entryJson(previous) }),
  };
}

export function revisionText(header: ResponseHeader | undefined): string {
  return `revision ${String(header?.revision ?? 0n)}`;
}
