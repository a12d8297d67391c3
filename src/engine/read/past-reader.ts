/**
 * Replaced versions, where a namespace keeps them: how far back they reach, and the one that a change
 * replaced. The state at a revision is read by table-reader.ts.
 */
import type { Key, Revision } from "../../storage/model.js";
import type { Connection } from "../sqlite/connection.js";
import { type KvRow, prepareRows, sql } from "../sqlite/statements.js";
import { type PastSpanColumns, pastSpanOf } from "../state/past-table.js";

export class PastReader {
  readonly #span;
  readonly #replacedBy;

  constructor(connection: Connection) {
    this.#span = prepareRows<[number], PastSpanColumns>(connection, sql.pastSpanGet);
    this.#replacedBy = prepareRows<[number, Uint8Array, bigint], KvRow>(
      connection,
      sql.pastReplacedBy,
    );
  }

  /** The oldest revision that can be read; undefined = no history is kept. */
  since(ns: number): Revision | undefined {
    const columns = this.#span.get(ns);
    return columns === undefined ? undefined : pastSpanOf(ns, columns)?.since;
  }

  /** The version that the change of this key at this revision replaced. */
  replacedBy(ns: number, key: Key, revision: Revision): KvRow | undefined {
    return this.#replacedBy.get(ns, key, revision);
  }
}
