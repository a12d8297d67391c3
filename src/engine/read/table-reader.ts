/**
 * Reads keys and pages on one read-only connection. Every public method is one snapshot: a single
 * statement, or a transaction around several. No iterator outlives the call that made it, because
 * an open iterator pins the WAL and keeps its connection busy.
 */
import { equalBytes } from "../../foundation/bytes.js";
import type { Entry, Key, Namespace, Revision } from "../../storage/model.js";
import { EntryPacker } from "../../storage/packed-entries.js";
import type { AtRevision, PageRead } from "../../storage/storage-engine.js";
import type { Connection } from "../sqlite/connection.js";
import {
  prepareRows,
  prepareRun,
  type RangeEnd,
  type RangeStart,
  sql,
} from "../sqlite/statements.js";
import { isLive } from "../state/kv-row.js";
import { sourceOf } from "./at-revision.js";
import { batchBytes } from "./batch-bytes.js";
import { PackedRows, type RowReading } from "./packed-rows.js";
import { outOfOrder, PageOfRows, type Rows } from "./page-of-rows.js";
import { PastReader } from "./past-reader.js";
import {
  type PackedBytes,
  pointsAtOnce,
  type RangeParameters,
  RowStatements,
} from "./row-statements.js";

/** The namespace as the snapshot has it; undefined = it does not exist. */
export type Head = { readonly ns: number; readonly revision: Revision } | undefined;

export interface Points {
  readonly head: Head;
  readonly entries: readonly (Entry | undefined)[];
}

export interface PackedPoints {
  readonly head: Head;
  /** In the order of the keys; see storage/packed-entries.ts. */
  readonly packed: Uint8Array<ArrayBuffer>;
}

interface PointsRead {
  readonly keysOnly: boolean;
  readonly nowMs: number;
  readonly at: AtRevision;
}

/** Most pages are small; the packer grows for those that are not. */
const packedBytesExpected = 4_096;
const noValue = new Uint8Array(0);

export class TableReader {
  readonly #connection: Connection;
  readonly #verify: boolean;
  readonly #past: PastReader;
  readonly #rows: RowStatements;
  readonly #head;
  readonly #begin;
  readonly #commit;

  constructor(connection: Connection, options: { readonly verifyChecksums: boolean }) {
    this.#connection = connection;
    this.#verify = options.verifyChecksums;
    this.#past = new PastReader(connection);
    this.#rows = new RowStatements(connection);
    this.#head = prepareRows<[string], [bigint, bigint]>(connection, sql.headGet);
    this.#begin = prepareRun<[]>(connection, sql.begin);
    this.#commit = prepareRun<[]>(connection, sql.commit);
  }

  head(namespace: Namespace): Head {
    const row = this.#head.get(namespace);
    return row === undefined ? undefined : { ns: Number(row[0]), revision: row[1] as Revision };
  }

  /** One key, in one statement. Throws EngineError "corrupt". */
  point(namespace: Namespace, key: Key, read: { keysOnly: boolean; nowMs: number }): Points {
    const found = this.#rows.point(!read.keysOnly, key, namespace);
    if (found === undefined) return { head: undefined, entries: [undefined] };
    const [ns, revision, bytes] = found;
    const head = { ns: Number(ns), revision: revision as Revision };
    const row = this.#packedRows(head.ns, bytes, !read.keysOnly);
    if (row.atEnd || !row.next()) return { head, entries: [undefined] };
    assertAsked(key, row);
    return { head, entries: [isLive(row, read.nowMs) ? row.entry() : undefined] };
  }

  /** Throws "limit-exceeded" when the values together are too many bytes for one answer. */
  points(namespace: Namespace, keys: readonly Key[], read: PointsRead): Points {
    const entries: (Entry | undefined)[] = [];
    const head = this.#eachPoint(namespace, keys, read, (row) => entries.push(row?.entry()));
    return { head, entries };
  }

