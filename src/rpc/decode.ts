/**
 * From the wire to the domain, where validation is the conversion: behind this file no value exists
 * that breaks a limit. Every refusal names the field as the .proto file spells it, and the limit.
 *
 * Bytes of a request are views of its message. Those of a write are copied, because they wait in a
 * queue and travel to another thread, and a view would take the whole message along.
 */
import { compareBytes, copyBytes, prefixEnd } from "../foundation/bytes.js";
import {
  int64Max,
  keyBytesMax,
  namespaceCharactersMax,
  pageRowsDefault,
  pageRowsMax,
  requestIdBytesMax,
} from "../storage/limits.js";
import type {
  Compare,
  Key,
  KeyRange,
  Namespace,
  RequestId,
  Revision,
  Span,
} from "../storage/model.js";
import type { AtRevision } from "../storage/storage-engine.js";
import type { Condition, KeyInterval, KeyRange as WireKeyRange } from "../wire/kvdb/v1/types.js";
import type { StatusError } from "./call.js";
import { invalid, refuse } from "./error-details.js";

const defaultNamespace = "default" as Namespace;
const namespacePattern = /^[a-z0-9_-]+$/;
/** Revisions are stored as signed 64-bit integers. */
const revisionMax = int64Max;
const noBytes = new Uint8Array(0);

/** Empty means `default`. */
export function decodeNamespace(name: string, field = "namespace"): Namespace {
  if (name === "") return defaultNamespace;
  if (name.length > namespaceCharactersMax || !namespacePattern.test(name)) {
    throw invalid("NAMESPACE_INVALID", {
      field,
      message: `${field} is not 1 to ${String(namespaceCharactersMax)} of a-z, 0-9, _ and -`,
      hint: "choose another name",
      limit: namespaceCharactersMax,
      actual: name.length,
    });
  }
  return name as Namespace;
}

/** Still a view of the message: for reads that end before the call does. */
export function decodeKey(key: Uint8Array, field = "key"): Key {
  if (key.length === 0) {
    throw invalid("KEY_EMPTY", {
      field,
      message: `${field} is empty`,
      hint: `send 1 to ${String(keyBytesMax)} bytes`,
    });
  }
  if (key.length > keyBytesMax) throw tooLong("KEY_TOO_LARGE", field, key.length, keyBytesMax);
  return key as Key;
}

/** The same, of many: a name for each would cost more than the look at it. */
export function decodeKeys(keys: readonly Uint8Array[]): readonly Key[] {
  for (const [index, key] of keys.entries()) {
    if (key.length === 0 || key.length > keyBytesMax) decodeKey(key, `keys[${String(index)}]`);
  }
  return keys as readonly Key[];
}

/** A key that outlives the call. */
export function decodeOwnKey(key: Uint8Array, field = "key"): Key {
  return copyBytes(decodeKey(key, field)) as Key;
}

/** A value that outlives the call. */
export function decodeOwnValue(value: Uint8Array, bytesMax: number, field = "value"): Uint8Array {
  if (value.length > bytesMax) throw tooLong("VALUE_TOO_LARGE", field, value.length, bytesMax);
  return copyBytes(value);
}

/** Empty means none. */
export function decodeRequestId(id: string, field = "request_id"): RequestId | undefined {
  if (id === "") return undefined;
  const bytes = Buffer.byteLength(id);
  if (bytes > requestIdBytesMax) {
    throw tooLong("REQUEST_ID_TOO_LARGE", field, bytes, requestIdBytesMax);
  }
  return id as RequestId;
}

/** Undefined is the newest state; 0 was never written, so nothing can be read there. */
export function decodeRevision(revision: bigint | undefined, field = "revision"): AtRevision {
  if (revision === undefined) return undefined;
  if (revision === 0n) {
    throw invalid("REVISION_INVALID", {
      field,
      message: `${field} is 0`,
      hint: "revisions begin at 1; leave the field out to read the newest state",
    });
  }
  if (revision > revisionMax) {
    throw refuse("FUTURE_REVISION", {
      message: `${field} is above every revision that can be`,
      hint: "read at a revision that a header has named",
      metadata: { field },
    });
  }
  return revision as Revision;
}

