/** Answers that know their own bytes: the same bytes as the generated codec's, and the same message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PackedPoints } from "../../../src/engine/read/packed-page.js";
import {
  BatchGetAnswer,
  encodesItself,
  GetAnswer,
  HeaderBytes,
  ownBytes,
  ScanAnswer,
} from "../../../src/rpc/read-answers.js";
import type {
  Entry,
  Epoch,
  Header,
  Namespace,
  Revision,
  StoreId,
} from "../../../src/storage/model.js";
import { EntryPacker } from "../../../src/storage/packed-entries.js";
import {
  type BatchGetResponse,
  GetResponse,
  KvServiceService,
  ScanResponse,
} from "../../../src/wire/kvdb/v1/kv.js";
import { anyEntry, recordOf } from "../../support/arbitraries.js";

const anyHeader: fc.Arbitrary<Header> = recordOf({
  namespace: fc.stringMatching(/^[a-z0-9_-]{1,63}$/).map((name) => name as Namespace),
  revision: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map((revision) => revision as Revision),
  epoch: fc.bigInt({ min: 1n, max: 2n ** 40n }).map((epoch) => epoch as Epoch),
  nodeId: fc.string({ minLength: 1, maxLength: 40 }),
  storeId: fc.string({ minLength: 1, maxLength: 200 }).map((id) => id as StoreId),
});
const maybeEntry = fc.option(anyEntry, { nil: undefined });
const someEntries = fc.array(anyEntry, { minLength: 1, maxLength: 5 });

/** One for all: what it remembers of one header must not be said of another. */
const headers = new HeaderBytes();

test("the answer of a Get has the bytes of the generated codec", () => {
  fc.assert(
    fc.property(anyHeader, maybeEntry, (header, entry) => {
      const answer = new GetAnswer(header, entry, headers);
      const { kv } = answer;
      const message: GetResponse = { header, kv };
      assert.deepEqual(answer[ownBytes](), KvServiceService.get.responseSerialize(message));
      assert.deepEqual(
        GetResponse.decode(answer[ownBytes]()).kv === undefined,
        entry === undefined,
      );
    }),
  );
});

test("the answer of a BatchGet has the bytes of the generated codec", () => {
  fc.assert(
    fc.property(anyHeader, fc.array(maybeEntry, { maxLength: 5 }), (header, found) => {
      const answer = new BatchGetAnswer({ header, entries: found }, headers);
      const { entries } = answer;
      const message: BatchGetResponse = { header, entries };
      const generated = KvServiceService.batchGet.responseSerialize(message);
      assert.deepEqual(answer[ownBytes](), generated);
      assert.equal(answer.encodedLength, generated.length);
      const points = new PackedPoints(header, packedPoints(found));
      const passedOn = new BatchGetAnswer(points, headers);
      assert.deepEqual(passedOn[ownBytes](), generated);
      assert.deepEqual(passedOn.entries, entries);
    }),
  );
});

test("a page of a Scan has the bytes of the generated codec", () => {
  const token = fc.oneof(fc.constant(""), fc.string({ maxLength: 300 }));
  fc.assert(
    fc.property(anyHeader, someEntries, token, (header, of, resumeToken) => {
      const answer = new ScanAnswer(header, packed(of), resumeToken, headers);
      const { kvs } = answer;
      const message: ScanResponse = { header, kvs, resumeToken };
      assert.deepEqual(answer[ownBytes](), KvServiceService.scan.responseSerialize(message));
      assert.equal(ScanResponse.decode(answer[ownBytes]()).kvs.length, of.length);
    }),
  );
});

test("an answer inside another message is the message that it stands for", () => {
  fc.assert(
    fc.property(anyHeader, maybeEntry, (header, entry) => {
      const answer = new GetAnswer(header, entry, headers);
      const generated = GetResponse.encode(answer).finish();
      assert.deepEqual(Buffer.from(generated), answer[ownBytes]());
    }),
  );
});

test("a plain message does not claim to encode itself", () => {
  assert.equal(encodesItself({ header: undefined, kv: undefined }), false);
  assert.equal(encodesItself(undefined), false);
});

function packedPoints(entries: readonly (Entry | undefined)[]): Uint8Array {
  const out = new EntryPacker(64);
  for (const entry of entries) {
    if (entry === undefined) out.addAbsent();
    else out.add(entry);
  }
  return out.finish();
}

function packed(entries: readonly Entry[]): ConstructorParameters<typeof ScanAnswer>[1] {
  const out = new EntryPacker(64);
  for (const entry of entries) out.add(entry);
  const last = entries.at(-1);
  assert.ok(last !== undefined);
  return { bytes: out.finish(), lastKey: last.key };
}
