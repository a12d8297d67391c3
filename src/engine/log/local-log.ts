/**
 * The log of a single machine: a table in the same file as the state. Its append is the COMMIT of
 * the transaction that the state machine prepared, so one sync makes both true, and it can never be
 * fenced while the data directory is locked. The unique index over (ns, first_rev) holds even if
 * that lock should fail: a second writer collides instead of forking the history.
 */
import { assert } from "../../foundation/assert.js";
import type { Failpoints } from "../../foundation/failpoint.js";
import type { Appended, CommitLog, Tenure } from "../../storage/commit-log.js";
import { groupCommitBytesMax } from "../../storage/limits.js";
import type { LogEntry } from "../../storage/log-entry.js";
import type { Namespace, Revision } from "../../storage/model.js";
import { encodeBatches, entryChecksum } from "../record/entry-codec.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareRows, prepareRun, sql } from "../sqlite/statements.js";
import { LogSpanTable } from "./log-span.js";
import type { StoreTable } from "./store-table.js";

/** What a commit wrote, as bytes: what the caches and the watchers of this process are told. */
export interface AppendedEntry {
  readonly namespace: Namespace;
  readonly first: Revision;
  readonly last: Revision;
  readonly payload: Uint8Array<ArrayBuffer>;
}

export class LocalLog implements CommitLog {
  readonly kind = "local";
  readonly caps = { groupSpansNamespaces: true, entryBytesMax: groupCommitBytesMax };
  readonly #store: StoreTable;
  readonly #spans: LogSpanTable;
  readonly #nowMs: () => number;
  readonly #assertRoom: () => void;
  readonly #failpoints: Failpoints;
  readonly #namespaceId;
  readonly #insert;
  readonly #commit;
  #appended: AppendedEntry[] = [];

  constructor(
    connection: Connection,
    ports: {
      readonly store: StoreTable;
      readonly failpoints: Failpoints;
      /** Wall time that never steps back. */
      nowMs(): number;
      /** Throws when the disk has no room for what the open transaction leaves to be done. */
      assertRoom(): void;
    },
  ) {
    this.#store = ports.store;
    this.#nowMs = () => ports.nowMs();
    this.#assertRoom = () => {
      ports.assertRoom();
    };
    this.#failpoints = ports.failpoints;
    this.#spans = new LogSpanTable(connection);
    this.#namespaceId = prepareRows<[string], [bigint, bigint]>(connection, sql.headGet);
    this.#insert = prepareRun<unknown[]>(connection, sql.logInsert);
    this.#commit = prepareRun<[]>(connection, sql.commit);
  }

  /** Commits the open transaction, the entries in it. Throws what SQLite throws. */
  append(entries: readonly LogEntry[], tenure: Tenure): Appended {
    const appended = entries.map((entry) => this.#insertEntry(entry, tenure));
    this.commitOpen();
    this.#appended = appended;
    return "committed";
  }

  /**
   * Commits an open transaction that has no entry: a change of settings, a new epoch. Throws what
   * SQLite throws, and has forgotten then what it staged; the caller ends the transaction.
   */
  commitOpen(): void {
    try {
      this.#store.stageCommit(this.#nowMs());
      this.#assertRoom();
      this.#failpoints.hit("before-commit");
      this.#commit.run();
    } catch (cause) {
      this.#store.forget();
      throw cause;
    }
    this.#store.promote();
    this.#failpoints.hit("after-commit");
  }

  /** What the last append wrote. */
  takeAppended(): AppendedEntry[] {
    const appended = this.#appended;
    this.#appended = [];
    return appended;
  }

  /** Throws EngineError "corrupt" when what is known of a namespace's log is damaged. */
  assertAppendable(ns: number): void {
    this.#spans.read(ns);
  }

  tail(namespace: Namespace): Revision {
    const id = this.#idOf(namespace);
    return id === undefined ? (0n as Revision) : this.#spans.read(id).tail;
  }

  #insertEntry(entry: LogEntry, tenure: Tenure): AppendedEntry {
    assert(entry.epoch === tenure.epoch, "an entry belongs to the tenure it is appended under");
    const ns = this.#idOf(entry.namespace);
    assert(ns !== undefined, "a namespace has its row before its first entry");
    const span = this.#spans.read(ns);
    assert(entry.first === span.tail + 1n, "an entry begins where the log ends");
    const payload = encodeBatches(entry.batches);
    const { first, last, epoch, nonce, timeMs } = entry;
    const checksum = entryChecksum(ns, entry, payload);
    this.#insert.run(ns, first, last, epoch, nonce, timeMs, checksum, payload);
    this.#spans.write(ns, {
      ...span,
      tail: last,
      entries: span.entries + 1,
      bytes: span.bytes + payload.length,
    });
    return { namespace: entry.namespace, first, last, payload };
  }

  #idOf(namespace: Namespace): number | undefined {
    const row = this.#namespaceId.get(namespace);
    return row === undefined ? undefined : Number(row[0]);
  }
}
