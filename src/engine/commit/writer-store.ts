/**
 * Everything that hangs on the one read-write connection: opened, recovered and given its new epoch
 * in the order that the durability of the next commits depends on.
 */
import type { Clock } from "../../foundation/clock.js";
import type { Failpoints } from "../../foundation/failpoint.js";
import { type Random, uuidOf } from "../../foundation/random.js";
import type { Tenure } from "../../storage/commit-log.js";
import { OpenError } from "../../storage/errors.js";
import type { ConnectionReading } from "../../storage/maintenance.js";
import type { Epoch, StoreId } from "../../storage/model.js";
import { LocalLog } from "../log/local-log.js";
import { LogSpanTable } from "../log/log-span.js";
import { LogTrim } from "../log/log-trim.js";
import { type StoreRow, StoreTable } from "../log/store-table.js";
import {
  attest,
  type Connection,
  compileOptions,
  noSpaceFor,
  type OpenConnection,
  openConnection,
  openErrorOf,
  sqliteVersion,
  twiceIfDamaged,
} from "../sqlite/connection.js";
import { CheckpointRunner, type RawCheckpoint } from "../sqlite/raw-checkpoint.js";
import { faultOfCode } from "../sqlite/result-codes.js";
import { migrate } from "../sqlite/schema.js";
import { WalRoom, type WalRoomFiles } from "../sqlite/wal-room.js";
import { PastTable } from "../state/past-table.js";
import { SqliteState } from "../state/sqlite-state.js";
import { type AdminStatements, adminStatements } from "./admin-statements.js";
import type { Opened, WriterStart } from "./writer-protocol.js";

/** Between two tries to empty the WAL at start, while another process holds a snapshot. */
const retryPauseMs = 50;

export interface WriterStorePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly failpoints: Failpoints;
}

export class WriterStore {
  readonly connection: Connection;
  readonly state: SqliteState;
  readonly log: LocalLog;
  readonly tenure: Tenure;
  readonly checkpoints: CheckpointRunner;
  readonly room: WalRoom;
  readonly past: PastTable;
  readonly spans: LogSpanTable;
  readonly trim: LogTrim;
  readonly statements: AdminStatements;
  readonly #open: OpenConnection;
  readonly #store: StoreTable;
  #wallMs: number;

  private constructor(
    connection: Connection,
    open: OpenConnection,
    of: {
      readonly start: WriterStart;
      readonly ports: WriterStorePorts;
      readonly store: StoreTable;
      readonly checkpoints: CheckpointRunner;
      readonly nowMs: number;
      readonly lost: Opened["lost"];
    },
  ) {
    this.connection = connection;
    this.checkpoints = of.checkpoints;
    this.#open = open;
    this.#store = of.store;
    this.#wallMs = of.nowMs;
    const nowMs = (): number => Math.max(this.#wallMs, of.store.read()?.timeFloorMs ?? 0);
    this.room = new WalRoom(connection, roomFiles(of.start), of.ports.clock);
    let isOpen = false;
    const assertRoom = (): void => {
      // The start has judged its own room, and may use all that a full disk has left.
      if (isOpen) this.room.assertRoom();
    };
    const { store, ports } = of;
    const { failpoints, random } = ports;
    this.log = new LocalLog(connection, { store, failpoints, nowMs, assertRoom });
    const row = this.#beginEpoch(of.start, { nowMs: nowMs(), random, lost: of.lost });
    isOpen = true;
    this.room.note();
    this.state = new SqliteState(connection, {
      nodeId: row.nodeId,
      storeId: row.storeId,
      namespaceAutoCreate: of.start.options.namespaceAutoCreate,
      random,
      nowMs,
      assertAppendable: (ns) => {
        this.log.assertAppendable(ns);
      },
    });
    this.past = new PastTable(connection);
    this.spans = new LogSpanTable(connection);
    this.trim = new LogTrim(connection);
    this.statements = adminStatements(connection);
    this.tenure = { epoch: row.epoch, validUntilMs: Number.POSITIVE_INFINITY };
  }

  /**
   * Opens the file, moves every frame of an old WAL into it before anything new is acknowledged,
   * brings it to the present format and writes the new epoch. Throws OpenError.
   */
  static open(
    start: WriterStart,
    ports: WriterStorePorts,
    nowMs: number,
  ): { readonly store: WriterStore; readonly opened: Opened } {
    return twiceIfDamaged(() => WriterStore.#openOnce(start, ports, nowMs));
  }

  static #openOnce(
    start: WriterStart,
    ports: WriterStorePorts,
    nowMs: number,
  ): { readonly store: WriterStore; readonly opened: Opened } {
    const open: OpenConnection = {
      file: start.options.file,
      role: "writer",
      pragmas: start.options,
    };
    const connection = openConnection(open);
    try {
      const checkpoints = new CheckpointRunner({
        connection,
        walFile: start.walFile,
        clock: ports.clock,
        nativeBusyTimeoutMs: start.options.nativeBusyTimeoutMs,
      });
      const checkpoint = emptyWal(checkpoints, start);
      const migrated = migrate(connection);
      const table = new StoreTable(connection);
      const lost = lostWrites(table.read(), start);
      const parts = { start, ports, store: table, checkpoints, nowMs, lost };
      const store = new WriterStore(connection, open, parts);
      const opened: Opened = {
        storeId: table.row.storeId,
        nodeId: table.row.nodeId,
        epoch: table.row.epoch,
        recoveries: table.row.recoveries,
        integrityFailures: table.row.integrityFailures,
        commitSequence: table.row.commitSequence,
        timeFloorMs: table.row.timeFloorMs,
        formatFrom: migrated.from,
        lost,
        checkpoint,
        reading: store.attest(),
        sqliteVersion: sqliteVersion(connection),
        compileOptions: compileOptions(connection),
      };
      return { store, opened };
    } catch (cause) {
      connection.close();
      // A page may be damaged that only the first statements read: typed, it has its exit code.
      throw openErrorOf(cause, start.options.file);
    }
  }

  get commitSequence(): bigint {
    return this.#store.row.commitSequence;
  }

  /** The main thread's wall time, with the message that is being worked on. */
  setTime(wallMs: number): void {
    this.#wallMs = wallMs;
  }

  /**
   * One transaction of the engine's own. Throws what the body or SQLite throws, after everything
   * that was staged is forgotten; the caller rolls back, or latches.
   */
  transact<T>(body: () => T): T {
    this.state.begin();
    try {
      const result = body();
      this.state.namespaces.write();
      this.log.commitOpen();
      this.state.commitPrepared();
      return result;
    } catch (cause) {
      this.#store.forget();
      throw cause;
    }
  }

  /** Ends the transaction that met a full disk, and gives back what it had taken of the disk. */
  abandon(): void {
    this.state.abortPrepared();
    this.state.takeFileForOwn();
    this.room.cutTail(this.checkpoints.gauge());
    this.room.note();
  }

  attest(): ConnectionReading {
    const pragmas = attest(this.connection, this.#open);
    return { name: "writer", role: "writer", thread: "writer", pragmas };
  }

  /** Counted in the store, because the process may end over the failure it counts. */
  countIntegrityFailure(): boolean {
    return this.transact(() => {
      const { row } = this.#store;
      this.#store.stage({ ...row, integrityFailures: row.integrityFailures + 1 });
      return true;
    });
  }

  #beginEpoch(
    start: WriterStart,
    at: { readonly nowMs: number; readonly random: Random; readonly lost: Opened["lost"] },
  ): StoreRow {
    const { nowMs, random, lost } = at;
    this.connection.exec("BEGIN IMMEDIATE");
    const present = this.#store.read();
    const recoveries = start.recovered ? 1 : 0;
    // Above that of the history that is given up, or its mark would go on being the newest.
    const given = lost === undefined ? 0n : (start.expected?.epoch ?? 0n);
    const before = present?.epoch ?? 0n;
    const epoch = ((given > before ? given : before) + 1n) as Epoch;
    this.#store.stage(
      present === undefined
        ? {
            storeId: uuidOf(random) as StoreId,
            nodeId: start.options.nodeId ?? uuidOf(random),
            epoch,
            commitSequence: 0n,
            timeFloorMs: nowMs,
            createdAtMs: nowMs,
            recoveries,
            integrityFailures: 0,
          }
        : {
            ...present,
            // Another history: clients that knew the lost revisions must not mistake it for theirs.
            storeId: lost === undefined ? present.storeId : (uuidOf(random) as StoreId),
            nodeId: start.options.nodeId ?? present.nodeId,
            epoch,
            recoveries: present.recoveries + recoveries,
          },
    );
    this.log.commitOpen();
    return this.#store.row;
  }
}

