/**
 * Takes away what has run out, through the normal commit path, so that watchers and replicas see a
 * key end and why. Callers do not depend on it: what has run out is absent for them at once. One
 * slice is one commit, bounded, so a million keys that end together never hold up other writers.
 */
import { isDeepStrictEqual } from "node:util";
import type { Cancel, Clock } from "../../foundation/clock.js";
import { describeError, type Log } from "../../observability/log.js";
import type { Metrics } from "../../observability/metrics.js";
import {
  expiryKeysPerCommit,
  expiryLeasesPerCommit,
  expiryRestMsMax,
} from "../../storage/limits.js";
import type { Key, LeaseId, Namespace, Operation, TxnRequest } from "../../storage/model.js";
import type { EngineTime } from "../engine-time.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareNumber, prepareRows, sql } from "../sqlite/statements.js";

export interface SweeperPorts {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly time: EngineTime;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Runs a read; what looks damaged is read anew before it is believed. */
  looking<T>(read: () => T): T;
  /** Resolves with how many keys were taken away; rejects when the write was refused. */
  commit(request: TxnRequest): Promise<number>;
  /** Takes away a slice of what deleted namespaces have left; true = there was nothing. */
  purge(): Promise<boolean>;
}

/** What has run out first, as one request per namespace and per lease. */
interface Slice {
  readonly requests: readonly TxnRequest[];
  /** Some of it belongs to a namespace that was deleted: it is nobody's any more, but in the way. */
  readonly ownerless: boolean;
}

export class ExpirySweeper {
  readonly #ports: SweeperPorts;
  readonly #keysDue;
  readonly #leasesDue;
  readonly #nextDue;
  readonly #expired;
  #cancel: Cancel = () => undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(ports: SweeperPorts) {
    const { connection } = ports;
    this.#ports = ports;
    this.#keysDue = prepareRows<[number, number], [string | null, Uint8Array]>(
      connection,
      sql.keysDue,
    );
    this.#leasesDue = prepareRows<[number, number], [string | null, bigint]>(
      connection,
      sql.leasesDue,
    );
    this.#nextDue = prepareNumber<[]>(connection, sql.nextDue);
    this.#expired = ports.metrics.counter("expired");
  }

  static start(ports: SweeperPorts): ExpirySweeper {
    const sweeper = new ExpirySweeper(ports);
    sweeper.#rest();
    return sweeper;
  }

  /** No slice is begun any more; resolves when the one under way has ended. Twice is fine. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#sweeping;
  }

  /** Until the next thing runs out, but never so long that a new, shorter life would be late. */
  #rest(lastSweep: "done" | "refused" = "done"): void {
    if (this.#closed) return;
    // What was refused is still due: asking again at once would be refused at once.
    const untilMs = lastSweep === "refused" ? expiryRestMsMax : this.#untilNextMs();
    this.#cancel = this.#ports.clock.after(Math.min(Math.max(untilMs, 1), expiryRestMsMax), () => {
      this.#sweeping = this.#sweep().then((end) => {
        this.#rest(end);
      });
    });
  }

  #untilNextMs(): number {
    try {
      // SQLite's minimum of nothing is null, whatever the types say.
      const due = this.#ports.looking(() => this.#nextDue.get() ?? undefined);
      return due === undefined ? expiryRestMsMax : due - this.#ports.time.nowMs();
    } catch (cause) {
      // Damage meets the policy where it is noted; nobody here could be told of it.
      this.#ports.log.event("expiry.sweep-refused", { cause: describeError(cause) });
      return expiryRestMsMax;
    }
  }

  async #sweep(): Promise<"done" | "refused"> {
    try {
      let before: readonly TxnRequest[] = [];
      while (!this.#closed) {
        const { requests, ownerless } = this.#ports.looking(() => this.#slice());
        if (requests.length === 0 && !ownerless) break;
        // A key whose bytes are damaged is due under a name that finds nothing.
        if (requests.length > 0 && isDeepStrictEqual(requests, before)) {
          throw new Error("what has run out is still there after its commit");
        }
        before = requests;
        for (const request of requests) this.#expired.add(await this.#ports.commit(request));
        if (ownerless) await this.#makeWay();
      }
      return "done";
    } catch (cause) {
      // Nothing is lost: what has run out stays invisible and is found again after the rest.
      this.#ports.log.event("expiry.sweep-refused", { cause: describeError(cause) });
      return "refused";
    }
  }

  /** What deleted namespaces have left is purged in any case; now is when it is in the way. */
  async #makeWay(): Promise<void> {
    const nothing = await this.#ports.purge();
    // Purged by housekeeping meanwhile, or else there is something that nobody will ever purge.
    if (nothing && this.#slice().ownerless) throw new Error("rows of no namespace have run out");
  }

  #slice(): Slice {
    const nowMs = this.#ports.time.nowMs();
    const keys = new Map<string | null, Key[]>();
    for (const [name, key] of this.#keysDue.all(nowMs, expiryKeysPerCommit)) {
      const found = keys.get(name);
      if (found === undefined) keys.set(name, [key as Key]);
      else found.push(key as Key);
    }
    const leases = this.#leasesDue.all(nowMs, expiryLeasesPerCommit);
    const requests = [
      ...[...keys].flatMap(([name, due]) => requestOf(name, { kind: "expire-keys", keys: due })),
      ...leases.flatMap(([name, leaseId]) =>
        requestOf(name, { kind: "expire-lease", leaseId: leaseId as LeaseId }),
      ),
    ];
    const ownerless = keys.has(null) || leases.some(([name]) => name === null);
    return { requests, ownerless };
  }
}

/** None for what belongs to no namespace any more. */
function requestOf(name: string | null, operation: Operation): TxnRequest[] {
  if (name === null) return [];
  const body = { compares: [], success: [operation], failure: [] };
  const namespace = name as Namespace;
  return [{ namespace, principal: undefined, requestId: undefined, body }];
}
