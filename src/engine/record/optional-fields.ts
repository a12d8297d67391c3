/** The optional parts that entries, requests and answers share, each with its presence. */
import type { LeaseId } from "../../storage/model.js";
import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";

const hasExpiry = 1;
const hasLease = 2;

export function writeLifetime(
  out: ByteWriter,
  expiresAtMs: number | undefined,
  leaseId: LeaseId | undefined,
): void {
  out.u8((expiresAtMs === undefined ? 0 : hasExpiry) | (leaseId === undefined ? 0 : hasLease));
  if (expiresAtMs !== undefined) out.f64(expiresAtMs);
  if (leaseId !== undefined) out.u64(leaseId);
}

export function readLifetime(source: ByteReader): {
  readonly expiresAtMs: number | undefined;
  readonly leaseId: LeaseId | undefined;
} {
  const present = source.u8();
  return {
    expiresAtMs: (present & hasExpiry) === 0 ? undefined : source.f64(),
    leaseId: (present & hasLease) === 0 ? undefined : (source.u64() as LeaseId),
  };
}

export function skipLifetime(source: ByteReader): void {
  const present = source.u8();
  source.skip(((present & hasExpiry) === 0 ? 0 : 8) + ((present & hasLease) === 0 ? 0 : 8));
}

/** Presence, then the text. */
export function writeOptionalText(out: ByteWriter, value: string | undefined): void {
  out.u8(value === undefined ? 0 : 1);
  if (value !== undefined) out.text(value);
}

export function readOptionalText(source: ByteReader): string | undefined {
  return source.u8() === 0 ? undefined : source.text();
}
