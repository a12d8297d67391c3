/** What people see: sizes, times, and bytes that cannot do harm to a terminal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDurationMs, showDuration } from "../../../src/cli/durations.js";
import { jsonLine } from "../../../src/cli/output.js";
import {
  alignedTable,
  nameAndValue,
  showBytes,
  showCount,
  showEnum,
  showSize,
} from "../../../src/cli/show.js";

for (const { bytes, shown } of [
  { bytes: 0, shown: "0 B" },
  { bytes: 1_023, shown: "1023 B" },
  { bytes: 1_536, shown: "1.5 KiB" },
  { bytes: 64 * 2 ** 20, shown: "64 MiB" },
  { bytes: 251.9 * 2 ** 30, shown: "252 GiB" },
]) {
  test(`${String(bytes)} bytes are shown as ${shown}`, () => {
    assert.equal(showSize(bytes), shown);
  });
}

for (const { ms, shown } of [
  { ms: 0.25, shown: "0.3ms" },
  { ms: 12.4, shown: "12ms" },
  { ms: 1_250, shown: "1.25s" },
  { ms: 59_990, shown: "59.99s" },
  { ms: 90_000, shown: "1m 30s" },
  { ms: 26 * 3_600_000 + 61_000, shown: "1d 2h" },
  { ms: -5, shown: "-5ms" },
]) {
  test(`${String(ms)} ms are shown as ${shown}`, () => {
    assert.equal(showDuration(ms), shown);
  });
}

for (const { text, ms } of [
  { text: "500ms", ms: 500 },
  { text: "10s", ms: 10_000 },
  { text: "1.5m", ms: 90_000 },
  { text: "1h30m", ms: 5_400_000 },
  { text: "7d", ms: 604_800_000 },
  { text: "10", ms: undefined },
  { text: "s", ms: undefined },
  { text: "1s!", ms: undefined },
  { text: "-1s", ms: undefined },
  { text: "", ms: undefined },
]) {
  test(`the duration ${JSON.stringify(text)} is ${ms === undefined ? "refused" : `${String(ms)} ms`}`, () => {
    assert.equal(parseDurationMs(text), ms);
  });
}

test("counts have their thousands apart", () => {
  assert.deepEqual([0, 999, 1_000, 171_075].map(showCount), ["0", "999", "1 000", "171 075"]);
  assert.equal(showCount(12_345_678n), "12 345 678");
});

test("an enum's name loses its prefix", () => {
  assert.equal(showEnum("ENGINE_STATE_READ_ONLY", "ENGINE_STATE"), "read only");
});

test("text is shown as it is, and what moves the cursor or hides text is escaped", () => {
  const utf8 = (text: string): Uint8Array => Buffer.from(text, "utf8");
  assert.equal(showBytes(utf8("Sant Julià 東京")), "Sant Julià 東京");
  assert.equal(showBytes(utf8("a\u001b[31mred\r\n\t\\")), "a\\u001b[31mred\\r\\n\\t\\\\");
  assert.equal(showBytes(utf8("evil\u202egpj.exe\u200b")), "evil\\u202egpj.exe\\u200b");
  assert.equal(showBytes(Uint8Array.of(0xff, 0x00)), "0xff00");
});

test("no bytes ever put a control character on the terminal, and one line stays one line", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const codes = Array.from(showBytes(bytes), (character) => character.codePointAt(0) ?? 0);
      assert.ok(codes.every((code) => code >= 0x20 && !(code >= 0x7f && code <= 0x9f)));
    }),
  );
});

test("different bytes of text are shown differently", () => {
  const text = fc.string({ unit: fc.constantFrom("\\", "n", "u", "0", "\n", "\u0000", "a") });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const shown = [a, b].map((one) => showBytes(Buffer.from(one)));
      assert.equal(shown[0] === shown[1], a === b);
    }),
  );
});

test("columns are as wide as their widest cell, numbers stand on the right", () => {
  const rows = [
    ["default", "12", "1.5 KiB"],
    ["a", "7", "-"],
  ];
  assert.deepEqual(alignedTable(["namespace", "keys", "bytes"], rows), [
    "namespace  keys    bytes",
    "default      12  1.5 KiB",
    "a             7        -",
  ]);
  assert.deepEqual(
    nameAndValue([
      ["state", "serving"],
      ["up", ""],
    ]),
    ["state  serving", "up"],
  );
});

test("64-bit numbers keep every digit in JSON", () => {
  assert.equal(jsonLine({ revision: 2n ** 64n - 1n }), '{"revision":"18446744073709551615"}');
});
