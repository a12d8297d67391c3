/**
 * Decides one request against the state it meets: which branch runs, what each operation answers,
 * what changes. Everything is computed in memory. A refusal (an EngineError) means that the whole
 * request, nested transactions included, has changed nothing.
 */

import { unreachable } from "../../foundation/assert.js";
import { EngineError } from "../../storage/errors.js";
import { int64Max, int64Min } from "../../storage/limits.js";
import type {
  Entry,
  Expiry,
  Key,
  LeaseId,
  Operation,
  OperationResult,
  TxnBody,
  TxnResult,
} from "../../storage/model.js";
import { holds } from "./compare.js";
import { leaseNotFound, performLease } from "./evaluate-lease.js";
import type { Current, Staging } from "./staging.js";

/** What Increment reads and writes: decimal digits, a minus sign where needed, nothing else. */
const decimal = /^-?\d{1,19}$/;

/** Answers the body, and leaves in `staging` what it changes. */
export function evaluate(body: TxnBody, staging: Staging): TxnResult {
  const failedCompares = body.compares.flatMap((compare, index) =>
    holds(compare, staging) ? [] : [index],
  );
  const succeeded = failedCompares.length === 0;
  const branch = succeeded ? body.success : body.failure;
  const responses = branch.map((operation) => perform(operation, staging));
  return { succeeded, failedCompares, responses, replayed: false };
}

function perform(operation: Operation, staging: Staging): OperationResult {
  switch (operation.kind) {
    case "get":
      return { kind: "got", entry: staging.find(operation.key)?.entry() };
    case "put":
      return put(operation, staging);
    case "delete":
      return remove(operation, staging);
    case "rename":
      return rename(operation, staging);
    case "increment":
      return increment(operation, staging);
    case "txn":
      return { kind: "txn", result: evaluate(operation.body, staging) };
    case "lease-grant":
    case "lease-keep-alive":
    case "lease-revoke":
    case "expire-keys":
    case "expire-lease":
      return performLease(operation, staging);
    default:
      return unreachable(operation);
  }
}

function put(operation: Operation & { kind: "put" }, staging: Staging): OperationResult {
  const { expiry } = operation;
  if (expiry.kind === "lease" && staging.liveLease(expiry.leaseId) === undefined) {
    throw leaseNotFound();
  }
  const previous = operation.returnPrevious ? staging.find(operation.key)?.entry() : undefined;
  const version = staging.put(operation.key, operation.value, lifeOf(expiry, staging.nowMs));
  return { kind: "put", version, previous };
}

function remove(operation: Operation & { kind: "delete" }, staging: Staging): OperationResult {
  const { span } = operation;
  const found = span.kind === "key" ? one(staging.find(span.key)) : staging.range(span.range);
  const previous = operation.returnPrevious ? found[0]?.entry() : undefined;
  for (const current of found) staging.delete(current, "client");
  return { kind: "deleted", count: found.length, previous };
}

function rename(operation: Operation & { kind: "rename" }, staging: Staging): OperationResult {
  const source = staging.find(operation.from);
  if (source === undefined) {
    throw new EngineError("key-not-found", "the key to rename does not exist", {
      hint: "read the key first; it may have expired or been renamed already",
    });
  }
  const target = staging.find(operation.to);
  if (target !== undefined && !operation.overwrite) {
    throw new EngineError("key-exists", "the new key exists already", {
      hint: "choose another key, or set overwrite",
      facts: { mod_revision: `${target.modRevision}` },
    });
  }
  if (equalKeys(operation.from, operation.to)) return { kind: "renamed", entry: source.entry() };
  const entry = source.entry();
  staging.delete(source, "client");
  // The target is created anew, whatever stood there: its history is not the source's.
  if (target !== undefined) staging.delete(target, "client");
  staging.put(operation.to, entry.value, entry);
  return { kind: "renamed", entry: entryOf(staging, operation.to) };
}

function increment(
  operation: Operation & { kind: "increment" },
  staging: Staging,
): OperationResult {
  const current = staging.find(operation.key);
  const before = current === undefined ? operation.initial : numberOf(current.entry().value);
  const value = before + operation.delta;
  if (value < int64Min || value > int64Max) {
    throw new EngineError("not-a-number", "the sum does not fit into a signed 64-bit integer", {
      hint: "split the counter, or reset it with a Put",
      facts: { cause: "overflow" },
    });
  }
  const life = { expiresAtMs: current?.expiresAtMs, leaseId: current?.leaseId };
  staging.put(operation.key, new TextEncoder().encode(`${value}`), life);
  return { kind: "incremented", value };
}

function numberOf(value: Uint8Array): bigint {
  const text = new TextDecoder("latin1").decode(value.subarray(0, 32));
  const number = value.length <= 20 && decimal.test(text) ? BigInt(text) : undefined;
  if (number === undefined || number < int64Min || number > int64Max) {
    throw new EngineError("not-a-number", "the value is not a decimal signed 64-bit integer", {
      hint: "Increment works on values such as 42 or -7; write one with Put first",
      facts: { cause: "not_decimal" },
    });
  }
  return number;
}

function lifeOf(
  expiry: Expiry,
  nowMs: number,
): {
  readonly expiresAtMs: number | undefined;
  readonly leaseId: LeaseId | undefined;
} {
  switch (expiry.kind) {
    case "never":
      return { expiresAtMs: undefined, leaseId: undefined };
    case "at":
      return { expiresAtMs: expiry.atMs, leaseId: undefined };
    case "after":
      return { expiresAtMs: nowMs + expiry.ttlMs, leaseId: undefined };
    case "lease":
      return { expiresAtMs: undefined, leaseId: expiry.leaseId };
    default:
      return unreachable(expiry);
  }
}

function entryOf(staging: Staging, key: Key): Entry {
  const current = staging.find(key);
  if (current === undefined) throw new Error("a key that was just put must be there");
  return current.entry();
}

function one(current: Current | undefined): Current[] {
  return current === undefined ? [] : [current];
}

function equalKeys(a: Key, b: Key): boolean {
  return Buffer.compare(a, b) === 0;
}
