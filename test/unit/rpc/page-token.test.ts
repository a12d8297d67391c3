/** What page tokens are good for, and for nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PageTokens, type RequestParts, type TokenKind } from "../../../src/rpc/page-token.js";
import { keyBytesMax, tokenCharactersMax } from "../../../src/storage/limits.js";
import type { Revision, StoreId } from "../../../src/storage/model.js";
import { refusalOf } from "./refusals.js";

const secret = new Uint8Array(32).fill(7);
const storeId = "store-1" as StoreId;
const tokens = new PageTokens(secret, storeId);
const request: RequestParts = ["default", Uint8Array.of(1), undefined, false, true, 5n];
const position = { revision: 12n as Revision, lastKey: Uint8Array.of(0, 0xff, 3) };

function reasonOf(
  opener: PageTokens,
  token: string,
  parts: RequestParts = request,
  kind: TokenKind = "list",
): string {
  return refusalOf(() => opener.open(kind, parts, token, "page_token")).reason;
}

test("a token gives back what it was issued with, for every key and revision", () => {
  const keys = fc.uint8Array({ minLength: 0, maxLength: keyBytesMax });
  fc.assert(
    fc.property(keys, fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (lastKey, revision) => {
      const token = tokens.issue("list", request, { revision: revision as Revision, lastKey });
      assert.ok(token.length <= tokenCharactersMax);
      const opened = tokens.open("list", request, token, "page_token");
      assert.equal(opened.revision, revision);
      assert.deepEqual([...opened.lastKey], [...lastKey]);
    }),
    { numRuns: 50 },
  );
});

test("a token is good after a restart with the same secret and store", () => {
  const token = tokens.issue("list", request, position);
  const restarted = new PageTokens(Uint8Array.from(secret), storeId);
  assert.equal(restarted.open("list", request, token, "page_token").revision, 12n);
});

test("a token is worth nothing to another store, secret or kind of call", () => {
  const token = tokens.issue("list", request, position);
  assert.equal(reasonOf(new PageTokens(secret, "store-2" as StoreId), token), "PAGE_TOKEN_INVALID");
  assert.equal(reasonOf(new PageTokens(new Uint8Array(32), storeId), token), "PAGE_TOKEN_INVALID");
  assert.equal(reasonOf(tokens, token, request, "scan"), "PAGE_TOKEN_INVALID");
});

test("a token is refused when any part of the request has changed", () => {
  const token = tokens.issue("list", request, position);
  const others: RequestParts = ["other", Uint8Array.of(2), Uint8Array.of(), true, false, undefined];
  for (const at of request.keys()) {
    const changed = request.map((part, each) => (each === at ? others[at] : part));
    assert.equal(reasonOf(tokens, token, changed), "PAGE_TOKEN_INVALID");
  }
});

test("parts do not run into each other", () => {
  const token = tokens.issue("list", ["ab", "c"], position);
  for (const parts of [
    ["a", "bc"],
    ["abc", ""],
    ["ab", "c", ""],
    [Uint8Array.of(97, 98), "c"],
  ]) {
    assert.equal(reasonOf(tokens, token, parts), "PAGE_TOKEN_INVALID");
  }
});

test("a token with any bit changed is refused", () => {
  const bytes = Buffer.from(tokens.issue("list", request, position), "base64url");
  fc.assert(
    fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.equal(reasonOf(tokens, changed.toString("base64url")), "PAGE_TOKEN_INVALID");
    }),
  );
});

test("what is no token at all is refused, of whatever length", () => {
  for (const token of ["x", "=", "AAAA", "a".repeat(tokenCharactersMax), "a".repeat(10 ** 6)]) {
    assert.equal(reasonOf(tokens, token), "PAGE_TOKEN_INVALID");
  }
});
