/**
 * Reads the log from a revision on, a page of whole entries at a time, each verified before its bytes
 * go anywhere. What has been trimmed is answered as such: entry and span are read from one snapshot,
 * so a trim that runs at the same time is either seen whole or not at all.
 */
import { concatBytes } from "../../foundation/bytes.js";
import { EngineError } from "../../storage/errors.js";
import type { Epoch, Namespace, Revision } from "../../storage/model.js";
import { damagedStoreHint } from "../damage-hints.js";
import { entryChecksum } from "../record/entry-codec.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareRows, prepareRun, sql } from "../sqlite/statements.js";
import { LogSpanTable } from "./log-span.js";

type LogColumns = [
  first: bigint,
  last: bigint,
  epoch: bigint,
  nonce: string,
  timeMs: bigint,
  checksum: bigint,
  payload: Uint8Array,
];

/** An entry without its bytes: they follow each other in the page's payloads. */
export interface EntrySpan {
  readonly first: Revision;
  readonly last: Revision;
  readonly bytes: number;
}

export type LogPage =
  | {
      readonly kind: "entries";
      /** The first one holds the revision asked for, the others follow without a gap. */
      readonly entries: readonly EntrySpan[];
      readonly payloads: Uint8Array<ArrayBuffer>;
    }
  /** The revision is not retained any more; `oldest` is the first that is. */
  | { readonly kind: "trimmed"; readonly oldest: Revision }
  /** The namespace does not exist (any more). */
  | { readonly kind: "missing" };

export class LogReader {
  readonly #connection: Connection;
  readonly #spans: LogSpanTable;
  readonly #namespaceId;
  readonly #from;
  readonly #begin;
  readonly #commit;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#spans = new LogSpanTable(connection);
    this.#namespaceId = prepareRows<[string], [bigint, bigint]>(connection, sql.headGet);
    this.#from = prepareRows<[{ ns: number; from: bigint }], LogColumns>(connection, sql.logFrom);
    this.#begin = prepareRun<[]>(connection, sql.begin);
    this.#commit = prepareRun<[]>(connection, sql.commit);
  }

  /**
   * Entries from the one that holds `from`, which must not be above the head: at least one, more
   * while they fit. Throws EngineError "corrupt" for an entry that is damaged or missing.
   */
  page(namespace: Namespace, from: Revision, bytesMax: number): LogPage {
    this.#begin.run();
    try {
      const row = this.#namespaceId.get(namespace);
      if (row === undefined) return { kind: "missing" };
      const ns = Number(row[0]);
      const { oldest } = this.#spans.read(ns);
      if (from < oldest) return { kind: "trimmed", oldest };
      return this.#entries(ns, from, bytesMax);
    } finally {
      // A disk error ends the transaction by itself, and the COMMIT would hide it.
      if (this.#connection.inTransaction) this.#commit.run();
    }
  }

  #entries(ns: number, from: Revision, bytesMax: number): LogPage {
    const entries: EntrySpan[] = [];
    const payloads: Uint8Array[] = [];
    let bytes = 0;
    let next = from;
    for (const columns of this.#from.iterate({ ns, from })) {
      const payload = columns[6];
      if (entries.length > 0 && bytes + payload.length > bytesMax) break;
      const entry = verified(ns, columns);
      const follows = entries.length === 0 ? entry.first <= next : entry.first === next;
      if (!follows || entry.last < next) throw damaged(ns, next);
      next = (entry.last + 1n) as Revision;
      bytes += entry.bytes;
      entries.push(entry);
      payloads.push(payload);
    }
    if (entries.length === 0) throw damaged(ns, from);
    return { kind: "entries", entries, payloads: concatBytes(payloads) };
  }
}

function verified(ns: number, columns: LogColumns): EntrySpan {
  const [first, last, epoch, nonce, timeMs, checksum, payload] = columns;
  const facts = {
    first: first as Revision,
    last: last as Revision,
    epoch: epoch as Epoch,
    nonce,
    timeMs: Number(timeMs),
  };
  if (entryChecksum(ns, facts, payload) !== Number(checksum)) throw damaged(ns, facts.first);
  return { first: facts.first, last: facts.last, bytes: payload.length };
}

function damaged(ns: number, revision: Revision): EngineError {
  return new EngineError("corrupt", `the log entry of revision ${revision} is damaged or missing`, {
    hint: damagedStoreHint,
    facts: { table: "log", row_id: `${ns}/${revision}` },
  });
}
