/** What the blocks of a namespace keep out of the model's commits. */
import type { TxnBody } from "../../src/storage/model.js";
import type { NamespaceSettings } from "../../src/storage/namespaces.js";

export function isKeptOut(body: TxnBody, settings: NamespaceSettings): boolean {
  const { blockReads, blockWrites } = settings;
  return (blockWrites && !takesOnlyExpired(body)) || (blockReads && tellsEntries(body));
}

/** A block is for callers, and not for what has run out. */
function takesOnlyExpired({ success, failure }: TxnBody): boolean {
  if (success.length === 0 || failure.length > 0) return false;
  return success.every(({ kind }) => kind.startsWith("expire-"));
}

/** Whether a branch would answer with something that was stored before. */
function tellsEntries({ success, failure }: TxnBody): boolean {
  return [...success, ...failure].some((operation) =>
    operation.kind === "txn"
      ? tellsEntries(operation.body)
      : operation.kind === "get" || ("returnPrevious" in operation && operation.returnPrevious),
  );
}
