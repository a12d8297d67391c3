/** What a lease operation decides; see evaluate.ts. A lease that has run out is as good as gone. */
import { unreachable } from "../../foundation/assert.js";
import { EngineError } from "../../storage/errors.js";
import { leasesPerNamespaceMax } from "../../storage/limits.js";
import type {
  ExpiryOperation,
  LeaseId,
  LeaseOperation,
  OperationResult,
} from "../../storage/model.js";
import type { Staging } from "./staging.js";

export function performLease(
  operation: LeaseOperation | ExpiryOperation,
  staging: Staging,
): OperationResult {
  switch (operation.kind) {
    case "lease-grant":
      return grant(operation, staging);
    case "lease-keep-alive":
      return keepAlive(operation.leaseId, staging);
    case "lease-revoke":
      return revoke(operation.leaseId, staging);
    case "expire-keys":
      return expireKeys(operation, staging);
    case "expire-lease":
      return expireLease(operation.leaseId, staging);
    default:
      return unreachable(operation);
  }
}

export function leaseNotFound(): EngineError {
  return new EngineError("lease-not-found", "the lease does not exist or has run out", {
    hint: "grant a new lease; what was bound to the old one is gone",
  });
}

function grant(
  { leaseId, ttlMs }: LeaseOperation & { kind: "lease-grant" },
  staging: Staging,
): OperationResult {
  // One that has run out but is not swept yet still has its keys: the id is not free before.
  if (leaseId !== undefined && staging.findLease(leaseId) !== undefined) {
    throw new EngineError("lease-exists", "the lease id is in use", {
      hint: "leave the id out to have one chosen",
    });
  }
  if (staging.leaseCount() >= leasesPerNamespaceMax) {
    throw new EngineError(
      "limit-exceeded",
      `a namespace holds at most ${leasesPerNamespaceMax} leases`,
      {
        hint: "bind several keys to one lease, or revoke leases that are not needed",
        facts: { limit: "leases_per_namespace", max: `${leasesPerNamespaceMax}` },
      },
    );
  }
  const chosen = leaseId ?? staging.freeLeaseId();
  const lease = { leaseId: chosen, ttlMs, deadlineMs: staging.nowMs + ttlMs };
  staging.putLease(lease);
  return { kind: "lease", lease };
}

function keepAlive(leaseId: LeaseId, staging: Staging): OperationResult {
  const found = staging.liveLease(leaseId);
  if (found === undefined) return { kind: "lease", lease: undefined };
  const lease = { ...found, deadlineMs: staging.nowMs + found.ttlMs };
  staging.putLease(lease);
  return { kind: "lease", lease };
}

function revoke(leaseId: LeaseId, staging: Staging): OperationResult {
  const lease = staging.liveLease(leaseId);
  if (lease === undefined) throw leaseNotFound();
  const count = staging.deleteLease(leaseId, "lease-revoked");
  return { kind: "expired", count };
}

/** Only what has really run out: a key may have been written again since it was found. */
function expireKeys(
  operation: ExpiryOperation & { kind: "expire-keys" },
  staging: Staging,
): OperationResult {
  let count = 0;
  for (const key of operation.keys) {
    if (staging.expire(key)) count++;
  }
  return { kind: "expired", count };
}

function expireLease(leaseId: LeaseId, staging: Staging): OperationResult {
  const lease = staging.findLease(leaseId);
  if (lease === undefined || lease.deadlineMs > staging.nowMs) return { kind: "expired", count: 0 };
  return { kind: "expired", count: staging.deleteLease(leaseId, "lease-expired") };
}