export function decodeRange(range: WireKeyRange | undefined, field = "range"): KeyRange {
  const form = range?.range;
  if (form === undefined) {
    throw invalid("RANGE_INVALID", {
      field,
      message: `${field} is not set`,
      hint: "set prefix, interval or all",
    });
  }
  switch (form.$case) {
    case "prefix":
      return prefixRange(form.value, `${field}.prefix`);
    case "interval":
      return interval(form.value, `${field}.interval`);
    case "all":
      if (form.value) return { start: noBytes, end: undefined };
      throw invalid("RANGE_INVALID", {
        field: `${field}.all`,
        message: `${field}.all is false`,
        hint: "set it to true, or use prefix or interval",
      });
  }
}

export function decodeKeySpan(key: Uint8Array, field: string): Span {
  return { kind: "key", key: decodeOwnKey(key, field) };
}

/** A condition as the one compare that says the same. */
export function decodeCondition(condition: Condition, key: Key): Compare {
  const span: Span = { kind: "key", key };
  const form = condition.condition;
  switch (form?.$case) {
    case undefined:
      throw invalid("FIELD_MISSING", {
        field: "condition.condition",
        message: "the condition says nothing",
        hint: "set one of its arms, or leave condition out",
      });
    case "ifAbsent":
      mustBeTrue(form.value, "condition.if_absent");
      return { span, relation: "equal", operand: { of: "version", value: 0n } };
    case "ifPresent":
      mustBeTrue(form.value, "condition.if_present");
      return { span, relation: "greater", operand: { of: "version", value: 0n } };
    case "ifModRevision":
      return { span, relation: "equal", operand: { of: "mod-revision", value: form.value } };
    case "ifVersion":
      return { span, relation: "equal", operand: { of: "version", value: form.value } };
  }
}

/** 0 is the default; above the maximum is lowered. */
export function decodePageSize(size: number, field = "page_size"): number {
  if (size < 0) {
    throw invalid("PAGE_SIZE_INVALID", {
      field,
      message: `${field} is negative`,
      hint: "send 0 for the default",
      limit: pageRowsMax,
    });
  }
  return size === 0 ? pageRowsDefault : Math.min(size, pageRowsMax);
}

/** The name whose row has this number. Enums are open on the wire: any number may come. */
export function decodeEnum<Name extends string>(
  table: Readonly<Record<Name, number>>,
  value: number,
  field: string,
): Name {
  const names = Object.keys(table) as Name[];
  const name = names.find((each) => table[each] === value);
  if (name !== undefined) return name;
  throw invalid("ARGUMENT_INVALID", {
    field,
    message: `${field} has a value that this server does not know`,
    hint: `set it to ${names.join(", ")}`,
  });
}

export function tooLong(
  reason: "KEY_TOO_LARGE" | "VALUE_TOO_LARGE" | "REQUEST_ID_TOO_LARGE",
  field: string,
  actual: number,
  limit: number,
): StatusError {
  return invalid(reason, {
    field,
    message: `${field} has ${String(actual)} bytes, the limit is ${String(limit)}`,
    hint: "send less",
    limit,
    actual,
  });
}

function prefixRange(prefix: Uint8Array, field: string): KeyRange {
  if (prefix.length > keyBytesMax)
    throw tooLong("KEY_TOO_LARGE", field, prefix.length, keyBytesMax);
  return { start: copyBytes(prefix), end: prefixEnd(prefix) };
}

function interval({ start, end }: KeyInterval, field: string): KeyRange {
  // One byte more than a key, so that the first key after the longest one can be named.
  const bound = keyBytesMax + 1;
  if (start.length > bound) throw tooLong("KEY_TOO_LARGE", `${field}.start`, start.length, bound);
  if (end.length > bound) throw tooLong("KEY_TOO_LARGE", `${field}.end`, end.length, bound);
  if (end.length === 0) return { start: copyBytes(start), end: undefined };
  if (compareBytes(end, start) < 0) {
    throw invalid("RANGE_INVALID", {
      field,
      message: `${field} ends before it starts`,
      hint: "exchange start and end; for the opposite order set reverse",
    });
  }
  return { start: copyBytes(start), end: copyBytes(end) };
}

function mustBeTrue(value: boolean, field: string): void {
  if (value) return;
  throw invalid("ARGUMENT_INVALID", {
    field,
    message: `${field} is false, which says nothing`,
    hint: "set it to true, or leave condition out",
  });
}
