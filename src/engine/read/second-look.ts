/**
 * A damaged page, or a row that does not match its checksum, can be one failed read: the system
 * turns a sector that could not be read once into the same answer as one that is rotten. So it is
 * believed only after a second connection, with a cache of its own, has seen it too.
 */
import { EngineError, OpenError } from "../../storage/errors.js";
import { damagedStoreHint } from "../damage-hints.js";
import type { Connection } from "../sqlite/connection.js";
import { faultOf } from "../sqlite/result-codes.js";

/** What a read on one connection needs; made once per connection. */
export interface Opened {
  readonly connection: Connection;
}

/**
 * The answer of the first connection, or of a fresh one when the first seems to meet damage. Throws
 * EngineError "corrupt" when both do; what is no damage is thrown as it is, at once.
 */
export function readTwice<Reader extends Opened, T>(
  first: Reader,
  look: {
    readonly fresh: () => Reader;
    readonly read: (reader: Reader) => T;
    /** The first answer was wrong, the second is right. */
    readonly onRepeated: (code: string) => void;
  },
): T {
  try {
    return look.read(first);
  } catch (cause) {
    if (!looksDamaged(cause)) throw cause;
    // What it keeps in its cache may be what was read wrongly.
    forgetPages(first.connection);
    const result = onFresh(look, cause);
    look.onRepeated(codeOfDamage(cause));
    return result;
  }
}

/**
 * The same where there is no other connection with this snapshot: the pages are read anew from the
 * file. A disk error may have ended the snapshot; then the caller has to begin a new one.
 */
export function readAnew<T>(
  connection: Connection,
  read: () => T,
  onRepeated: (code: string) => void,
): T {
  const within = connection.inTransaction;
  try {
    return read();
  } catch (cause) {
    if (!looksDamaged(cause)) throw cause;
    if (within && !connection.inTransaction) throw snapshotLost(cause);
    forgetPages(connection);
    try {
      const result = read();
      onRepeated(codeOfDamage(cause));
      return result;
    } catch (again) {
      throw looksDamaged(again) ? damageOf(again) : again;
    }
  }
}

/** Row checksums, and what SQLite says of its pages or of the disk. */
export function looksDamaged(cause: unknown): boolean {
  if (cause instanceof EngineError) return cause.kind === "corrupt";
  if (cause instanceof OpenError) return ["damaged", "foreign", "io"].includes(cause.kind);
  const { kind } = faultOf(cause);
  return kind === "io" || kind === "damaged";
}

/** As callers are told: the bytes go nowhere, and everything else is still served. */
function damageOf(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  const code = codeOfDamage(cause);
  return new EngineError("corrupt", `a page of the database cannot be read (${code})`, {
    cause,
    hint: damagedStoreHint,
    facts: { table: "", code },
  });
}

function onFresh<Reader extends Opened, T>(
  look: { readonly fresh: () => Reader; readonly read: (reader: Reader) => T },
  firstCause: unknown,
): T {
  let reader: Reader | undefined;
  try {
    reader = look.fresh();
    return look.read(reader);
  } catch (again) {
    throw looksDamaged(again) ? damageOf(again instanceof OpenError ? firstCause : again) : again;
  } finally {
    reader?.connection.close();
  }
}

function codeOfDamage(cause: unknown): string {
  return faultOf(cause).code || "ROW_CHECKSUM";
}

function forgetPages(connection: Connection): void {
  connection.pragma("shrink_memory");
}

function snapshotLost(cause: unknown): EngineError {
  return new EngineError("snapshot-expired", "a failed read has ended the snapshot", {
    cause,
    hint: "continue with a new scan after the last key that was received",
  });
}
