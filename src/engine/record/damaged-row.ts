/** The error of a row of keys whose checksums do not match, whoever has met it. */
import { EngineError } from "../../storage/errors.js";
import { damagedKeyShownBytesMax } from "../../storage/limits.js";
import { damagedRowHint, damagedStoreHint } from "../damage-hints.js";
import { keyHashOf } from "./row-checksum.js";

/** Where a row of a key lies: the present ones, and the versions that were replaced. */
export type RowTable = "kv" | "past";

/** No caller can write a replaced version anew, so its hint is that of the store. */
export function damagedRow(table: RowTable, rowId: number | bigint, key: Uint8Array): EngineError {
  const shown = key.length <= damagedKeyShownBytesMax;
  return new EngineError("corrupt", "a row's checksum does not match its content", {
    hint: table === "kv" ? damagedRowHint : damagedStoreHint,
    facts: {
      table,
      row_id: `${rowId}`,
      key_hash: keyHashOf(key),
      ...(shown && { key: Buffer.from(key).toString("base64") }),
    },
  });
}
