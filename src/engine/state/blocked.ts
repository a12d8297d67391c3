/** What a namespace's blocks keep out of the writer: writes, and whatever a write would tell. */
import { EngineError } from "../../storage/errors.js";
import type { Namespace, Operation, TxnBody, TxnRequest } from "../../storage/model.js";
import type { NamespaceSettings } from "../../storage/namespaces.js";

/** Throws "namespace-blocked". */
export function assertNotBlocked(
  { blockReads, blockWrites, blockReason }: NamespaceSettings,
  request: TxnRequest,
): void {
  if (blockWrites && !isExpiry(request)) throw blocked(request.namespace, "writes", blockReason);
  if (blockReads && reads(request.body)) throw blocked(request.namespace, "reads", blockReason);
}

/**
 * A block is for callers. What has run out is gone for them in any case, and if it could not be
 * taken away, the oldest of it would keep the sweeper from all other namespaces.
 */
function isExpiry({ body }: TxnRequest): boolean {
  // A caller's transaction may have nothing in its success list, and its writes in the other.
  if (body.success.length === 0 || body.failure.length > 0) return false;
  return body.success.every(({ kind }) => kind === "expire-keys" || kind === "expire-lease");
}

/** In either list: whether a request is refused must not tell how its compares came out. */
function reads({ success, failure }: TxnBody): boolean {
  return success.some(asksForEntry) || failure.some(asksForEntry);
}

/** Compares and conditions are left: they guard writes, and writes go on. */
function asksForEntry(operation: Operation): boolean {
  if (operation.kind === "txn") return reads(operation.body);
  if (operation.kind === "put" || operation.kind === "delete") return operation.returnPrevious;
  return operation.kind === "get";
}

function blocked(namespace: Namespace, what: "reads" | "writes", reason: string): EngineError {
  const where = what === "reads" ? "reads of" : "writes to";
  return new EngineError("namespace-blocked", `${what} are blocked: ${reason}`, {
    hint: `an operator has blocked ${where} this namespace`,
    facts: { namespace },
  });
}
