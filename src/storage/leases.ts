/** What can be asked about leases. Granting, keeping alive and revoking are requests like any other. */
import type { Header, Key, Lease, LeaseId, Namespace } from "./model.js";

/** A lease, and what is left of it by the clock that ends it. */
export interface LeaseLeft {
  readonly lease: Lease;
  /** Above 0. */
  readonly remainingMs: number;
}

export interface LeaseInfo extends LeaseLeft {
  readonly keyCount: number;
  /** In order, when they were asked for; at most as many as were asked for. */
  readonly keys: readonly Key[];
}

/** Reads of leases; each answers from one snapshot. */
export interface LeaseReads {
  /** Undefined info = there is no such lease, or it has run out. */
  get(
    namespace: Namespace,
    leaseId: LeaseId,
    keysMax: number,
  ): { readonly header: Header; readonly info: LeaseInfo | undefined };
  /** Live leases in the order of their ids, strictly after `after`. */
  list(
    namespace: Namespace,
    page: { readonly after: bigint; readonly rowsMax: number },
  ): { readonly header: Header; readonly leases: readonly LeaseLeft[] };
}