  /** The same, packed. */
  packedPoints(namespace: Namespace, keys: readonly Key[], read: PointsRead): PackedPoints {
    const out = new EntryPacker(packedBytesExpected);
    const head = this.#eachPoint(namespace, keys, read, (row) => {
      if (row === undefined) out.addAbsent();
      else out.add(row);
    });
    return { head, packed: out.finish() };
  }

  /**
   * Live rows of a range, or those of a past revision; at least one when there is one, whatever its
   * size, unless `walkedTo` says otherwise. Throws as at-revision.ts does.
   */
  page(head: Head, read: PageRead, nowMs: number): Rows {
    const source = this.#sourceOf(head, read.at);
    if (head === undefined) return noRows(read.count ? 0 : undefined);
    const { ns } = head;
    const at = source.kind === "past" ? source.at : undefined;
    return this.snapshot(() => {
      const rows = new PageOfRows(read, at === undefined ? nowMs : Number.NEGATIVE_INFINITY);
      for (let { after } = read; !rows.full; after = rows.place) {
        const { start, end, parameters } = boundsOf(ns, { ...read, after });
        const { reverse, keysOnly } = read;
        const limit = rows.rowsWanted();
        const of = { start, end, reverse, values: !keysOnly };
        const bytes = this.#rows.range(of, {
          ...parameters,
          ...(at !== undefined && { at }),
          limit,
        });
        if (rows.take(this.#packedRows(ns, bytes, !keysOnly)) < limit) break;
      }
      const page = rows.page();
      if (!read.count || page.walkedTo !== undefined) return page;
      const { start, end, parameters } = boundsOf(ns, { ...read, after: undefined });
      const when = at === undefined ? { now: nowMs } : { at };
      return { ...page, count: this.#rows.count({ start, end }, { ...parameters, ...when }) };
    });
  }

  /** Runs the body in one read transaction, so that all its statements see one state. */
  snapshot<T>(body: () => T): T {
    if (this.#connection.inTransaction) return body();
    this.#begin.run();
    try {
      return body();
    } finally {
      this.#end();
    }
  }

  /** In the order of the keys; undefined = there is no live row. */
  #eachPoint(
    namespace: Namespace,
    keys: readonly Key[],
    read: PointsRead,
    each: (row: PackedRows | undefined) => void,
  ): Head {
    return this.snapshot(() => {
      const head = this.head(namespace);
      const source = this.#sourceOf(head, read.at);
      const bound = batchBytes(keys.length);
      const values = !read.keysOnly;
      for (let first = 0; first < keys.length && head !== undefined; ) {
        const past = source.kind === "past";
        const bytes = past
          ? this.#rows.pointAt({ ns: head.ns, key: keys[first] as Key, at: source.at })
          : this.#rows.points(head.ns, keys, { first, values });
        const rows = this.#packedRows(head.ns, bytes, values);
        const behind = past
          ? first + 1
          : Math.min(first + pointsAtOnce(keys.length - first), keys.length);
        for (; first < behind; first++) {
          const found = !rows.atEnd && rows.next();
          if (found) assertAsked(keys[first] as Key, rows);
          const live = found && (past || isLive(rows, read.nowMs));
          if (read.keysOnly) rows.value = noValue;
          if (live) bound(rows.value.length);
          each(live ? rows : undefined);
        }
      }
      if (head === undefined) for (let at = 0; at < keys.length; at++) each(undefined);
      return head;
    });
  }

  #packedRows(ns: number, bytes: PackedBytes, values: boolean): PackedRows {
    const reading: RowReading = {
      ns,
      values,
      verify: this.#verify,
      longValue: (from, rowId) => this.#rows.longValue(from, rowId),
      storedKey: (from, rowId) => this.#rows.storedKey(from, rowId),
    };
    return new PackedRows(bytes, reading);
  }

  /** A namespace that is not there stands at revision 0. */
  #sourceOf(head: Head, at: AtRevision): ReturnType<typeof sourceOf> {
    const revision = head?.revision ?? (0n as Revision);
    return sourceOf(at, revision, () =>
      head === undefined ? undefined : this.#past.since(head.ns),
    );
  }

  /** A disk error ends the transaction by itself, and the COMMIT would hide it. */
  #end(): void {
    if (this.#connection.inTransaction) this.#commit.run();
  }
}

function noRows(count: number | undefined): Rows {
  const packed = new Uint8Array(0);
  return { packed, rows: 0, lastKey: undefined, more: false, count, walkedTo: undefined };
}

/** The range and the place to go on from, as the two ends of one index walk. */
function boundsOf(
  ns: number,
  read: Pick<PageRead, "range" | "reverse" | "after">,
): { readonly start: RangeStart; readonly end: RangeEnd; readonly parameters: RangeParameters } {
  const { after, range } = read;
  if (after !== undefined && !read.reverse) {
    const end = range.end === undefined ? {} : { end: range.end };
    return {
      start: "after",
      end: range.end === undefined ? "open" : "before",
      parameters: { ns, start: after, ...end },
    };
  }
  const upper = after ?? range.end;
  return {
    start: range.start.length === 0 ? "open" : "at",
    end: upper === undefined ? "open" : "before",
    parameters: {
      ns,
      ...(range.start.length === 0 ? {} : { start: range.start }),
      ...(upper === undefined ? {} : { end: upper }),
    },
  };
}

/** The answer to a key is the row of that key, whatever an index says. Throws "corrupt". */
function assertAsked(key: Key, row: PackedRows): void {
  if (!equalBytes(key, row.key)) throw outOfOrder();
}
