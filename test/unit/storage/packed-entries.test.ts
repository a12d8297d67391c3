/** Packed entries are, byte by byte, what the generated codec makes of the same entries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeEntry } from "../../../src/rpc/encode.js";
import type { Entry } from "../../../src/storage/model.js";
import {
  EntryPacker,
  HeldEntry,
  packedBytesMax,
  packedLength,
  unpackEntries,
} from "../../../src/storage/packed-entries.js";
import { BatchGetResponse, ScanResponse } from "../../../src/wire/kvdb/v1/kv.js";
import { KeyValue } from "../../../src/wire/kvdb/v1/types.js";
import { anyEntry } from "../../support/arbitraries.js";

const entries = fc.array(anyEntry, { maxLength: 6 });

function packed(of: readonly (Entry | undefined)[], bytesExpected: number): Uint8Array {
  const out = new EntryPacker(bytesExpected);
  for (const entry of of) {
    if (entry === undefined) out.addAbsent();
    else out.add(entry);
  }
  return out.finish();
}

test("packed entries are the kvs of a ScanResponse as the generated codec writes them", () => {
  fc.assert(
    fc.property(entries, fc.nat({ max: 500 }), (of, bytesExpected) => {
      const kvs = of.map(encodeEntry);
      const generated = ScanResponse.encode({ header: undefined, kvs, resumeToken: "" }).finish();
      assert.deepEqual(Buffer.from(packed(of, bytesExpected)), Buffer.from(generated));
    }),
  );
});

test("a packed entry is as long as is said before it is written", () => {
  fc.assert(
    fc.property(anyEntry, (entry) => {
      const { length } = KeyValue.encode(encodeEntry(entry)).finish();
      assert.equal(packedLength(entry), length);
      assert.ok(packed([entry], 0).length <= packedBytesMax(entry));
    }),
  );
});

test("entries come back from their packed form, the absent ones among them", () => {
  const some = fc.array(fc.option(anyEntry, { nil: undefined }), { maxLength: 6 });
  fc.assert(
    fc.property(some, (of) => {
      assert.deepEqual(unpackEntries(packed(of, 64)), of);
    }),
  );
});

test("an entry that is kept says what the entry said, and is packed as it is", () => {
  fc.assert(
    fc.property(anyEntry, (entry) => {
      const held = new HeldEntry(entry);
      assert.deepEqual(Object.fromEntries(Object.entries(held)), entry);
      assert.deepEqual(packed([held, undefined, held], 0), packed([entry, undefined, entry], 0));
      assert.equal(held.value.buffer.byteLength, packedLength(entry));
    }),
  );
});

test("an absent entry is an entry without kv to the generated codec", () => {
  const bytes = packed([undefined, undefined], 64);
  assert.deepEqual(BatchGetResponse.decode(bytes).entries, [{ kv: undefined }, { kv: undefined }]);
});

test("numbers are packed the same whether they come as numbers or as bigints", () => {
  const number = fc.oneof(
    fc.nat({ max: 300 }),
    fc.nat(),
    fc.maxSafeNat(),
    fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 49 - 1, 2 ** 49, Number.MAX_SAFE_INTEGER),
  );
  fc.assert(
    fc.property(anyEntry, number, number, number, (entry, create, mod, version) => {
      const small = { createRevision: create, modRevision: mod, version };
      const large = {
        createRevision: BigInt(create),
        modRevision: BigInt(mod),
        version: BigInt(version),
      };
      const [one, other] = [new EntryPacker(0), new EntryPacker(0)];
      one.add({ ...entry, ...small });
      other.add({ ...entry, ...large });
      assert.deepEqual(one.finish(), other.finish());
    }),
  );
});
