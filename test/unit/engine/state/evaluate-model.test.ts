/**
 * What a request answers and changes, against a model of maps: any sequence of groups of random
 * requests gives the same answers, the same rows and the same revisions as the model, which knows
 * neither groups nor files.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type {
  Key,
  LeaseId,
  Operation,
  TxnBody,
  TxnRequest,
} from "../../../../src/storage/model.js";
import { closeKey, narrow, recordOf, txnBody } from "../../../support/arbitraries.js";
import { canonical } from "../../../support/canonical.js";
import { inModelWords, type ModelOutcome, ModelStore } from "../../../support/model-store.js";
import { StateOnFile, startMs } from "../../../support/state-on-file.js";
import { testNamespace } from "../../../support/temp-engine.js";

interface Step {
  readonly bodies: readonly TxnBody[];
  readonly passesMs: number;
}

const leaseId = fc.constantFrom(1n, 2n) as fc.Arbitrary<LeaseId>;
const lifetimeMs = fc.integer({ min: 1, max: 40 });
/** With lives that end while the sequence runs, and leases that may or may not be there. */
const mortal = {
  ...narrow,
  expiry: fc.oneof(
    narrow.expiry,
    lifetimeMs.map((ttlMs) => ({ kind: "after" as const, ttlMs })),
    leaseId.map((id) => ({ kind: "lease" as const, leaseId: id })),
  ),
};
const leaseOperation: fc.Arbitrary<Operation> = fc.oneof(
  recordOf({ kind: fc.constant("lease-grant"), leaseId, ttlMs: lifetimeMs }),
  recordOf({
    kind: fc.constantFrom("lease-keep-alive", "lease-revoke", "expire-lease"),
    leaseId,
  }),
  recordOf({
    kind: fc.constant("expire-keys"),
    keys: fc.uniqueArray(closeKey, { maxLength: 3, selector: (key) => canonical(key) }),
  }),
);
const leaseBody = leaseOperation.map((operation) => ({
  compares: [],
  success: [operation],
  failure: [],
}));

function steps(body: fc.Arbitrary<TxnBody>): fc.Arbitrary<readonly Step[]> {
  return fc.array(
    recordOf({
      bodies: fc.array(body, { minLength: 1, maxLength: 4 }),
      passesMs: fc.integer({ min: 0, max: 15 }),
    }),
    { maxLength: 8, size: "max" },
  );
}

function request(body: TxnBody): TxnRequest {
  return { namespace: testNamespace, principal: undefined, requestId: undefined, body };
}

function holdsForAll(name: string, body: fc.Arbitrary<TxnBody>, runs: number): void {
  test(name, async (t) => {
    const store = StateOnFile.open(t);
    let round = 0;
    // The store's time never steps back, so the next sequence begins where the last one ended.
    let nowMs = startMs;
    await fc.assert(
      fc.asyncProperty(steps(body), async (sequence) => {
        // A namespace for each sequence, in one file: opening a file costs more than a sequence.
        const namespace = `${testNamespace}-${String(++round)}` as typeof testNamespace;
        const model = new ModelStore();
        for (const { bodies, passesMs } of sequence) {
          nowMs += passesMs;
          const requests = bodies.map((one) => ({ ...request(one), namespace }));
          const expected: ModelOutcome[] = requests.map((one) => model.commit(one, nowMs));
          const actual = await store.commit(requests, nowMs);
          assert.equal(canonical(actual.map(inModelWords)), canonical(expected));
        }
        assert.equal(
          await contentOf(store, namespace, nowMs),
          modelContent(model, namespace, nowMs),
        );
      }),
      { numRuns: runs },
    );
  });
}

async function contentOf(
  store: StateOnFile,
  namespace: typeof testNamespace,
  nowMs: number,
): Promise<string> {
  const keys = allKeys();
  const success = keys.map((key): Operation => ({ kind: "get", key }));
  const body = { compares: [], success, failure: [] };
  const [outcome] = await store.commit([{ ...request(body), namespace }], nowMs);
  return canonical(inModelWords(outcome));
}

function modelContent(model: ModelStore, namespace: typeof testNamespace, nowMs: number): string {
  const success = allKeys().map((key): Operation => ({ kind: "get", key }));
  return canonical(
    model.commit({ ...request({ compares: [], success, failure: [] }), namespace }, nowMs),
  );
}

/** Every key that the random requests can name. */
function allKeys(): Key[] {
  const bytes = [0x00, 0x61, 0x62, 0xff];
  const short = bytes.map((byte) => [byte]);
  const long = bytes.flatMap((first) => bytes.map((second) => [first, second]));
  return [...short, ...long].map((key) => Uint8Array.from(key) as Key);
}

holdsForAll("any requests, in any groups, answer as the model does", txnBody(narrow), 300);
holdsForAll(
  "keys and leases that run out answer as the model does",
  fc.oneof(txnBody(mortal, { depth: 1, operations: 3 }), leaseBody),
  300,
);
