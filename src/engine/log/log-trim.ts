/** Cuts whole entries off the old end of the log. What is cut can no longer be watched from. */
import { trimBytesPerSlice, trimEntriesPerSlice } from "../../storage/limits.js";
import type { Revision } from "../../storage/model.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareRows, prepareRun, sql } from "../sqlite/statements.js";
import { LogSpanTable } from "./log-span.js";

export type OldestColumns = [id: bigint, last: bigint, timeMs: bigint, bytes: bigint];

export class LogTrim {
  readonly #spans: LogSpanTable;
  readonly #oldest;
  readonly #forget;

  constructor(connection: Connection) {
    this.#spans = new LogSpanTable(connection);
    this.#oldest = prepareRows<[number, number], OldestColumns>(connection, sql.logOldest);
    this.#forget = prepareRun<[bigint]>(connection, sql.logForget);
  }

  /** One slice of the entries that end at or before `upTo`; true = none of them is left. */
  slice(ns: number, upTo: Revision): boolean {
    const span = this.#spans.read(ns);
    let { oldest, entries, bytes } = span;
    let taken = 0;
    for (const [id, last, , size] of this.#oldest.all(ns, trimEntriesPerSlice)) {
      if (last > upTo) return this.#write(ns, { ...span, oldest, entries, bytes }, true);
      this.#forget.run(id);
      oldest = (last + 1n) as Revision;
      entries--;
      bytes -= Number(size);
      taken += Number(size);
      if (taken >= trimBytesPerSlice) break;
    }
    return this.#write(ns, { ...span, oldest, entries, bytes }, taken === 0);
  }

  #write(ns: number, span: Parameters<LogSpanTable["write"]>[1], finished: boolean): boolean {
    this.#spans.write(ns, span);
    return finished;
  }
}
