/** What the log holds of each namespace: from where, up to where, how much. Kept with every append. */
import { EngineError } from "../../storage/errors.js";
import type { Revision } from "../../storage/model.js";
import { damagedStoreHint } from "../damage-hints.js";
import { factsChecksum } from "../record/row-checksum.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareRows, prepareRun, sql } from "../sqlite/statements.js";

export interface LogSpan {
  /** The oldest revision still in the log; tail + 1 when it is empty. */
  readonly oldest: Revision;
  readonly tail: Revision;
  readonly entries: number;
  /** Bytes of the payloads. */
  readonly bytes: number;
}

export type LogSpanColumns = [
  oldest: bigint,
  tail: bigint,
  entries: bigint,
  bytes: bigint,
  checksum: bigint,
];

export const emptyLogSpan: LogSpan = Object.freeze({
  oldest: 1n as Revision,
  tail: 0n as Revision,
  entries: 0,
  bytes: 0,
});

/** Throws EngineError "corrupt" when the row's checksum differs. */
export function logSpanOf(ns: number, columns: LogSpanColumns): LogSpan {
  const [oldest, tail, entries, bytes, checksum] = columns;
  if (factsChecksum([ns, oldest, tail, entries, bytes]) !== Number(checksum)) {
    throw new EngineError("corrupt", "a log span's checksum does not match its content", {
      hint: damagedStoreHint,
      facts: { table: "log_span", row_id: `${ns}` },
    });
  }
  return {
    oldest: oldest as Revision,
    tail: tail as Revision,
    entries: Number(entries),
    bytes: Number(bytes),
  };
}

export class LogSpanTable {
  readonly #get;
  readonly #put;

  constructor(connection: Connection) {
    this.#get = prepareRows<[number], LogSpanColumns>(connection, sql.logSpanGet);
    this.#put = prepareRun<unknown[]>(connection, sql.logSpanPut);
  }

  read(ns: number): LogSpan {
    const columns = this.#get.get(ns);
    return columns === undefined ? emptyLogSpan : logSpanOf(ns, columns);
  }

  write(ns: number, span: LogSpan): void {
    const columns = [span.oldest, span.tail, BigInt(span.entries), BigInt(span.bytes)];
    this.#put.run(ns, ...columns, factsChecksum([ns, ...columns]));
  }
}
