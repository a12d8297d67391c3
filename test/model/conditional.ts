/** A write that is bound to what stands there, in the words of the engine. */
import type { Key, Operation, TxnBody } from "../../src/storage/model.js";
import type { Condition } from "./calls.js";

export function keyOf(operation: Operation | undefined): Key | undefined {
  if (operation?.kind !== "delete" || operation.span.kind !== "key") return undefined;
  return operation.span.key;
}

/** The condition as a compare, and what there is instead where it does not hold. */
export function guarded({ of, value }: Condition, key: Key, operation: Operation): TxnBody {
  const span = { kind: "key", key } as const;
  const version = (relation: "equal" | "greater", than: bigint): TxnBody["compares"][number] => {
    return { span, relation, operand: { of: "version", value: than } };
  };
  const compares = {
    absent: version("equal", 0n),
    present: version("greater", 0n),
    version: version("equal", value),
    "mod-revision": {
      span,
      relation: "equal" as const,
      operand: { of: "mod-revision" as const, value },
    },
  };
  return { compares: [compares[of]], success: [operation], failure: [{ kind: "get", key }] };
}
