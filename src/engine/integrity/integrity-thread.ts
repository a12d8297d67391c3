/**
 * The check itself, on a read-only connection of its own. It runs in a thread of the checking
 * process only so that the process can still answer to its parent while SQLite is busy.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../foundation/assert.js";
import { integrityCacheBytes, integrityMessagesMax } from "../../storage/limits.js";
import type { IntegrityMode } from "../../storage/maintenance.js";
import { type Connection, openConnection } from "../sqlite/connection.js";
import { isSqliteError } from "../sqlite/result-codes.js";
import { walkChecksums } from "./checksum-walk.js";
import type { CheckOrder, FromCheck } from "./integrity-protocol.js";
import { PagePlaces } from "./page-places.js";

interface Found {
  readonly messages: readonly string[];
  readonly rowsChecked: number;
}

const port = parentPort;
assert(port !== null, "this file is started as a thread");
const order = workerData as CheckOrder;

function tell(message: FromCheck): void {
  port?.postMessage(message);
}

function report(phase: string, rowsDone: number, rowsTotal: number): void {
  tell({ kind: "progress", phase, rowsDone, rowsTotal });
}

function open(): Connection {
  return openConnection({
    file: order.file,
    role: "reader",
    pragmas: {
      synchronous: "FULL",
      foreignKeys: true,
      nativeBusyTimeoutMs: 50,
      cacheBytes: integrityCacheBytes,
    },
  });
}

/** SQLite's own check: one read transaction, uninterruptible, ended only by the process. */
function nativeCheck(connection: Connection, pragma: "quick_check" | "integrity_check"): Found {
  report(pragma, 0, 0);
  const limit = String(integrityMessagesMax);
  const rows = orDamage(() => connection.prepare(`PRAGMA ${pragma}(${limit})`).pluck().all());
  return { messages: rows.map(String).filter((text) => text !== "ok"), rowsChecked: 0 };
}

function foreignKeyCheck(connection: Connection): Found {
  report("foreign_key_check", 0, 0);
  const rows = connection.pragma("foreign_key_check") as { table: string; rowid: number }[];
  const messages = rows.map(({ table, rowid }) => `${table} row ${String(rowid)}: no parent row`);
  return { messages, rowsChecked: 0 };
}

function checkRows(connection: Connection): Found {
  // Not closed: this process ends with the check, and a close would drop the connection's locks.
  const pages = new PagePlaces(order.file, () => connection);
  return walkChecksums(connection, { report, pages });
}

/** A file so damaged that SQLite gives up is a finding too. */
function orDamage(read: () => unknown[]): unknown[] {
  try {
    return read();
  } catch (cause) {
    if (!isSqliteError(cause) || !cause.code.startsWith("SQLITE_CORRUPT")) throw cause;
    return [`${cause.message} (${cause.code})`];
  }
}

const checks = {
  quick: [(connection) => nativeCheck(connection, "quick_check")],
  full: [(connection) => nativeCheck(connection, "integrity_check"), foreignKeyCheck],
  checksum: [checkRows],
  all: [(connection) => nativeCheck(connection, "integrity_check"), foreignKeyCheck, checkRows],
} as const satisfies Record<IntegrityMode, readonly ((connection: Connection) => Found)[]>;

function check(): FromCheck {
  const connection = open();
  try {
    const found = checks[order.mode].map((run) => run(connection));
    return {
      kind: "result",
      messages: found.flatMap(({ messages }) => messages).slice(0, integrityMessagesMax),
      rowsChecked: found.reduce((sum, { rowsChecked }) => sum + rowsChecked, 0),
    };
  } finally {
    connection.close();
  }
}

try {
  tell(check());
} catch (cause) {
  tell({ kind: "impossible", reason: cause instanceof Error ? cause.message : String(cause) });
}
