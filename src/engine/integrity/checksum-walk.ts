/**
 * Walks every table that carries checksums, a run of rows at a time. Between two runs nothing is
 * held open, so the walk pins the WAL only for moments, however large the store is. A damaged page
 * in the way is a finding; the walk goes on with the next table. At the end rows are counted where
 * another row says how many there must be; that takes one snapshot a table, for as long as a walk of
 * its index takes.
 */
import {
  int64Min,
  integrityMessagesMax,
  integrityRunBytesMax,
  integrityRunRowsMax,
} from "../../storage/limits.js";
import type { Connection } from "../sqlite/connection.js";
import {
  type CountRow,
  countedTables,
  countSql,
  countsSql,
  type FactsRow,
  factsAfterSql,
  factsTables,
  type LogRow,
  logAfterSql,
  type VersionRow,
  versionsAfterSql,
} from "../sqlite/integrity-statements.js";
import { isSqliteError } from "../sqlite/result-codes.js";
import { prepareNumber, prepareRows } from "../sqlite/statements.js";
import { withPages } from "./damage-watch.js";
import type { PagePlaces } from "./page-places.js";
import {
  checkCount,
  checkFactsRow,
  checkLogRow,
  checkVersionRow,
  type Findings,
} from "./row-checks.js";

export interface ChecksumResult {
  readonly messages: readonly string[];
  readonly rowsChecked: number;
}

type Report = (phase: string, rowsDone: number, rowsTotal: number) => void;

export interface TableWalk {
  readonly table: string;
  readonly sql: string;
  readonly check: (row: never) => Findings;
}

export const tableWalks: readonly TableWalk[] = [
  ...factsTables.map((table) => ({
    table: table.name,
    sql: factsAfterSql(table),
    check: (row: FactsRow) => checkFactsRow(table.name, row),
  })),
  { table: "kv", sql: versionsAfterSql("kv"), check: (row: VersionRow) => checkVersionRow(row) },
  {
    table: "past",
    sql: versionsAfterSql("past"),
    check: (row: VersionRow) => checkVersionRow(row),
  },
  { table: "log", sql: logAfterSql, check: (row: LogRow) => checkLogRow(row) },
];

/** Throws what SQLite throws, except for damage of its file, which is what is looked for. */
export function walkChecksums(
  connection: Connection,
  { report, pages }: { readonly report: Report; readonly pages: PagePlaces | undefined },
): ChecksumResult {
  const messages: string[] = [];
  const sizes = tableWalks.map(({ table }) => sizeOf(connection, table, messages, pages));
  const rowsTotal = sizes.reduce((sum, size) => sum + size, 0);
  let rowsChecked = 0;
  for (const walk of tableWalks) {
    const { table } = walk;
    let behind: bigint | undefined;
    const pagesBehind = (): string | undefined =>
      pages?.textOf({ kind: "behind", tree: table, rowId: behind });
    orFinding(table, { messages, pages: pagesBehind }, () => {
      walkTable(connection, walk, {
        found: (rowId, findings) => {
          const where = pages?.textOf({ kind: "row", table, rowId });
          for (const finding of findings) {
            messages.push(withPages(`${table} row ${String(rowId)}: ${finding}`, where));
          }
          return messages.length < integrityMessagesMax;
        },
        ran: (rows, last) => {
          rowsChecked += rows;
          behind = last;
          report(`checksums of ${walk.table}`, rowsChecked, Math.max(rowsTotal, rowsChecked));
        },
      });
    });
    if (messages.length >= integrityMessagesMax) break;
  }
  for (const counted of countedTables) {
    const { table } = counted;
    const pagesBehind = (): string | undefined =>
      pages?.textOf({ kind: "behind", tree: table, rowId: undefined });
    orFinding(table, { messages, pages: pagesBehind }, () => {
      for (const row of prepareRows<[], CountRow>(connection, countsSql(counted)).iterate()) {
        for (const finding of checkCount(counted.of, row)) {
          messages.push(`${table} row ${String(row[0])}: ${finding}`);
        }
      }
    });
  }
  return { messages: messages.slice(0, integrityMessagesMax), rowsChecked };
}

function walkTable(
  connection: Connection,
  walk: TableWalk,
  tell: {
    /** False = enough is known. */
    readonly found: (rowId: bigint, findings: Findings) => boolean;
    readonly ran: (rows: number, last: bigint) => void;
  },
): void {
  const rows = prepareRows<[bigint], [rowId: bigint, ...rest: unknown[]]>(connection, walk.sql);
  // Below every row id, the negative ones included.
  let after = int64Min;
  for (;;) {
    let count = 0;
    let bytes = 0;
    for (const row of rows.iterate(after)) {
      const [rowId] = row;
      count++;
      if (rowId <= after) {
        // Behind this place rows come again, so the walk would never end.
        tell.found(rowId, ["the rows around it are out of order"]);
        tell.ran(count, after);
        return;
      }
      after = rowId;
      for (const column of row) if (column instanceof Uint8Array) bytes += column.length;
      const findings = walk.check(row as never);
      if (findings.length > 0 && !tell.found(after, findings)) {
        tell.ran(count, after);
        return;
      }
      if (count >= integrityRunRowsMax || bytes >= integrityRunBytesMax) break;
    }
    tell.ran(count, after);
    if (count === 0) return;
  }
}

function sizeOf(
  connection: Connection,
  table: string,
  messages: string[],
  pages: PagePlaces | undefined,
): number {
  const broken = (): string | undefined =>
    pages?.textOf({ kind: "behind", tree: table, rowId: undefined });
  const count = (): number | undefined => prepareNumber<[]>(connection, countSql(table)).get();
  return orFinding(table, { messages, pages: broken }, count) ?? 0;
}

function orFinding<T>(
  table: string,
  to: { readonly messages: string[]; readonly pages: () => string | undefined },
  read: () => T,
): T | undefined {
  try {
    return read();
  } catch (cause) {
    if (!isSqliteError(cause) || !cause.code.startsWith("SQLITE_CORRUPT")) throw cause;
    const message = `${table} cannot be read to its end (${cause.code})`;
    to.messages.push(withPages(message, to.pages()));
    return undefined;
  }
}
