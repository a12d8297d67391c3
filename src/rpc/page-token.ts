/**
 * Opaque tokens that continue a List, a Scan, or a list of namespaces or leases. A token holds the last key, the
 * revision and a digest of the request, and is signed: it can neither be made up nor carried over to
 * another request, another store or another kind of call. It survives a restart as long as the
 * secret does.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { copyBytes } from "../foundation/bytes.js";
import { tokenCharactersMax } from "../storage/limits.js";
import type { Revision, StoreId } from "../storage/model.js";
import type { StatusError } from "./call.js";
import { invalid } from "./error-details.js";

/** What a token is good for; part of what is signed. */
export type TokenKind = "list" | "scan" | "namespaces" | "leases";

export interface PagePosition {
  /** Of the first page. 0 where a list has none. */
  readonly revision: Revision;
  /** Continue after it. */
  readonly lastKey: Uint8Array;
}

/** Everything of a request that must not change from one page to the next, in a fixed order. */
export type RequestParts = readonly (string | Uint8Array | bigint | boolean | undefined)[];

const formatVersion = 1;
const digestBytes = 16;
const macBytes = 16;
const revisionBytes = 8;
const headBytes = 1 + digestBytes + revisionBytes;

export class PageTokens {
  readonly #key: Uint8Array;

  /** The store id takes part, so that a token of a replaced store is refused. */
  constructor(secret: Uint8Array, storeId: StoreId) {
    this.#key = createHmac("sha256", secret).update(`kvdb page token\0${storeId}`).digest();
  }

  issue(kind: TokenKind, request: RequestParts, position: PagePosition): string {
    const body = Buffer.alloc(headBytes + position.lastKey.length);
    body.writeUInt8(formatVersion, 0);
    body.set(digestOf(kind, request), 1);
    body.writeBigUInt64BE(position.revision, 1 + digestBytes);
    body.set(position.lastKey, headBytes);
    return Buffer.concat([body, this.#sign(body)]).toString("base64url");
  }

  /** Throws PAGE_TOKEN_INVALID, and does not say more: a token is opaque. */
  open(kind: TokenKind, request: RequestParts, token: string, field: string): PagePosition {
    if (token.length > tokenCharactersMax) throw badToken(field);
    const bytes = Buffer.from(token, "base64url");
    if (bytes.length < headBytes + macBytes || bytes.toString("base64url") !== token) {
      throw badToken(field);
    }
    const body = bytes.subarray(0, bytes.length - macBytes);
    const signed = timingSafeEqual(this.#sign(body), bytes.subarray(body.length));
    const digest = body.subarray(1, 1 + digestBytes);
    if (!signed || body[0] !== formatVersion || !digest.equals(digestOf(kind, request))) {
      throw badToken(field);
    }
    return {
      revision: body.readBigUInt64BE(1 + digestBytes) as Revision,
      lastKey: copyBytes(body.subarray(headBytes)),
    };
  }

  #sign(body: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key).update(body).digest().subarray(0, macBytes);
  }
}

/** Each part with its kind and length before it, so that no two requests have the same text. */
function digestOf(kind: TokenKind, request: RequestParts): Uint8Array {
  const hash = createHash("sha256").update(kind);
  for (const part of request) {
    if (part instanceof Uint8Array) hash.update(`\0b${String(part.length)}:`).update(part);
    else hash.update(`\0${typeof part}${String(String(part).length)}:${String(part)}`);
  }
  return hash.digest().subarray(0, digestBytes);
}

function badToken(field: string): StatusError {
  return invalid("PAGE_TOKEN_INVALID", {
    field,
    message: `${field} was not issued by this store for this request`,
    hint: "repeat every other field as it was, or begin again without a token",
    limit: tokenCharactersMax,
  });
}