function roomFiles({ options, walFile, reserveFile }: WriterStart): WalRoomFiles {
  return { database: options.file, wal: walFile, reserve: reserveFile };
}

/**
 * Compared before anything is written: a refused start must leave the sequence as it was found.
 * Throws OpenError "damaged" unless the operator accepts the loss.
 */
function lostWrites(found: StoreRow | undefined, start: WriterStart): Opened["lost"] {
  const { expected, options } = start;
  if (expected === undefined) return undefined;
  const commit = found?.commitSequence ?? 0n;
  if (found?.storeId === expected.storeId && commit >= expected.commitSequence) return undefined;
  if (options.acceptLostWrites) return { from: commit, to: expected.commitSequence };
  const other =
    found === undefined || found.storeId === expected.storeId ? "" : " of another store";
  throw new OpenError(
    "damaged",
    `LOST_WRITES: commit ${expected.commitSequence} was acknowledged, the database holds commit ${commit}${other}`,
    {
      hint:
        "an older copy, another volume or a deleted WAL: put the right files back; to go on without " +
        "the lost writes start once with KVDB_ACCEPT_LOST_WRITES=on",
    },
  );
}

/**
 * Everything the WAL holds is in the database afterwards. Throws OpenError "locked" when a foreign
 * reader holds the WAL longer than the wait budget, "io" when the disk fails.
 */
function emptyWal(checkpoints: CheckpointRunner, start: WriterStart): RawCheckpoint {
  const { busyBudgetMs, nativeBusyTimeoutMs } = start.options;
  const tries = Math.max(1, Math.ceil(busyBudgetMs / (retryPauseMs + nativeBusyTimeoutMs)));
  for (let attempt = 1; ; attempt++) {
    const raw = checkpoints.run("truncate");
    if (raw.kind === "ran" && raw.row.busy === 0) return raw;
    if (raw.kind === "threw" && raw.code === "SQLITE_FULL") throw noSpaceFor("the WAL");
    if (raw.kind === "threw" && faultOfCode(raw.code).kind !== "busy") {
      throw new OpenError("io", `the start-up checkpoint failed (${raw.code})`, {
        hint: "check the disk and the kernel log; nothing was acknowledged and nothing is lost",
      });
    }
    if (attempt >= tries) {
      throw new OpenError("locked", "another process keeps the WAL from being emptied", {
        hint: "end the program that reads the database, then start again",
      });
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryPauseMs);
  }
}
