/** The secret of page tokens: made once, kept, private, and never half written. */
import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pageTokenSecret } from "../../../src/daemon/page-token-secret.js";
import { seededRandom } from "../../../src/foundation/random.js";
import { OpenError } from "../../../src/storage/errors.js";
import { pageTokenSecretBytes } from "../../../src/storage/limits.js";
import { tempDirectory } from "../../support/temp-directory.js";

test("the first call makes it, the next one finds it, and nobody else may read it", (t) => {
  const directory = tempDirectory(t);
  const file = join(directory, "kv.db");
  const first = pageTokenSecret(file, seededRandom(1));
  assert.equal(first.length, pageTokenSecretBytes);
  assert.deepEqual(new Uint8Array(pageTokenSecret(file, seededRandom(2))), new Uint8Array(first));
  assert.deepEqual(readdirSync(directory), ["kv.db.token-secret"]);
  assert.equal(statSync(join(directory, "kv.db.token-secret")).mode & 0o077, 0);
});

test("what a kill left half written is written again", (t) => {
  const file = join(tempDirectory(t), "kv.db");
  writeFileSync(`${file}.token-secret.new`, "half");
  assert.equal(pageTokenSecret(file, seededRandom(1)).length, pageTokenSecretBytes);
});

test("a secret of the wrong length is refused with what to do about it", (t) => {
  const file = join(tempDirectory(t), "kv.db");
  writeFileSync(`${file}.token-secret`, "short");
  assert.throws(
    () => pageTokenSecret(file, seededRandom(1)),
    (error) => error instanceof OpenError && error.kind === "damaged" && /delete/.test(error.hint),
  );
});

test("a directory that is not there is an error with its cause", (t) => {
  const file = join(tempDirectory(t), "missing", "kv.db");
  assert.throws(
    () => pageTokenSecret(file, seededRandom(1)),
    (error) => error instanceof OpenError && error.kind === "io" && error.cause instanceof Error,
  );
});
