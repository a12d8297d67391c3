/** When an entry or a lease ends by itself. Times are whole milliseconds; finer parts are dropped. */
import { int64Max, ttlMsMax } from "../storage/limits.js";
import type { Expiry, LeaseId } from "../storage/model.js";
import type { Duration } from "../wire/google/protobuf/duration.js";
import type { Timestamp } from "../wire/google/protobuf/timestamp.js";
import type { PutOperation } from "../wire/kvdb/v1/kv.js";
import { invalid } from "./error-details.js";

/** Ids are stored as signed 64-bit integers. */
const leaseIdMax = int64Max;

/** The end of the year 9999, where the Timestamp type ends. */
const timestampMsMax = 253_402_300_799_999;

/** `within` stands before the names of the fields, with its dot. */
export function decodeExpiry(expiry: PutOperation["expiry"], within: string): Expiry {
  switch (expiry?.$case) {
    case undefined:
      return { kind: "never" };
    case "ttl":
      return { kind: "after", ttlMs: decodeTtl(expiry.value, `${within}ttl`, 1) };
    case "expireTime":
      return { kind: "at", atMs: decodeMoment(expiry.value, `${within}expire_time`) };
    case "leaseId":
      return { kind: "lease", leaseId: decodeLeaseId(expiry.value, `${within}lease_id`) };
  }
}

export function decodeLeaseId(leaseId: bigint, field = "lease_id"): LeaseId {
  if (leaseId > 0n && leaseId <= leaseIdMax) return leaseId as LeaseId;
  throw invalid("LEASE_ID_INVALID", {
    field,
    message: `${field} is ${leaseId === 0n ? "0, which names no lease" : "above 2^63 - 1"}`,
    hint: "use an id that GrantLease has answered, or leave it to GrantLease to choose one",
  });
}

/**
 * NaN, which is in no bounds, for what is no Duration: a second or more in the nanoseconds, or signs
 * that differ. Such a time comes from a mistake, and nobody can tell which of its parts was meant.
 */
export function durationMs({ seconds, nanos }: Duration): number {
  const mixed = (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0);
  if (mixed || Math.abs(nanos) >= 1e9) return Number.NaN;
  return Number(seconds) * 1000 + Math.trunc(nanos / 1e6);
}

export function decodeTtl(ttl: Duration, field: string, ttlMsMin: number): number {
  const ms = durationMs(ttl);
  if (ms >= ttlMsMin && ms <= ttlMsMax) return ms;
  throw invalid("TTL_INVALID", {
    field,
    message: `${field} is not ${String(ttlMsMin)} to ${String(ttlMsMax)} milliseconds`,
    hint: "for an entry without end leave it out",
    limit: ttlMsMax,
  });
}

/** A moment that has passed is allowed, however long ago: the entry is absent at once. */
function decodeMoment({ seconds, nanos }: Timestamp, field: string): number {
  const ms = Number(seconds) * 1000 + Math.trunc(nanos / 1e6);
  if (nanos >= 0 && nanos < 1e9 && ms <= timestampMsMax) return Math.max(1, ms);
  throw invalid("TTL_INVALID", {
    field,
    message: `${field} is no Timestamp, or after the year 9999`,
    hint: "for an entry without end leave it out",
    limit: timestampMsMax,
  });
}
