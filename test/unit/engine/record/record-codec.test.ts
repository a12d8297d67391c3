/** Requests, results, outcomes and log entries survive their bytes; other bytes are refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader } from "../../../../src/engine/record/byte-reader.js";
import { ByteWriter } from "../../../../src/engine/record/byte-writer.js";
import {
  decodeBatches,
  eachChangedKey,
  encodeBatches,
} from "../../../../src/engine/record/entry-codec.js";
import { decodeOutcomes, encodeOutcomes } from "../../../../src/engine/record/outcome-codec.js";
import {
  readRequest,
  requestBytes,
  writeRequest,
} from "../../../../src/engine/record/request-codec.js";
import { readResult, writeResult } from "../../../../src/engine/record/result-codec.js";
import type {
  Epoch,
  Namespace,
  Revision,
  StoreId,
  TxnRequest,
  TxnResult,
} from "../../../../src/storage/model.js";
import type { Outcome } from "../../../../src/storage/storage-engine.js";
import {
  anyBatch,
  anyRequest,
  anyResult,
  anyText,
  anyUint64,
  recordOf,
  txnBody,
  wide,
} from "../../../support/arbitraries.js";

const identity = { epoch: 3n as Epoch, nodeId: "node", storeId: "store" as StoreId };
const namespace = "tenant" as Namespace;

const anyOutcome: fc.Arbitrary<Outcome<TxnResult>> = fc.oneof(
  recordOf({ revision: anyUint64 as fc.Arbitrary<Revision>, value: anyResult }).map(
    ({ revision, value }): Outcome<TxnResult> => ({
      kind: "ok",
      header: { namespace, revision, ...identity },
      value,
    }),
  ),
  recordOf({
    kind: fc.constant("refused"),
    refusal: recordOf({
      kind: fc.constantFrom("overloaded", "key-exists"),
      message: anyText,
      hint: anyText,
      facts: fc.dictionary(anyText, anyText, { noNullPrototype: true, maxKeys: 3 }),
    }),
  }),
  fc.constant({ kind: "fenced" }),
);

function encodeRequest(request: TxnRequest): Uint8Array {
  const out = new ByteWriter();
  writeRequest(out, request);
  return out.finish();
}

function encodeResult(result: TxnResult): Uint8Array {
  const out = new ByteWriter();
  writeResult(out, result);
  return out.finish();
}

test("a request comes back as it was written, one behind the other", () => {
  fc.assert(
    fc.property(fc.array(anyRequest, { minLength: 1, maxLength: 3 }), (requests) => {
      const out = new ByteWriter();
      for (const request of requests) writeRequest(out, request);
      const bytes = out.finish();
      const source = new ByteReader(bytes);
      for (const request of requests) {
        assert.deepEqual(readRequest(source, bytes).request, request);
      }
      assert.equal(source.atEnd, true);
    }),
  );
});

test("the body's bytes are the same whoever sends it, and other bodies have others", () => {
  const bodyBytes = (request: TxnRequest): Uint8Array => {
    const bytes = encodeRequest(request);
    return new Uint8Array(readRequest(new ByteReader(bytes), bytes).bodyBytes);
  };
  fc.assert(
    fc.property(anyRequest, anyRequest, txnBody(wide), (one, other, body) => {
      assert.deepEqual(bodyBytes({ ...one, body }), bodyBytes({ ...other, body }));
      const sameBytes = Buffer.compare(bodyBytes(one), bodyBytes(other)) === 0;
      assert.equal(sameBytes, fc.stringify(one.body) === fc.stringify(other.body));
    }),
  );
});

test("the size that a request is queued by is never much less than its bytes", () => {
  fc.assert(
    fc.property(anyRequest, (request) => {
      const { principal, requestId } = request;
      const names = Buffer.byteLength(`${principal ?? ""}${requestId ?? ""}`);
      assert.ok(encodeRequest(request).length <= requestBytes(request) + names);
    }),
  );
});

test("a result comes back as it was written", () => {
  fc.assert(
    fc.property(anyResult, (result) => {
      assert.deepEqual(readResult(new ByteReader(encodeResult(result))), result);
    }),
  );
});

test("an answer of a form that is not known is refused", () => {
  const bytes = encodeResult({
    succeeded: true,
    failedCompares: [],
    responses: [],
    replayed: false,
  });
  bytes[0] = 99;
  assert.throws(() => readResult(new ByteReader(bytes)), RangeError);
});

test("the outcomes of a group come back in order, each with its namespace", () => {
  fc.assert(
    fc.property(fc.array(anyOutcome, { maxLength: 4 }), (outcomes) => {
      const names = outcomes.map(() => namespace);
      assert.deepEqual(decodeOutcomes(encodeOutcomes(outcomes), names, identity), outcomes);
    }),
  );
});

test("a local writer has no way to answer that it does not lead or does not know", () => {
  const outcomes: Outcome<TxnResult>[] = [
    { kind: "unknown", requestId: undefined },
    { kind: "not-leader", leader: undefined },
  ];
  for (const outcome of outcomes) {
    assert.throws(() => encodeOutcomes([outcome]), /cannot answer/);
  }
});

function changedKeys(bytes: Uint8Array): Uint8Array[] {
  const keys: Uint8Array[] = [];
  eachChangedKey(bytes, (key) => keys.push(key));
  return keys;
}

test("the batches of a log entry come back as they were written", () => {
  fc.assert(
    fc.property(fc.array(anyBatch, { maxLength: 3 }), (batches) => {
      const bytes = encodeBatches(batches);
      assert.deepEqual(decodeBatches(bytes), batches);
      assert.deepEqual(
        changedKeys(bytes),
        batches.flatMap(({ changes }) => changes.map(({ key }) => key)),
      );
    }),
  );
});

test("a log entry that was cut, or is followed by anything, is refused with a RangeError", () => {
  const batches = fc.array(anyBatch, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(batches, fc.nat(), (written, where) => {
      const whole = encodeBatches(written);
      assert.throws(() => decodeBatches(whole.subarray(0, where % whole.length)), RangeError);
      assert.throws(() => changedKeys(whole.subarray(0, where % whole.length)), RangeError);
      const longer = Buffer.concat([whole, Uint8Array.of(0)]);
      assert.throws(() => decodeBatches(longer), RangeError);
      assert.throws(() => changedKeys(longer), RangeError);
    }),
  );
});

const decoders: readonly { readonly of: string; decode: (bytes: Uint8Array) => unknown }[] = [
  { of: "log entries", decode: decodeBatches },
  { of: "keys of log entries", decode: changedKeys },
  { of: "results", decode: (bytes) => readResult(new ByteReader(bytes)) },
  { of: "requests", decode: (bytes) => readRequest(new ByteReader(bytes), bytes) },
];
/** Lengths as large as a varint can say, in front of nothing. */
const hugeLength = fc.constantFrom([0xff, 0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0x0f]);
const damaged = fc
  .tuple(fc.uint8Array({ maxLength: 6, max: 2 }), hugeLength, fc.uint8Array({ maxLength: 30 }))
  .map(([head, length, rest]) => Uint8Array.from([...head, ...length, ...rest]));

for (const { of, decode } of decoders) {
  test(`damaged ${of} are refused with a RangeError and cost neither time nor memory`, () => {
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 60, max: 12 })), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(error instanceof RangeError, `${String(error)} is not a RangeError`);
        }
      }),
    );
  });
}
