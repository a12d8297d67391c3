/** A request is sent again only when that is safe, and only as long as its id is remembered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import { requestIdWindowMs, retryBudgetMsMax } from "../../../src/client/client-limits.js";
import { KvError } from "../../../src/client/kv-error.js";
import {
  defaultRetryPolicy,
  mayRepeat,
  nextDelayMs,
  passingReasons,
  type Repeat,
} from "../../../src/client/retry.js";
import { seededRandom } from "../../../src/foundation/random.js";
import { reasons } from "../../../src/rpc/reasons.js";
import { ledgerWindowMs } from "../../../src/storage/limits.js";

const { UNAVAILABLE, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, ABORTED } = status;

function failure(code: status, reason: string, retryDelayMs?: number): KvError {
  return new KvError({ code, reason, message: "for a test", retryDelayMs });
}

const rules: readonly {
  readonly code: status;
  readonly reason: string;
  readonly repeat: Repeat;
  readonly again: boolean;
}[] = [
  { code: UNAVAILABLE, reason: "DRAINING", repeat: "only-if-refused", again: true },
  { code: status.RESOURCE_EXHAUSTED, reason: "OVERLOADED", repeat: "with-request-id", again: true },
  { code: status.RESOURCE_EXHAUSTED, reason: "WAL_LIMIT", repeat: "harmless", again: true },
  { code: status.RESOURCE_EXHAUSTED, reason: "QUOTA", repeat: "with-request-id", again: false },
  { code: status.RESOURCE_EXHAUSTED, reason: "DISK_FULL", repeat: "with-request-id", again: false },
  { code: ABORTED, reason: "CONDITION_FAILED", repeat: "with-request-id", again: false },
  { code: ABORTED, reason: "FENCED", repeat: "with-request-id", again: true },
  { code: status.INVALID_ARGUMENT, reason: "KEY_EMPTY", repeat: "harmless", again: false },
  { code: UNKNOWN, reason: "OUTCOME_UNKNOWN", repeat: "with-request-id", again: true },
  { code: UNKNOWN, reason: "OUTCOME_UNKNOWN", repeat: "only-if-refused", again: false },
  { code: DEADLINE_EXCEEDED, reason: "OUTCOME_UNKNOWN", repeat: "with-request-id", again: false },
  { code: DEADLINE_EXCEEDED, reason: "NOT_EXECUTED", repeat: "with-request-id", again: false },
  { code: INTERNAL, reason: "BUG", repeat: "harmless", again: false },
  { code: UNAVAILABLE, reason: "", repeat: "harmless", again: true },
  { code: UNAVAILABLE, reason: "", repeat: "with-request-id", again: true },
  { code: UNAVAILABLE, reason: "", repeat: "only-if-refused", again: false },
  { code: UNAVAILABLE, reason: "NOT_CONNECTED", repeat: "only-if-refused", again: true },
  { code: status.UNIMPLEMENTED, reason: "", repeat: "harmless", again: false },
];

for (const { code, reason, repeat, again } of rules) {
  const name = `${status[code]} ${reason === "" ? "without a reason" : reason}`;
  test(`after ${name} what is ${repeat} is ${again ? "sent again" : "given up"}`, () => {
    assert.equal(mayRepeat(failure(code, reason), repeat), again);
  });
}

test("every refusal that passes by itself is one the server gives, with the advice to wait", () => {
  const known = Object.entries(reasons);
  for (const reason of passingReasons.filter((name) => name !== "NOT_CONNECTED")) {
    const [, row] = known.find(([name]) => name === reason) ?? [];
    assert.equal(row?.retry, "after-delay", reason);
  }
});

test("the budget ends before half of the window in which the server remembers request ids", () => {
  assert.equal(requestIdWindowMs, ledgerWindowMs);
  assert.ok(retryBudgetMsMax < ledgerWindowMs / 2);
});

test("the pause grows, stays within its bound, and respects what the server asks for", () => {
  const error = failure(UNAVAILABLE, "DRAINING");
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer(), (attempts, seed) => {
      const policy = defaultRetryPolicy;
      const progress = { attempts, elapsedMs: 0, policy };
      const delayMs = nextDelayMs(error, "harmless", progress, seededRandom(seed));
      const whole = Math.min(policy.delayMsMax, policy.firstDelayMs * 2 ** (attempts - 1));
      assert.ok(delayMs !== undefined && delayMs >= whole / 2 && delayMs <= whole);
      const asked = nextDelayMs(
        failure(UNAVAILABLE, "DRAINING", 7_777),
        "harmless",
        progress,
        seededRandom(seed),
      );
      assert.equal(asked, 7_777);
    }),
  );
});

test("it gives up after the last attempt, and when the pause would pass the budget", () => {
  const error = failure(UNAVAILABLE, "DRAINING");
  const policy = { ...defaultRetryPolicy, attemptsMax: 3, budgetMs: 1_000 };
  const at = (attempts: number, elapsedMs: number): number | undefined => {
    return nextDelayMs(error, "harmless", { attempts, elapsedMs, policy }, seededRandom(1));
  };
  assert.notEqual(at(2, 0), undefined);
  assert.equal(at(3, 0), undefined);
  assert.equal(at(2, 1_000), undefined);
});
