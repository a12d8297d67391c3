/** What the writer writes the reader reads, and bytes that end too early are refused, not guessed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader } from "../../../../src/engine/record/byte-reader.js";
import { ByteWriter } from "../../../../src/engine/record/byte-writer.js";
import { anyInt64, anyText, anyUint64 } from "../../../support/arbitraries.js";

type Field =
  | { readonly kind: "u8" | "u32" | "f64" | "varint"; readonly value: number }
  | { readonly kind: "u64" | "i64"; readonly value: bigint }
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "text"; readonly value: string };

const uint32Max = 0xffff_ffff;

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ kind: fc.constant("u8"), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({
    kind: fc.constantFrom("u32", "varint"),
    value: fc.oneof(
      fc.integer({ min: 0, max: uint32Max }),
      fc.constantFrom(0, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28 - 1, 2 ** 28, uint32Max),
    ),
  }),
  fc.record({
    kind: fc.constant("f64"),
    value: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  }),
  fc.record({ kind: fc.constant("u64"), value: anyUint64 }),
  fc.record({ kind: fc.constant("i64"), value: anyInt64 }),
  fc.record({ kind: fc.constant("bytes"), value: fc.uint8Array({ maxLength: 400 }) }),
  fc.record({ kind: fc.constant("text"), value: anyText }),
);

function write(out: ByteWriter, { kind, value }: Field): void {
  switch (kind) {
    case "u8":
    case "u32":
    case "f64":
    case "varint":
      out[kind](value);
      return;
    case "u64":
    case "i64":
      out[kind](value);
      return;
    case "bytes":
      out.bytes(value);
      return;
    case "text":
      out.text(value);
  }
}

function encode(fields: readonly Field[]): Uint8Array {
  const out = new ByteWriter(1);
  for (const one of fields) write(out, one);
  return out.finish();
}

function readAll(source: ByteReader, fields: readonly Field[]): unknown[] {
  return fields.map(({ kind }) => source[kind]());
}

test("any sequence of fields comes back as it was written, to its last byte", () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
      const source = new ByteReader(encode(fields));
      assert.deepEqual(
        readAll(source, fields),
        fields.map(({ value }) => value),
      );
      assert.equal(source.atEnd, true);
    }),
  );
});

test("a sequence that was cut anywhere is refused with a RangeError", () => {
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 6 }), fc.nat(), (fields, where) => {
      const whole = encode(fields);
      const cut = new ByteReader(whole.subarray(0, where % whole.length));
      assert.throws(() => readAll(cut, fields), RangeError);
    }),
  );
});

test("any bytes are read or refused with a RangeError, whatever is expected of them", () => {
  const kinds = fc.array(field, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), kinds, (bytes, fields) => {
      const source = new ByteReader(bytes);
      try {
        readAll(source, fields);
      } catch (error) {
        assert.ok(error instanceof RangeError, `${String(error)} is not a RangeError`);
      }
    }),
  );
});

test("a varint that never ends is refused", () => {
  assert.throws(() => new ByteReader(new Uint8Array(64).fill(0xff)).varint(), RangeError);
});

test("a count above 32 bits is a bug of the writer, not a longer varint", () => {
  for (const value of [-1, uint32Max + 1]) {
    assert.throws(
      () => {
        new ByteWriter().varint(value);
      },
      { name: "AssertionError" },
    );
  }
});

test("a text that begins with U+FEFF keeps it, so that two request ids stay two", () => {
  const [marked, plain] = ["\uFEFFa", "a"].map((value) => encode([{ kind: "text", value }]));
  assert.notDeepEqual(marked, plain);
  assert.equal(new ByteReader(marked ?? new Uint8Array()).text(), "\uFEFFa");
});

test("bytes that are read are views of the source and do not copy it", () => {
  const whole = encode([{ kind: "bytes", value: Uint8Array.of(1, 2, 3) }]);
  const view = new ByteReader(whole).bytes();
  assert.equal(view.buffer, whole.buffer);
});

test("a reader of a view begins at the view, not at its buffer", () => {
  const whole = encode([
    { kind: "u64", value: 1n },
    { kind: "u64", value: 2n },
  ]);
  assert.equal(new ByteReader(whole.subarray(8)).u64(), 2n);
});

test("a writer that was reset starts again with nothing of before", () => {
  const out = new ByteWriter();
  out.text("before");
  out.reset();
  out.u8(1);
  assert.deepEqual(out.finish(), Uint8Array.of(1));
});

const texts = [
  "",
  "a",
  "a".repeat(127),
  "a".repeat(128),
  `${"a".repeat(126)}é`,
  "é".repeat(64),
  "\ud800",
];

for (const text of texts) {
  test(`a text of ${text.length} characters stands there as its length and its UTF-8`, () => {
    const out = new ByteWriter(1);
    out.text(text);
    const expected = new ByteWriter();
    expected.bytes(new TextEncoder().encode(text));
    assert.deepEqual(out.finish(), expected.finish());
  });
}

test("a list is a count and so many of what it holds", () => {
  const out = new ByteWriter();
  out.varint(2);
  out.text("first");
  out.text("second");
  out.varint(0);
  const source = new ByteReader(out.finish());
  assert.deepEqual(
    source.list(() => source.text()),
    ["first", "second"],
  );
  assert.deepEqual(
    source.list(() => source.text()),
    [],
  );
  assert.equal(source.atEnd, true);
});
