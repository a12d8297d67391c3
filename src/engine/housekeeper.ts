/**
 * Keeps logs, replaced versions and deleted namespaces from growing for ever: looks at each log's
 * old end from time to time, and has the writer cut it in slices, each a short transaction of its
 * own between two groups of callers.
 */
import type { Cancel, Clock } from "../foundation/clock.js";
import { describeError, type Log } from "../observability/log.js";
import { EngineError, errorOf } from "../storage/errors.js";
import { housekeepingMs, namespacesMax, retentionLookAhead } from "../storage/limits.js";
import type { CompactionReport, VacuumProgress } from "../storage/maintenance.js";
import type { Namespace, Revision } from "../storage/model.js";
import type { NamespaceAdmin, NamespaceInfo } from "../storage/namespaces.js";
import type { AdminMessage } from "./commit/writer-admin.js";
import type { AdminReply, LatchedFault } from "./commit/writer-protocol.js";
import type { EngineTime } from "./engine-time.js";
import { trimBound } from "./log/log-retention.js";
import type { OldestColumns } from "./log/log-trim.js";
import type { Connection } from "./sqlite/connection.js";
import { prepareRows, sql } from "./sqlite/statements.js";
import type { PastSpanColumns } from "./state/past-table.js";

export interface HousekeeperPorts {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly time: EngineTime;
  readonly log: Log;
  readonly namespaces: NamespaceAdmin;
  /** Throws the refusal of a state that takes no writes. */
  assertWritable(): void;
  ask(message: AdminMessage): Promise<AdminReply>;
  onFault(fault: LatchedFault): void;
  databaseBytes(): number;
}

export class Housekeeper {
  readonly #ports: HousekeeperPorts;
  readonly #oldest;
  readonly #pastSpan;
  readonly #namespaceId;
  #stop: Cancel = () => undefined;
  #round: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(ports: HousekeeperPorts) {
    const { connection } = ports;
    this.#ports = ports;
    this.#pastSpan = prepareRows<[number], PastSpanColumns>(connection, sql.pastSpanGet);
    this.#oldest = prepareRows<[number, number], OldestColumns>(connection, sql.logOldest);
    this.#namespaceId = prepareRows<[string], [bigint, bigint]>(connection, sql.headGet);
  }

  static start(ports: HousekeeperPorts): Housekeeper {
    const keeper = new Housekeeper(ports);
    keeper.#rest();
    return keeper;
  }

  /** No slice is begun any more; resolves when the one under way has ended. Twice is fine. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    await this.#round;
  }

  /** Throws EngineError "namespace-missing" or "revision-in-future". */
  async compact(name: Namespace, upTo: Revision): Promise<CompactionReport> {
    this.#ports.assertWritable();
    const before = this.#ports.namespaces.get(name);
    if (upTo > before.head) {
      throw new EngineError("revision-in-future", `revision ${upTo} is above the head`, {
        hint: "compact up to a revision that a response has named",
        facts: { head: `${before.head}` },
      });
    }
    await this.#trim(name, upTo);
    const after = this.#ports.namespaces.get(name);
    return {
      oldest: after.oldest,
      historyBytesBefore: before.historyBytes,
      historyBytesAfter: after.historyBytes,
    };
  }

  async *vacuum(signal: AbortSignal): AsyncIterable<VacuumProgress> {
    this.#ports.assertWritable();
    const { connection } = this.#ports;
    const pragma = (name: string): number => connection.pragma(name, { simple: true }) as number;
    const pageBytes = pragma("page_size");
    const databaseBytesBefore = this.#ports.databaseBytes();
    const freeBefore = pragma("freelist_count");
    for (let done = false; !done && !signal.aborted; ) {
      done = await this.#ask({ kind: "vacuum-slice", nowMs: this.#ports.time.nowMs() });
      const free = pragma("freelist_count");
      yield {
        freedBytes: Math.max(0, freeBefore - free) * pageBytes,
        freelistBytes: free * pageBytes,
        databaseBytesBefore,
        databaseBytesAfter: this.#ports.databaseBytes(),
        done,
      };
    }
  }

  /** A slice of what deleted namespaces have left; true = there was nothing. Throws EngineError. */
  purgeSlice(): Promise<boolean> {
    return this.#ask({ kind: "purge-slice", nowMs: this.#ports.time.nowMs() });
  }

  #rest(): void {
    if (this.#closed) return;
    this.#stop = this.#ports.clock.after(housekeepingMs, () => {
      this.#round = this.#keep().finally(() => {
        this.#rest();
      });
    });
  }

  async #keep(): Promise<void> {
    try {
      while (!(await this.purgeSlice()));
      const all = this.#ports.namespaces.list({ after: "", rowsMax: namespacesMax });
      // One look ahead is not all of a log that many small commits have made: again, in turns, until
      // nobody has more than it may keep. Otherwise a log that grows faster than that has no bound.
      for (let names = all.map(({ name }) => name); names.length > 0; ) {
        names = await this.#trimEach(names);
      }
    } catch (cause) {
      // Nothing is lost by waiting: the next round finds the same work.
      this.#ports.log.event("housekeeping.refused", { cause: describeError(cause) });
    }
  }

  /** One look ahead for each; the names of those that were cut, and may have to be cut again. */
  async #trimEach(names: readonly Namespace[]): Promise<Namespace[]> {
    const cut: Namespace[] = [];
    for (const name of names) {
      if (this.#closed) return [];
      const info = this.#present(name);
      const bound = info === undefined ? undefined : this.#boundOf(info);
      if (bound === undefined) continue;
      await this.#trim(name, bound);
      cut.push(name);
    }
    return cut;
  }

  /** Undefined: it was deleted meanwhile, and is purged instead. */
  #present(name: Namespace): NamespaceInfo | undefined {
    try {
      return this.#ports.namespaces.get(name);
    } catch (error) {
      if (error instanceof EngineError && error.kind === "namespace-missing") return undefined;
      throw error;
    }
  }

  async #trim(name: Namespace, upTo: Revision): Promise<void> {
    const nowMs = this.#ports.time.nowMs();
    while (!(await this.#ask({ kind: "trim-slice", name, upTo, nowMs })));
  }

  /** Resolves with whether the work is finished. Throws when it is refused or must end. */
  async #ask(message: AdminMessage): Promise<boolean> {
    if (this.#closed) return true;
    this.#ports.assertWritable();
    const reply = await this.#ports.ask(message);
    switch (reply.kind) {
      case "done":
        return reply.finished;
      case "refused":
        throw errorOf(reply.refusal);
      case "latched":
        this.#ports.onFault(reply.fault);
        throw new EngineError("storage-fault", `the store has stopped: ${reply.fault.code}`, {
          hint: "the daemon restarts and recovers; repeat what you asked for",
        });
    }
  }

  #boundOf(info: NamespaceInfo): Revision | undefined {
    const row = this.#namespaceId.get(info.name);
    if (row === undefined) return undefined;
    const oldest = this.#oldest
      .all(Number(row[0]), retentionLookAhead)
      .map(([, last, timeMs, bytes]) => ({
        last: last as Revision,
        timeMs: Number(timeMs),
        bytes: Number(bytes),
      }));
    const facts = { head: info.head, bytes: info.logBytes, nowMs: this.#ports.time.nowMs() };
    const bound = trimBound(oldest, facts, info.settings);
    if (bound !== undefined || info.settings.historyReads) return bound;
    // What an ended history has left goes, however much of the log is kept.
    return this.#pastSpan.get(Number(row[0])) === undefined ? undefined : (0n as Revision);
  }
}
