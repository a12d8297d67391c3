/** What the client makes of a failure: the server's own details, or the little a transport knows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { KvError } from "../../../src/client/kv-error.js";
import type { StatusError } from "../../../src/rpc/call.js";
import { invalid, refuse } from "../../../src/rpc/error-details.js";
import type { Reason } from "../../../src/rpc/reasons.js";

const codes = new Map<number, status>(
  Object.values(status).flatMap((code) => (typeof code === "number" ? [[code, code]] : [])),
);

/** As grpc-js hands it to a callback, with the trailer that our server really encodes. */
function received(refusal: StatusError): ServiceError {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(refusal.details));
  return bare(refusal.code, refusal.message, metadata);
}

function bare(code: number, details: string, metadata: Metadata = new Metadata()): ServiceError {
  const error = new Error(`${String(code)} ${details}`);
  return Object.assign(error, { code: codes.get(code) ?? status.UNKNOWN, details, metadata });
}

test("reason, hint, metadata, violations and the pause come from the details", () => {
  const refusal = refuse("OVERLOADED", {
    message: "too many calls wait",
    hint: "wait, then send it again",
    metadata: { queue: "writes" },
    field: "ops",
    retryMs: 1_250,
  });
  const error = KvError.from(received(refusal), true);
  assert.equal(error.status, "RESOURCE_EXHAUSTED");
  assert.equal(error.reason, "OVERLOADED");
  assert.equal(error.message, "too many calls wait");
  assert.equal(error.hint, "wait, then send it again");
  assert.equal(error.metadata.get("queue"), "writes");
  assert.equal(error.violations[0]?.field, "ops");
  assert.equal(error.retryDelayMs, 1_250);
  assert.equal(error.mayHaveHappened, false);
});

test("a violation names the field and its limit", () => {
  const violation = {
    field: "key",
    message: "the key is too long",
    hint: "shorten it",
    limit: 4096,
  };
  const error = KvError.from(received(invalid("KEY_TOO_LARGE", violation)), true);
  assert.equal(error.violations[0]?.field, "key");
  assert.equal(error.metadata.get("limit"), "4096");
});

const outcomes: readonly { readonly reason: Reason; readonly mayHaveHappened: boolean }[] = [
  { reason: "OUTCOME_UNKNOWN", mayHaveHappened: true },
  { reason: "BUG", mayHaveHappened: true },
  { reason: "NOT_EXECUTED", mayHaveHappened: false },
  { reason: "DRAINING", mayHaveHappened: false },
  { reason: "CONDITION_FAILED", mayHaveHappened: false },
  { reason: "DISK_FULL", mayHaveHappened: false },
];

for (const { reason, mayHaveHappened } of outcomes) {
  const says = mayHaveHappened ? "may have happened" : "did not happen";
  test(`a mutation refused with ${reason} ${says}`, () => {
    const refusal = received(refuse(reason, { message: "for a test", hint: "read on" }));
    assert.equal(KvError.from(refusal, true).mayHaveHappened, mayHaveHappened);
    assert.equal(KvError.from(refusal, false).mayHaveHappened, false);
  });
}

const transportCodes = [
  { code: status.UNAVAILABLE, unknown: true },
  { code: status.DEADLINE_EXCEEDED, unknown: true },
  { code: status.CANCELLED, unknown: true },
  { code: status.INTERNAL, unknown: true },
  { code: status.UNIMPLEMENTED, unknown: false },
  { code: status.INVALID_ARGUMENT, unknown: false },
];

for (const { code, unknown } of transportCodes) {
  test(`without details, ${status[code]} leaves a mutation ${unknown ? "unknown" : "refused"}`, () => {
    const error = KvError.from(bare(code, "made up by the transport"), true);
    assert.equal(error.mayHaveHappened, unknown);
    assert.equal(error.reason, "");
  });
}

test("what is a KvError stays as it is, and anything else becomes one with its cause", () => {
  const known = new KvError({ code: status.NOT_FOUND, message: "no such key" });
  assert.equal(KvError.from(known), known);
  const bug = new TypeError("x is not a function");
  const error = KvError.from(bug);
  assert.equal(error.cause, bug);
  assert.equal(error.status, "UNKNOWN");
  assert.equal(KvError.from("a thrown text").message, "a thrown text");
});

test("after an attempt of unknown outcome, the same failure says that it may have happened", () => {
  const refused = new KvError({ code: status.UNAVAILABLE, reason: "DRAINING", message: "drained" });
  const error = refused.afterUnknownAttempt();
  assert.deepEqual([error.reason, error.mayHaveHappened], ["DRAINING", true]);
  assert.equal(error.cause, refused);
});
