/** Byte order is one order, and prefixes end where they should. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  binaryText,
  compareBytes,
  concatBytes,
  copyBytes,
  equalBytes,
  hexForPeople,
  prefixEnd,
} from "../../../src/foundation/bytes.js";

/** Short ones over few values meet often; long ones reach the native comparison. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 6, max: 2 }),
  fc.uint8Array({ maxLength: 100 }),
  fc.uint8Array({ minLength: 39, maxLength: 43, max: 1 }),
);

test("bytes compare as Buffer.compare does, whatever their lengths", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
      assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
      assert.equal(equalBytes(a, copyBytes(a)), true);
    }),
  );
});

test("bytes are unsigned: 0x80 is above 0x7f", () => {
  assert.ok(compareBytes(Uint8Array.of(0x80), Uint8Array.of(0x7f)) > 0);
});

test("long bytes that differ late compare by the late difference", () => {
  const a = new Uint8Array(5_000);
  const b = new Uint8Array(5_000);
  b[4_999] = 1;
  assert.ok(compareBytes(a, b) < 0);
  assert.ok(compareBytes(a, a.subarray(0, 4_999)) > 0);
});

test("a key is in the prefix range exactly when it starts with the prefix", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 8 }), (prefix, key) => {
      const end = prefixEnd(prefix);
      const inRange =
        compareBytes(key, prefix) >= 0 && (end === undefined || compareBytes(key, end) < 0);
      assert.equal(inRange, equalBytes(key.subarray(0, prefix.length), prefix));
    }),
  );
});

for (const { prefix, end } of [
  { prefix: [], end: undefined },
  { prefix: [0xff], end: undefined },
  { prefix: [0xff, 0xff], end: undefined },
  { prefix: [0x00], end: [0x01] },
  { prefix: [0x61, 0xff, 0xff], end: [0x62] },
  { prefix: [0x61, 0x00], end: [0x61, 0x01] },
]) {
  test(`the range of the prefix [${prefix.join(", ")}] ends at ${String(end)}`, () => {
    assert.deepEqual(prefixEnd(Uint8Array.from(prefix)), end && Uint8Array.from(end));
  });
}

test("the end of a prefix leaves the prefix alone, even when it is a Buffer", () => {
  const prefix = Buffer.from("ab");
  prefixEnd(prefix);
  assert.equal(prefix.toString(), "ab");
});

test("a copy keeps its bytes when the original changes", () => {
  const message = Buffer.from("key and value");
  const key = copyBytes(message.subarray(0, 3));
  message.fill(0);
  assert.equal(Buffer.from(key).toString(), "key");
  assert.equal(key.buffer.byteLength, 3);
});

test("parts are joined in order", () => {
  const whole = concatBytes([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]);
  assert.deepEqual(whole, Uint8Array.of(1, 2, 3));
});

test("different bytes have different binary texts, of one character per byte", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.equal(binaryText(a) === binaryText(b), equalBytes(a, b));
      assert.equal(binaryText(a).length, a.length);
    }),
  );
});

test("hexadecimal for people is cut, and then names the length", () => {
  assert.equal(hexForPeople(Uint8Array.of(0, 15, 255)), "000fff");
  assert.equal(hexForPeople(new Uint8Array(5), 2), "0000… (5 bytes)");
});
