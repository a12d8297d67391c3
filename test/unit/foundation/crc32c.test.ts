/** The checksum is CRC-32C and no other: its vectors, and a slow implementation beside it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../../src/foundation/bytes.js";
import { crc32c } from "../../../src/foundation/crc32c.js";

/** Bit by bit, as the definition reads. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const ascending = Uint8Array.from({ length: 32 }, (_unused, at) => at);

// From RFC 3720, B.4, and the check value of the catalogue of CRCs.
for (const { what, bytes, expected } of [
  { what: "nothing", bytes: new Uint8Array(0), expected: 0 },
  { what: "the digits 1 to 9", bytes: new TextEncoder().encode("123456789"), expected: 0xe3069283 },
  { what: "32 zeros", bytes: new Uint8Array(32), expected: 0x8a9136aa },
  { what: "32 bytes of ones", bytes: new Uint8Array(32).fill(0xff), expected: 0x62a8ab43 },
  { what: "32 ascending bytes", bytes: ascending, expected: 0x46dd794e },
  { what: "32 descending bytes", bytes: ascending.toReversed(), expected: 0x113fdb5c },
]) {
  test(`the checksum of ${what} is the published one`, () => {
    assert.equal(crc32c(bytes), expected);
  });
}

test("the checksum equals the slow definition, as an unsigned number", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      assert.equal(crc32c(bytes), slowCrc32c(bytes));
    }),
  );
});

test("a checksum can be continued, and a view is read where it lies", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      const whole = concatBytes([a, b]);
      assert.equal(crc32c(b, crc32c(a)), crc32c(whole));
      assert.equal(crc32c(whole.subarray(a.length)), crc32c(b));
    }),
  );
});

test("one changed bit always changes the checksum", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), (bytes, position) => {
      const bit = position % (bytes.length * 8);
      const changed = Uint8Array.from(bytes);
      changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      assert.notEqual(crc32c(changed), crc32c(bytes));
    }),
  );
});
