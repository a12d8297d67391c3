/**
 * A start without a daemon: the same look at the files, the same recovery, the same migration and
 * checkpoint as openEngine, on the calling thread and without any other; then everything that is in
 * the store, and the store is closed again. For programs that must open thousands of copies and ask
 * of each what a restart would find.
 *
 * It writes as a start does, and it opens and closes files that SQLite has locks on: never call it
 * in a process that has the same store open.
 */
import { Failpoints } from "../foundation/failpoint.js";
import { systemRandom } from "../foundation/random.js";
import type { Log } from "../observability/log.js";
import { integrityMessagesMax } from "../storage/limits.js";
import type { RecoveryStep, WalTail } from "../storage/maintenance.js";
import type { Entry, Namespace, Revision, StoreId } from "../storage/model.js";
import { unpackEntries } from "../storage/packed-entries.js";
import { WriterStore } from "./commit/writer-store.js";
import type { EngineOptions, EnginePorts } from "./engine-options.js";
import { walkChecksums } from "./integrity/checksum-walk.js";
import { TableReader } from "./read/table-reader.js";
import { inspectBeforeOpen } from "./recovery/recover.js";
import type { Connection } from "./sqlite/connection.js";
import { applicationId, formatVersion } from "./sqlite/schema.js";
import { prepareRows, sql } from "./sqlite/statements.js";
import { lastTombstone, type NamespaceColumns, namespaceRowOf } from "./state/namespace-table.js";

export interface ExaminedNamespace {
  readonly name: Namespace;
  readonly head: Revision;
  /** Every row, those that have run out and are not swept yet included. */
  readonly entries: readonly Entry[];
}

export interface ExaminedStore {
  readonly storeId: StoreId;
  /** Before this start, which is a commit itself. */
  readonly commitSequence: bigint;
  readonly steps: readonly RecoveryStep[];
  readonly walTail: WalTail;
  readonly namespaces: readonly ExaminedNamespace[];
  /** What SQLite's full check and the walk over every checksum complain of; empty = nothing. */
  readonly findings: readonly string[];
}

const anyRevision = undefined;
const always = Number.NEGATIVE_INFINITY;

/**
 * Throws OpenError where openEngine would, and EngineError "corrupt" where a reader would meet a
 * checksum that does not match. With `checks` off nothing is looked for beyond what reading shows.
 */
export async function examineStore(
  options: EngineOptions,
  ports: Pick<EnginePorts, "clock"> & { readonly log: Log },
  { checks }: { readonly checks: boolean },
): Promise<ExaminedStore> {
  const format = { applicationId, formatVersionMax: formatVersion };
  const before = await inspectBeforeOpen(options, format, ports);
  let connection: Connection | undefined;
  try {
    const start = {
      options: { ...options, file: before.files.database },
      walFile: before.files.wal,
      reserveFile: before.files.reserve,
      failpoints: "",
      recovered: before.walBytesFound > 0,
      expected: before.expected,
    };
    const { store, opened } = WriterStore.open(
      start,
      { clock: ports.clock, random: systemRandom(), failpoints: Failpoints.none() },
      ports.clock.wallMs(),
    );
    connection = store.connection;
    return {
      storeId: opened.storeId,
      commitSequence: opened.commitSequence - 1n,
      steps: before.steps,
      walTail: before.walTail,
      namespaces: contentsOf(connection, options),
      findings: checks ? findingsOf(connection) : [],
    };
  } finally {
    connection?.close();
    before.lock.release();
  }
}

/** Namespace by namespace, every row. Throws EngineError "corrupt". */
export function contentsOf(
  connection: Connection,
  { verifyChecksumsOnRead: verifyChecksums }: EngineOptions,
): readonly ExaminedNamespace[] {
  const reader = new TableReader(connection, { verifyChecksums });
  const rows = prepareRows<[string, number], NamespaceColumns>(connection, sql.namespacesAfter);
  return rows.all(lastTombstone, -1).map((columns) => {
    const { id: ns, name, head } = namespaceRowOf(columns);
    const read = {
      range: { start: new Uint8Array(0), end: undefined },
      reverse: false,
      keysOnly: false,
      at: anyRevision,
      after: undefined,
      rowsMax: Number.POSITIVE_INFINITY,
      bytesMax: Number.POSITIVE_INFINITY,
      count: false,
    };
    const { packed } = reader.page({ ns, revision: head }, read, always);
    return { name, head, entries: unpackEntries(packed) as Entry[] };
  });
}

function findingsOf(connection: Connection): readonly string[] {
  const { messages } = walkChecksums(connection, { report: () => undefined, pages: undefined });
  return [...structureFindings(connection), ...messages].slice(0, integrityMessagesMax);
}

/** What SQLite's full check complains of; empty = nothing. */
export function structureFindings(connection: Connection): readonly string[] {
  const rows = connection.prepare("PRAGMA integrity_check").pluck().all();
  return rows.map(String).filter((text) => text !== "ok");
}
