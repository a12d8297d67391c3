/** What is remembered of an answer with its request id. */
import { ledgerAnswerBytesMax } from "../../storage/limits.js";
import type { OperationResult, TxnResult } from "../../storage/model.js";
import { ByteWriter } from "../record/byte-writer.js";
import { writeResult } from "../record/result-codec.js";

/**
 * The whole answer, or, where that is too much, without the entries that were replaced or moved:
 * the largest value can be renamed and replaced with an id too. What a Txn has read stays, because
 * an answer without it would say that there is no such key.
 */
export function recordedAnswer(result: TxnResult): Uint8Array {
  const whole = encoded(result);
  return whole.length <= ledgerAnswerBytesMax ? whole : encoded(withoutEntries(result));
}

function encoded(result: TxnResult): Uint8Array {
  const out = new ByteWriter();
  writeResult(out, result);
  return out.finish();
}

function withoutEntries(result: TxnResult): TxnResult {
  return { ...result, responses: result.responses.map(withoutEntry) };
}

function withoutEntry(response: OperationResult): OperationResult {
  switch (response.kind) {
    case "put":
    case "deleted":
      return { ...response, previous: undefined };
    case "renamed":
      return { ...response, entry: undefined };
    case "txn":
      return { ...response, result: withoutEntries(response.result) };
    case "got":
    case "incremented":
    case "lease":
    case "expired":
      return response;
  }
}
