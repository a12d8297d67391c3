/** Reads the answer of a request that holds one operation. */
import { assert } from "../foundation/assert.js";
import type { OperationResult } from "../storage/model.js";

/** The one result of a request with one operation, of the kind that the operation has. */
export function onlyResult<Kind extends OperationResult["kind"]>(
  results: readonly OperationResult[],
  kind: Kind,
): Extract<OperationResult, { readonly kind: Kind }> {
  const [result] = results;
  assert(result?.kind === kind, `the engine answers this request with "${kind}"`);
  return result as Extract<OperationResult, { readonly kind: Kind }>;
}
