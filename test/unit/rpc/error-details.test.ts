/** What a refusal says to people and to programs, and that it always fits a trailer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { invalid, refuse, withMetadata } from "../../../src/rpc/error-details.js";
import { readStatusError } from "./refusals.js";

const trailersBytesMax = 8 * 1024;

test("whatever a refusal says, its text is well-formed and its trailers stay below 8 KiB", () => {
  const words = fc.string({
    unit: fc.integer({ min: 32, max: 126 }).map((at) => String.fromCharCode(at)),
    maxLength: 6000,
  });
  fc.assert(
    fc.property(
      words,
      words,
      fc.dictionary(fc.string({ maxLength: 40 }), words),
      (message, hint, metadata) => {
        const error = refuse("ARGUMENT_INVALID", {
          message,
          hint,
          metadata,
          field: "f",
          retryMs: 5,
        });
        const trailers =
          Buffer.from(error.details).toString("base64").length + encodeURI(error.message).length;
        assert.ok(trailers < trailersBytesMax, String(trailers));
      },
    ),
  );
});

test("lone surrogates are replaced in the text and in the facts", () => {
  const error = refuse("ARGUMENT_INVALID", {
    message: "a\ud800b",
    hint: "c\udfffd",
    metadata: { fact: "\ud800" },
  });
  assert.equal(error.message, "a\ufffdb; c\ufffdd");
  assert.equal(readStatusError(error).metadata["fact"], "\ufffd");
});

test("a fact too long for a trailer is left out whole, the others stay", () => {
  const read = readStatusError(
    refuse("SLOW_CONSUMER", {
      message: "cut",
      hint: "resume",
      metadata: { resume_token: "x".repeat(5000), revision: "7" },
    }),
  );
  assert.deepEqual(read.metadata, { revision: "7", hint: "resume" });
});

test("a violation names its field and limit both for people and for programs", () => {
  const read = readStatusError(
    invalid("KEY_TOO_LARGE", {
      field: "keys[3]",
      message: "too long",
      hint: "less",
      limit: 4096,
      actual: 4097,
    }),
  );
  assert.deepEqual(read.fields, ["keys[3]"]);
  assert.deepEqual(read.metadata, {
    field: "keys[3]",
    limit: "4096",
    actual: "4097",
    hint: "less",
  });
});

test("facts can be added to a refusal without losing what it said", () => {
  const error = withMetadata(
    refuse("CHECKSUM_MISMATCH", { message: "x", hint: "y", metadata: { field: "crc32c" } }),
    { chunk_id: "9" },
  );
  const read = readStatusError(error);
  assert.equal(read.reason, "CHECKSUM_MISMATCH");
  assert.deepEqual(read.metadata, { field: "crc32c", hint: "y", chunk_id: "9" });
});
