/** The statements of writer-admin.ts, prepared once. */
import type { Connection } from "../sqlite/connection.js";
import { prepareNumber, prepareRun, type Statement, sql } from "../sqlite/statements.js";

export interface AdminStatements {
  readonly purgeAdd: Statement<[number], unknown>;
  readonly purgeNext: Statement<[], number>;
  readonly purgeDone: Statement<[number], unknown>;
  readonly logSpanDrop: Statement<[number], unknown>;
  /** Namespace, then the most rows to take; one per table. */
  readonly purges: readonly Statement<[number, number], unknown>[];
}

export function adminStatements(connection: Connection): AdminStatements {
  const purges = [sql.purgeKv, sql.purgePast, sql.purgeLog, sql.purgeLease, sql.purgeLedger];
  return {
    purgeAdd: prepareRun(connection, sql.purgeAdd),
    purgeNext: prepareNumber(connection, sql.purgeNext),
    purgeDone: prepareRun(connection, sql.purgeDone),
    logSpanDrop: prepareRun(connection, sql.logSpanDrop),
    purges: purges.map((text) => prepareRun<[number, number]>(connection, text)),
  };
}
