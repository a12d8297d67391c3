/** The error of a row of keys whose checksums do not match, whoever has met it. */
import { EngineError } from "../../storage/errors.js";
import { damagedKeyShownBytesMax } from "../../storage/limits.js";
import { damagedRowHint, damagedStoreHint } from "../damage-hints.js";
import { keyHashOf } from "./row-checksum.js";

/** Where a row of a key lies: the present ones, and the versions that were replaced. */
export type RowTable = "kv" | "past";

/** No caller can write a replaced version anew, so its hint is that of the store. */
export function damagedRow(table: RowTable, rowId: number | bigint, key: Uint8Array): EngineError {
  return new EngineError("corrupt", "a row's checksum does not match its content", {
    hint: table === "kv" ? damagedRowHint : damagedStoreHint,
    facts: factsOf(table, rowId, key),
  });
}

/** Of a row that is not what its index says, or not there at all. No caller can take it away. */
export function damagedKey(
  table: RowTable,
  rowId: bigint,
  key: Uint8Array | undefined,
): EngineError {
  return new EngineError("corrupt", "a row does not hold the key by which it was found", {
    hint: damagedStoreHint,
    facts: factsOf(table, rowId, key),
  });
}

function factsOf(
  table: RowTable,
  rowId: number | bigint,
  key: Uint8Array | undefined,
): Record<string, string> {
  if (key === undefined) return { table, row_id: `${rowId}` };
  const shown = key.length <= damagedKeyShownBytesMax;
  return {
    table,
    row_id: `${rowId}`,
    key_hash: keyHashOf(key),
    ...(shown && { key: Buffer.from(key).toString("base64") }),
  };
}
