/**
 * Put and Delete with a condition: one compare, and a failure list that reads the key, so that the
 * refusal names what is really there, as of the same moment.
 */
import { assert } from "../foundation/assert.js";
import type { Key, Operation, TxnBody, TxnResult } from "../storage/model.js";
import type { Condition } from "../wire/kvdb/v1/types.js";
import type { StatusError } from "./call.js";
import { decodeCondition } from "./decode.js";
import { refuse } from "./error-details.js";
import type { Reason } from "./reasons.js";

/** The operation alone, or guarded by the condition. */
export function conditionalBody(
  condition: Condition | undefined,
  key: Key,
  operation: Operation,
): TxnBody {
  if (condition === undefined) return { compares: [], success: [operation], failure: [] };
  return {
    compares: [decodeCondition(condition, key)],
    success: [operation],
    failure: [{ kind: "get", key }],
  };
}

/** Throws the refusal of the condition when it did not hold. */
export function requireSucceeded(condition: Condition | undefined, result: TxnResult): void {
  if (!result.succeeded) throw conditionFailed(condition, result);
}

function conditionFailed(condition: Condition | undefined, result: TxnResult): StatusError {
  const [found] = result.responses;
  assert(found?.kind === "got", "a condition that failed has read the key");
  const form = condition?.condition;
  assert(form !== undefined, "a condition that failed says something");
  const { reason, message, hint } = refusals[form.$case];
  return refuse(reason, {
    message,
    hint,
    metadata: {
      condition: names[form.$case],
      ...(typeof form.value === "bigint" && { expected: String(form.value) }),
      actual_mod_revision: String(found.entry?.modRevision ?? 0n),
      actual_version: String(found.entry?.version ?? 0n),
      actual_create_revision: String(found.entry?.createRevision ?? 0n),
    },
    precondition: { subject: names[form.$case] },
    ...(reason !== "CONDITION_FAILED" && { resource: { type: "key", name: "" } }),
  });
}

type ConditionCase = NonNullable<Condition["condition"]>["$case"];

const names = {
  ifAbsent: "if_absent",
  ifPresent: "if_present",
  ifModRevision: "if_mod_revision",
  ifVersion: "if_version",
} as const satisfies Record<ConditionCase, string>;

const refusals = {
  ifAbsent: {
    reason: "KEY_EXISTS",
    message: "the key exists",
    hint: "read it, or write without if_absent",
  },
  ifPresent: {
    reason: "KEY_NOT_FOUND",
    message: "the key does not exist",
    hint: "create it, or write without if_present",
  },
  ifModRevision: {
    reason: "CONDITION_FAILED",
    message: "the key has another mod_revision",
    hint: "read the key again and decide anew; nothing was written",
  },
  ifVersion: {
    reason: "CONDITION_FAILED",
    message: "the key has another version",
    hint: "read the key again and decide anew; nothing was written",
  },
} as const satisfies Record<ConditionCase, { reason: Reason; message: string; hint: string }>;
