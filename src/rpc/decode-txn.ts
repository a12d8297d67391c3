/**
 * Requests that write, as the one thing the engine commits: a TxnRequest. Counts operations and
 * bytes over the whole tree, because a nested list is as much work as a flat one.
 */
import { batchBytesMax, batchOperationsMax, txnDepthMax } from "../storage/limits.js";
import type { Compare, Operation, Span, TxnBody } from "../storage/model.js";
import {
  CompareRelation,
  type PutOperation,
  type TxnOperation,
  type Compare as WireCompare,
  type Operation as WireOperation,
  type WriteOperation,
} from "../wire/kvdb/v1/kv.js";
import type { StatusError } from "./call.js";
import { decodeEnum, decodeKeySpan, decodeOwnKey, decodeOwnValue, decodeRange } from "./decode.js";
import { decodeExpiry } from "./decode-expiry.js";
import { invalid } from "./error-details.js";

/** What one request may still use. */
export class RequestBudget {
  readonly valueBytesMax: number;
  #operations = 0;
  #bytes = 0;

  constructor(valueBytesMax: number) {
    this.valueBytesMax = valueBytesMax;
  }

  /** Throws BATCH_TOO_LARGE above either limit. */
  take(operations: number, bytes: number, field: string): void {
    this.#operations += operations;
    this.#bytes += bytes;
    if (this.#operations > batchOperationsMax) {
      throw batchTooLarge(field, "operations", this.#operations, batchOperationsMax);
    }
    if (this.#bytes > batchBytesMax) {
      throw batchTooLarge(field, "bytes", this.#bytes, batchBytesMax);
    }
  }
}

/** Compares and two lists of operations, nested ones included. */
export function decodeTxnBody(
  body: TxnOperation,
  budget: RequestBudget,
  field = "",
  depth = 1,
): TxnBody {
  if (depth > txnDepthMax) {
    throw invalid("TXN_TOO_DEEP", {
      field,
      message: `transactions are nested ${String(depth)} deep, the limit is ${String(txnDepthMax)}`,
      hint: "flatten the request",
      limit: txnDepthMax,
      actual: depth,
    });
  }
  const within = field === "" ? "" : `${field}.`;
  const operations = (list: readonly WireOperation[], name: string): Operation[] =>
    list.map((one, at) => decodeOperation(one, budget, `${within}${name}[${String(at)}]`, depth));
  return {
    compares: body.compares.map((compare, at) =>
      decodeCompare(compare, budget, `${within}compares[${String(at)}]`),
    ),
    success: operations(body.success, "success"),
    failure: operations(body.failure, "failure"),
  };
}

/** The operations of a BatchWrite. */
export function decodeWrites(
  ops: readonly WriteOperation[],
  budget: RequestBudget,
): readonly Operation[] {
  return ops.map((op, at) => decodeOperation(op, budget, `ops[${String(at)}]`, txnDepthMax));
}

/** A put on its own: only its key and value are judged. */
export function decodePut(
  put: PutOperation,
  budget: RequestBudget,
  field = "",
): Extract<Operation, { readonly kind: "put" }> {
  const within = field === "" ? "" : `${field}.`;
  const key = decodeOwnKey(put.key, `${within}key`);
  const value = decodeOwnValue(put.value, budget.valueBytesMax, `${within}value`);
  const expiry = decodeExpiry(put.expiry, within);
  return { kind: "put", key, value, expiry, returnPrevious: put.returnPrevious };
}

/** A put among others: it counts. */
export function decodeBatchPut(put: PutOperation, budget: RequestBudget, field: string): Operation {
  const operation = decodePut(put, budget, field);
  budget.take(1, put.key.length + put.value.length, field);
  return operation;
}

function decodeOperation(
  operation: WireOperation | WriteOperation,
  budget: RequestBudget,
  field: string,
  depth: number,
): Operation {
  const form = operation.operation;
  if (form === undefined) {
    throw invalid("FIELD_MISSING", {
      field: `${field}.operation`,
      message: `${field} has no operation`,
      hint: "set one of its arms",
    });
  }
  switch (form.$case) {
    case "get":
      budget.take(1, form.value.key.length, field);
      return { kind: "get", key: decodeOwnKey(form.value.key, `${field}.get.key`) };
    case "put":
      // Each value is judged by its own limit first, so that the refusal names what is at fault.
      return decodeBatchPut(form.value, budget, `${field}.put`);
    case "delete": {
      budget.take(1, form.value.key.length, field);
      const span = decodeKeySpan(form.value.key, `${field}.delete.key`);
      return { kind: "delete", span, returnPrevious: form.value.returnPrevious };
    }
    case "deleteRange": {
      budget.take(1, 0, field);
      const range = decodeRange(form.value.range, `${field}.delete_range.range`);
      return { kind: "delete", span: { kind: "range", range }, returnPrevious: false };
    }
    case "increment": {
      budget.take(1, form.value.key.length, field);
      const { delta, initial } = form.value;
      const key = decodeOwnKey(form.value.key, `${field}.increment.key`);
      return { kind: "increment", key, delta, initial };
    }
    case "txn":
      budget.take(1, 0, field);
      return {
        kind: "txn",
        body: decodeTxnBody(form.value, budget, `${field}.txn`, depth + 1),
      };
  }
}

function decodeCompare(compare: WireCompare, budget: RequestBudget, field: string): Compare {
  const { operand, relation } = compare;
  if (operand === undefined) {
    throw invalid("FIELD_MISSING", {
      field: `${field}.operand`,
      message: `${field} compares with nothing`,
      hint: "set version, create_revision, mod_revision, value or lease_id",
    });
  }
  budget.take(1, operand.$case === "value" ? operand.value.length : 0, field);
  return {
    span: decodeSpan(compare, field),
    relation: decodeEnum(relations, relation, `${field}.relation`),
    operand: decodeOperand(operand, budget, field),
  };
}

function decodeSpan({ span }: WireCompare, field: string): Span {
  switch (span?.$case) {
    case undefined:
      throw invalid("FIELD_MISSING", {
        field: `${field}.span`,
        message: `${field} is about nothing`,
        hint: "set key or range",
      });
    case "key":
      return decodeKeySpan(span.value, `${field}.key`);
    case "range":
      return { kind: "range", range: decodeRange(span.value, `${field}.range`) };
  }
}

const relations = {
  equal: CompareRelation.COMPARE_RELATION_EQUAL,
  "not-equal": CompareRelation.COMPARE_RELATION_NOT_EQUAL,
  less: CompareRelation.COMPARE_RELATION_LESS,
  greater: CompareRelation.COMPARE_RELATION_GREATER,
} as const satisfies Record<Compare["relation"], CompareRelation>;

function decodeOperand(
  operand: NonNullable<WireCompare["operand"]>,
  budget: RequestBudget,
  field: string,
): Compare["operand"] {
  switch (operand.$case) {
    case "version":
      return { of: "version", value: operand.value };
    case "createRevision":
      return { of: "create-revision", value: operand.value };
    case "modRevision":
      return { of: "mod-revision", value: operand.value };
    case "leaseId":
      return { of: "lease", value: operand.value };
    case "value":
      return {
        of: "value",
        value: decodeOwnValue(operand.value, budget.valueBytesMax, `${field}.value`),
      };
  }
}

function batchTooLarge(field: string, what: string, actual: number, limit: number): StatusError {
  return invalid("BATCH_TOO_LARGE", {
    field,
    message: `the request has more than ${String(limit)} ${what}`,
    hint: "split it into several requests",
    limit,
    actual,
  });
}
