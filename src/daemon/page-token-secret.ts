/**
 * What page tokens are signed with. It lies in a file beside the database, so that a listing which
 * was begun before a restart can go on after it, and is made at the first start.
 */
import { linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { assert } from "../foundation/assert.js";
import type { Random } from "../foundation/random.js";
import { OpenError } from "../storage/errors.js";
import { pageTokenSecretBytes } from "../storage/limits.js";

const privateMode = 0o600;

/** Call it while the data directory is ours. Throws OpenError "permission", "io" or "damaged". */
export function pageTokenSecret(databaseFile: string, random: Random): Uint8Array {
  const file = `${resolve(databaseFile)}.token-secret`;
  try {
    return checked(file, readExisting(file) ?? make(file, random));
  } catch (cause) {
    if (cause instanceof OpenError) throw cause;
    throw new OpenError(isDenied(cause) ? "permission" : "io", `${file} cannot be used`, {
      cause,
      hint: "the daemon's user must be able to read and write it; it can be deleted while the daemon is stopped",
    });
  }
}

function readExisting(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

/** Written whole under another name first: a kill in between must not leave half a secret. */
function make(file: string, random: Random): Uint8Array {
  const secret = random.bytes(pageTokenSecretBytes);
  const unfinished = `${file}.new`;
  writeFileSync(unfinished, secret, { mode: privateMode, flush: true });
  linkSync(unfinished, file);
  unlinkSync(unfinished);
  return secret;
}

function checked(file: string, secret: Uint8Array): Uint8Array {
  if (secret.length === pageTokenSecretBytes) return secret;
  throw new OpenError("damaged", `${file} has ${String(secret.length)} bytes`, {
    hint: "delete it while the daemon is stopped: listings that were begun have to be begun again",
  });
}

function isDenied(cause: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS"].includes(codeOf(cause));
}

function codeOf(cause: unknown): string {
  assert(cause instanceof Error, "the file system throws errors");
  return "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
