/**
 * Every open snapshot of this process: whose it is, how old, how long unused. An open snapshot keeps
 * the WAL from being reset, so each has an owner that can be named and a moment at which it ends.
 */
import type { Cancel, Clock } from "../../foundation/clock.js";
import type { Log } from "../../observability/log.js";
import { EngineError } from "../../storage/errors.js";
import { snapshotLifetimeMsMax, snapshotsMax } from "../../storage/limits.js";
import type { SnapshotReading } from "../../storage/maintenance.js";
import type { Namespace, Revision } from "../../storage/model.js";
import { SnapshotGate } from "./snapshot-gate.js";

export interface SnapshotLease {
  readonly id: number;
  readonly owner: string;
  readonly namespace: Namespace;
  readonly openedMs: number;
  revision: Revision;
  lastUsedMs: number;
  /** A page is being read right now: the owner is not the slow one. */
  busy: boolean;
  /** Why it was ended by us, before its owner did. */
  cancelled: string | undefined;
  /** Frees the snapshot in its thread. */
  release: () => void;
}

const sweepMs = 250;

export class SnapshotRegistry {
  /** Where new ones wait while the WAL is to be reset. */
  readonly gate: SnapshotGate;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #idleMsMax: number;
  readonly #onNoneLeft: () => void;
  readonly #open = new Map<number, SnapshotLease>();
  readonly #stopSweeping: Cancel;
  #nextId = 1;

  constructor(ports: { clock: Clock; log: Log; idleMsMax: number; onNoneLeft(): void }) {
    this.#clock = ports.clock;
    this.gate = new SnapshotGate(ports.clock);
    this.#log = ports.log;
    this.#idleMsMax = ports.idleMsMax;
    this.#onNoneLeft = () => {
      ports.onNoneLeft();
    };
    this.#stopSweeping = ports.clock.every(sweepMs, () => {
      this.#sweep();
    });
  }

  /** Throws "overloaded" when too many are open. The caller fills in revision and release. */
  add(owner: string, namespace: Namespace): SnapshotLease {
    if (this.#open.size >= snapshotsMax) {
      throw new EngineError("overloaded", `${snapshotsMax} snapshots are open already`, {
        hint: "retry after a pause; run fewer scans at once",
        facts: { limit: "snapshots", max: `${snapshotsMax}` },
      });
    }
    const now = this.#clock.monotonicMs();
    const lease: SnapshotLease = {
      id: this.#nextId++,
      owner,
      namespace,
      openedMs: now,
      revision: 0n as Revision,
      lastUsedMs: now,
      busy: true,
      cancelled: undefined,
      release: () => undefined,
    };
    this.#open.set(lease.id, lease);
    return lease;
  }

  /** The owner is done with it, or it was cancelled before. Twice is fine. */
  end(lease: SnapshotLease): void {
    if (!this.#open.delete(lease.id)) return;
    lease.release();
    if (this.#open.size === 0) this.#onNoneLeft();
  }

  count(): number {
    return this.#open.size;
  }

  oldest(): SnapshotReading | undefined {
    return this.list()[0];
  }

  /** Oldest first. */
  list(): SnapshotReading[] {
    const now = this.#clock.monotonicMs();
    return [...this.#open.values()].map(({ id, owner, namespace, revision, openedMs }) => ({
      id,
      owner,
      namespace,
      revision,
      ageMs: now - openedMs,
    }));
  }

  /** Ends all of them at once, because the WAL cannot wait. Returns how many. */
  cancelAll(reason: string): number {
    const leases = [...this.#open.values()];
    for (const lease of leases) this.#cancel(lease, reason);
    return leases.length;
  }

  close(): void {
    this.gate.release();
    this.#stopSweeping();
    this.cancelAll("the store is closing");
  }

  #sweep(): void {
    const now = this.#clock.monotonicMs();
    for (const lease of this.#open.values()) {
      if (!lease.busy && now - lease.lastUsedMs > this.#idleMsMax) {
        this.#cancel(lease, "its reader was too slow");
      } else if (now - lease.openedMs > snapshotLifetimeMsMax) {
        this.#cancel(lease, "it was open for too long");
      }
    }
  }

  #cancel(lease: SnapshotLease, reason: string): void {
    lease.cancelled = reason;
    this.#log.event("snapshot.cancelled", {
      owner: lease.owner,
      namespace: lease.namespace,
      ageMs: Math.round(this.#clock.monotonicMs() - lease.openedMs),
      reason,
    });
    this.end(lease);
  }
}
