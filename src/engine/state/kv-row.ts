/**
 * One row of the kv table as the engine sees it: verified facts, and the value on demand. This is
 * where the checksum promise is kept: a row that does not match throws, and its bytes go nowhere.
 */
import { assert } from "../../foundation/assert.js";
import { crc32c } from "../../foundation/crc32c.js";
import type { EngineError } from "../../storage/errors.js";
import type { Entry, Key, LeaseId, Revision } from "../../storage/model.js";
import { damagedRow, type RowTable } from "../record/damaged-row.js";
import { rowChecksum } from "../record/row-checksum.js";
import type { KvChangeRow, KvFactsRow } from "../sqlite/statements.js";
import { deadlineOf } from "./lease-table.js";

/** The value is stored as it is. Other codecs come with value compression. */
export const plainCodec = 0;

export interface KvFacts {
  readonly table: RowTable;
  readonly rowId: bigint;
  readonly key: Key;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: bigint;
  readonly expiresAtMs: number | undefined;
  readonly leaseId: LeaseId | undefined;
  readonly codec: number;
  readonly valueBytes: number;
  readonly valueCrc: number;
  /** Wall time at which the row's lease runs out; undefined = it is bound to none. */
  readonly leaseDeadlineMs: number | undefined;
}

/** Where a row was read from, and whether its checksums are compared. */
export interface RowOrigin {
  readonly ns: number;
  readonly table: RowTable;
  readonly verify: boolean;
  /** By which it was found; undefined = its key is in the row. */
  readonly key?: Key | undefined;
}

/**
 * Throws EngineError "corrupt" when `verify` is set and the row's checksum differs, and when that of
 * the lease does that the row is bound to: a wrong deadline would hide the row, or keep it.
 */
export function factsOf(row: KvFactsRow | KvChangeRow, origin: RowOrigin): KvFacts {
  const { ns, table, verify } = origin;
  const key = origin.key ?? row[1];
  assert(key !== null, "a row that was not found by its key brings it");
  const facts: KvFacts = {
    table,
    rowId: row[0],
    key: key as Key,
    createRevision: row[2] as Revision,
    modRevision: row[3] as Revision,
    version: row[4],
    expiresAtMs: row[5] === null ? undefined : Number(row[5]),
    leaseId: row[6] === null ? undefined : (BigInt.asUintN(64, row[6]) as LeaseId),
    codec: Number(row[7]),
    valueBytes: Number(row[10]),
    valueCrc: Number(row[8]),
    leaseDeadlineMs: deadlineOfRow(ns, row),
  };
  if (verify && rowChecksum(ns, facts) !== Number(row[9])) throw damaged(facts);
  return facts;
}

function deadlineOfRow(ns: number, row: KvFactsRow | KvChangeRow): number | undefined {
  const [leaseId, lease] = [row[6], row[11]];
  if (leaseId === null || lease === null) return undefined;
  return deadlineOf(ns, BigInt.asUintN(64, leaseId), lease);
}

/** Throws EngineError "corrupt" when `verify` is set and the value's checksum differs. */
export function entryOf(facts: KvFacts, value: Uint8Array, verify: boolean): Entry {
  if (verify && crc32c(value) !== facts.valueCrc) throw damaged(facts);
  return {
    key: facts.key,
    value,
    createRevision: facts.createRevision,
    modRevision: facts.modRevision,
    version: facts.version,
    expiresAtMs: facts.expiresAtMs,
    leaseId: facts.leaseId,
  };
}

/** What has run out is absent for every caller, even before the sweeper has taken it away. */
export function isLive(
  facts: Pick<KvFacts, "expiresAtMs" | "leaseDeadlineMs">,
  nowMs: number,
): boolean {
  const { expiresAtMs, leaseDeadlineMs } = facts;
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return false;
  return leaseDeadlineMs === undefined || leaseDeadlineMs > nowMs;
}

function damaged({ table, rowId, key }: KvFacts): EngineError {
  return damagedRow(table, rowId, key);
}
