/** Bugs stop whoever meets them, and their message carries no data. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AssertionError,
  assert as ourAssert,
  unreachable,
} from "../../../src/foundation/assert.js";

test("a condition that holds passes, one that does not throws what should hold", () => {
  ourAssert(true, "never shown");
  assert.throws(() => {
    ourAssert(false, "the queue is never negative");
  }, new AssertionError("the queue is never negative"));
});

for (const { value, named } of [
  { value: "commit", named: '"commit"' },
  { value: { kind: "checkpoint", secret: "s3cret" }, named: "checkpoint" },
  { value: 7, named: "number" },
  { value: null, named: "object" },
]) {
  test(`a missing case is named as ${named} and nothing more is printed`, () => {
    assert.throws(() => unreachable(value as never), {
      name: "AssertionError",
      message: `a case is missing for ${named}`,
    });
  });
}
