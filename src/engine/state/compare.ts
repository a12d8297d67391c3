/** Whether a compare holds. Pure; an absent key counts as version 0, revision 0 and no lease. */
import { compareBytes } from "../../foundation/bytes.js";
import type { Compare } from "../../storage/model.js";
import type { Current } from "./staging.js";

interface Source {
  find(key: Uint8Array): Current | undefined;
  range(range: { readonly start: Uint8Array; readonly end: Uint8Array | undefined }): Current[];
}

/** On a range it must hold for every key; an empty range is compared as one absent key. */
export function holds(compare: Compare, source: Source): boolean {
  if (compare.span.kind === "key") return holdsFor(compare, source.find(compare.span.key));
  const keys = source.range(compare.span.range);
  if (keys.length === 0) return holdsFor(compare, undefined);
  return keys.every((current) => holdsFor(compare, current));
}

function holdsFor(compare: Compare, current: Current | undefined): boolean {
  const { operand, relation } = compare;
  if (operand.of === "value") {
    // An absent key has no value, so nothing can be said of it; etcd answers the same.
    if (current === undefined) return false;
    return relates(compareBytes(current.entry().value, operand.value), relation);
  }
  const actual = numberOf(operand.of, current);
  const order = actual < operand.value ? -1 : actual > operand.value ? 1 : 0;
  return relates(order, relation);
}

function numberOf(
  of: "version" | "create-revision" | "mod-revision" | "lease",
  current: Current | undefined,
): bigint {
  if (current === undefined) return 0n;
  switch (of) {
    case "version":
      return current.version;
    case "create-revision":
      return current.createRevision;
    case "mod-revision":
      return current.modRevision;
    case "lease":
      return current.leaseId ?? 0n;
  }
}

function relates(order: number, relation: Compare["relation"]): boolean {
  switch (relation) {
    case "equal":
      return order === 0;
    case "not-equal":
      return order !== 0;
    case "less":
      return order < 0;
    case "greater":
      return order > 0;
  }
}
