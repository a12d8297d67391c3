/** Scripts decide by the exit code, which follows the error's type and never its text. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { CliError } from "../../../src/cli/cli-error.js";
import { cliExits, exitOf } from "../../../src/cli/exit-codes.js";
import { KvError } from "../../../src/client/kv-error.js";

const rules: readonly {
  readonly code: status;
  readonly reason?: string;
  readonly mayHaveHappened?: boolean;
  readonly exit: number;
}[] = [
  { code: status.NOT_FOUND, reason: "KEY_NOT_FOUND", exit: 3 },
  { code: status.ALREADY_EXISTS, reason: "KEY_EXISTS", exit: 4 },
  { code: status.INVALID_ARGUMENT, reason: "KEY_TOO_LARGE", exit: 5 },
  { code: status.ABORTED, reason: "CONDITION_FAILED", exit: 5 },
  { code: status.OUT_OF_RANGE, reason: "COMPACTED", exit: 5 },
  { code: status.PERMISSION_DENIED, exit: 6 },
  { code: status.UNAUTHENTICATED, exit: 6 },
  { code: status.UNAVAILABLE, reason: "NOT_CONNECTED", exit: 7 },
  { code: status.UNAVAILABLE, reason: "DRAINING", exit: 7 },
  { code: status.DEADLINE_EXCEEDED, reason: "NOT_EXECUTED", exit: 7 },
  { code: status.RESOURCE_EXHAUSTED, reason: "DISK_FULL", exit: 8 },
  { code: status.FAILED_PRECONDITION, reason: "READ_ONLY", exit: 8 },
  { code: status.INTERNAL, reason: "BUG", exit: 8 },
  { code: status.DATA_LOSS, reason: "CORRUPT", exit: 10 },
  { code: status.UNKNOWN, reason: "OUTCOME_UNKNOWN", mayHaveHappened: true, exit: 12 },
  { code: status.UNAVAILABLE, mayHaveHappened: true, exit: 12 },
  { code: status.DEADLINE_EXCEEDED, mayHaveHappened: true, exit: 12 },
  { code: status.UNIMPLEMENTED, reason: "UNSUPPORTED", exit: 1 },
  { code: status.INVALID_ARGUMENT, reason: "ADDRESS_INVALID", exit: 2 },
];

for (const { exit, ...facts } of rules) {
  const unknown = facts.mayHaveHappened === true ? ", when it may have happened," : "";
  test(`${status[facts.code]} ${facts.reason ?? ""}${unknown} ends with ${String(exit)}`, () => {
    const error = new KvError({ ...facts, message: "not found, already exists, denied" });
    assert.equal(cliExits[exitOf(error)].code, exit);
  });
}

test("a refusal of the tool ends as it says, a file error with 7, anything else with 1", () => {
  assert.equal(exitOf(new CliError("usage", "no such flag", { hint: "see help" })), "usage");
  assert.throws(
    () => readFileSync("/no/such/file"),
    (error) => exitOf(error) === "io",
  );
  assert.equal(exitOf(new TypeError("x is not a function")), "general");
});

test("the codes are the ones that scripts were promised; 9 and 99 stay free", () => {
  const codes = Object.values(cliExits).map(({ code }) => code);
  assert.deepEqual(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12]);
});
