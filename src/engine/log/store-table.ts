/**
 * The one row about the whole store: which history it holds, whose turn it is to write, how many
 * commits the file has seen. `commit_seq` grows with every SQLite commit, in the same transaction;
 * a copy outside SQLite can tell by it that a file has gone back in time.
 */
import { EngineError } from "../../storage/errors.js";
import type { Epoch, StoreId } from "../../storage/model.js";
import { damagedFileHint } from "../damage-hints.js";
import { factsChecksum } from "../record/row-checksum.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareRows, prepareRun, sql } from "../sqlite/statements.js";

export interface StoreRow {
  readonly storeId: StoreId;
  readonly nodeId: string;
  readonly epoch: Epoch;
  readonly commitSequence: bigint;
  /** The highest wall time any commit has seen: a clock that steps back revives nothing. */
  readonly timeFloorMs: number;
  readonly createdAtMs: number;
  /** Starts that found WAL residue, since the store was made. */
  readonly recoveries: number;
  readonly integrityFailures: number;
}

export type StoreColumns = [
  storeId: string,
  nodeId: string,
  epoch: bigint,
  commitSequence: bigint,
  timeFloorMs: bigint,
  createdMs: bigint,
  recoveries: bigint,
  integrityFailures: bigint,
  checksum: bigint,
];

/** Throws EngineError "corrupt" when the row's checksum differs. */
export function storeRowOf(columns: StoreColumns): StoreRow {
  if (factsChecksum(columns.slice(0, -1)) !== Number(columns[8])) {
    throw new EngineError("corrupt", "the store row's checksum does not match its content", {
      hint: damagedFileHint,
      facts: { table: "store" },
    });
  }
  return {
    storeId: columns[0] as StoreId,
    nodeId: columns[1],
    epoch: columns[2] as Epoch,
    commitSequence: columns[3],
    timeFloorMs: Number(columns[4]),
    createdAtMs: Number(columns[5]),
    recoveries: Number(columns[6]),
    integrityFailures: Number(columns[7]),
  };
}

export class StoreTable {
  readonly #get;
  readonly #insert;
  readonly #update;
  #present: StoreRow | undefined;
  #staged: StoreRow | undefined;

  constructor(connection: Connection) {
    this.#get = prepareRows<[], StoreColumns>(connection, sql.storeGet);
    this.#insert = prepareRun<unknown[]>(connection, sql.storeInsert);
    this.#update = prepareRun<unknown[]>(connection, sql.storeUpdate);
  }

  /** Undefined while the store is new. */
  read(): StoreRow | undefined {
    if (this.#present === undefined) {
      const columns = this.#get.get();
      this.#present = columns === undefined ? undefined : storeRowOf(columns);
    }
    return this.#staged ?? this.#present;
  }

  /** The row as it must be: asserted present after the store was opened. */
  get row(): StoreRow {
    const row = this.read();
    if (row === undefined) throw new Error("the store row is written when the store is opened");
    return row;
  }

  /** Writes the row into the open transaction; `promote` makes it the present. */
  stage(row: StoreRow): void {
    const columns = [
      row.storeId,
      row.nodeId,
      row.epoch,
      row.commitSequence,
      BigInt(row.timeFloorMs),
      BigInt(row.createdAtMs),
      BigInt(row.recoveries),
      BigInt(row.integrityFailures),
    ];
    const statement = this.read() === undefined ? this.#insert : this.#update;
    statement.run(...columns, factsChecksum(columns));
    this.#staged = row;
  }

  /** One commit more, no earlier than any before it. */
  stageCommit(nowMs: number): void {
    const { row } = this;
    const timeFloorMs = Math.max(nowMs, row.timeFloorMs);
    this.stage({ ...row, commitSequence: row.commitSequence + 1n, timeFloorMs });
  }

  promote(): void {
    this.#present = this.#staged ?? this.#present;
    this.#staged = undefined;
  }

  forget(): void {
    this.#staged = undefined;
  }
}
