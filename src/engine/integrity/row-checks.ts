/**
 * Whether one row is what was written: its checksums, its place in the unique index, and for the
 * log that it decodes and follows its predecessor. Pure. A message names table and row, never a key
 * or a value.
 */
import { crc32c } from "../../foundation/crc32c.js";
import type { Epoch, Revision } from "../../storage/model.js";
import { decodeBatches, entryChecksum } from "../record/entry-codec.js";
import { factsChecksum, rowChecksum } from "../record/row-checksum.js";
import type { CountRow, FactsRow, LogRow, VersionRow } from "../sqlite/integrity-statements.js";

/** What is wrong with a row; empty = nothing. */
export type Findings = readonly string[];

/** Tables whose namespace id is covered as a number, as it is known before the row is read. */
const numberFirst = ["log_span", "past_span", "lease", "ledger"];

export function checkFactsRow(table: string, row: FactsRow): Findings {
  const [, reachable, checksum, ...columns] = row;
  const facts = numberFirst.includes(table) ? [Number(columns[0]), ...columns.slice(1)] : columns;
  return [
    ...(factsChecksum(facts) === Number(checksum) ? [] : ["the checksum differs"]),
    ...unreachable(reachable),
  ];
}

export function checkVersionRow(row: VersionRow): Findings {
  const [, reachable, ns, key, createRevision, modRevision, version] = row;
  const [, , , , , , , expiresMs, leaseId, codec, valueCrc, checksum, value] = row;
  const expected = rowChecksum(Number(ns), {
    key,
    createRevision,
    modRevision,
    version,
    expiresAtMs: expiresMs === null ? undefined : Number(expiresMs),
    leaseId: leaseId === null ? undefined : BigInt.asUintN(64, leaseId),
    codec: Number(codec),
    valueBytes: value.length,
    valueCrc: Number(valueCrc),
  });
  return [
    ...(expected === Number(checksum) ? [] : ["the row's checksum differs"]),
    ...(isSound(value, valueCrc) ? [] : ["the value's checksum differs"]),
    ...unreachable(reachable),
  ];
}

/** A text has the checksum of the blob that it was, but it is not what was written. */
function isSound(value: Uint8Array | string, crc: bigint): boolean {
  return typeof value !== "string" && crc32c(value) === Number(crc);
}

export function checkLogRow(row: LogRow): Findings {
  const [, reachable, ns, first, last, epoch, nonce, timeMs, checksum, payload] = row;
  const entry = {
    first: first as Revision,
    last: last as Revision,
    epoch: epoch as Epoch,
    nonce,
    timeMs: Number(timeMs),
  };
  const matches = entryChecksum(Number(ns), entry, payload) === Number(checksum);
  return [
    ...(matches ? checkPayload(payload, first, last) : ["the checksum differs"]),
    ...checkPredecessor(row),
    ...unreachable(reachable),
  ];
}

/** The revisions inside must be those that the row promises, one after the other. */
function checkPayload(payload: Uint8Array, first: bigint, last: bigint): Findings {
  let revisions: bigint[];
  try {
    revisions = decodeBatches(payload).map((batch) => batch.revision);
  } catch (cause) {
    return [`it does not decode (${cause instanceof Error ? cause.message : String(cause)})`];
  }
  const dense = revisions.every((revision, index) => revision === first + BigInt(index));
  const whole = BigInt(revisions.length) === last - first + 1n;
  return dense && whole ? [] : ["it holds other revisions than its row says"];
}

function checkPredecessor(row: LogRow): Findings {
  const [, , , first, , , , , , , previousLast, oldest] = row;
  if (oldest === null) return [];
  const missingFrom = previousLast === null ? oldest : previousLast + 1n;
  return first <= missingFrom
    ? []
    : [`revisions ${String(missingFrom)} to ${String(first - 1n)} are missing before it`];
}

/** A row that is gone without a trace, its index entry too, shows nowhere else. */
export function checkCount(of: string, [, counted, present]: CountRow): Findings {
  if (counted === present) return [];
  return [`it counts ${String(counted)} rows of ${of}, and ${String(present)} are there`];
}

function unreachable(reachable: bigint): Findings {
  return reachable === 1n ? [] : ["its unique index does not lead to it"];
}
