/**
 * What a full disk says no to. Requests that only take away are let in as long as SQLite finds room
 * for them, because they are how a full disk gets room again; keeping a lease alive is let in too,
 * since refusing it would let leases run out and take their keys along.
 */
import { EngineError } from "../../storage/errors.js";
import type { Operation, TxnBody } from "../../storage/model.js";

/** True when no branch of the request can leave more behind than it found. */
export function onlyTakesAway(body: TxnBody): boolean {
  return body.success.every(takesAway) && body.failure.every(takesAway);
}

export function diskFull(): EngineError {
  return new EngineError("disk-full", "the disk has no room for the write", {
    hint: "the write did not happen; free space or delete keys, then retry: writing resumes by itself",
  });
}

function takesAway(operation: Operation): boolean {
  switch (operation.kind) {
    case "get":
    case "delete":
    case "lease-keep-alive":
    case "lease-revoke":
    case "expire-keys":
    case "expire-lease":
      return true;
    case "put":
    case "rename":
    case "increment":
    case "lease-grant":
      return false;
    case "txn":
      return onlyTakesAway(operation.body);
  }
}
