/**
 * Reads keys and pages on one read-only connection. Every public method is one snapshot: a single
 * statement, or a transaction around several. No iterator outlives the call that made it, because
 * an open iterator pins the WAL and keeps its connection busy.
 */
import { compareBytes } from "../../foundation/bytes.js";
import { EngineError } from "../../storage/errors.js";
import { batchReadBytesMax, endedRowsPerRead } from "../../storage/limits.js";
import type { Entry, Key, Namespace, Revision } from "../../storage/model.js";
import type { AtRevision, PageRead } from "../../storage/storage-engine.js";
import type { Connection } from "../sqlite/connection.js";
import {
  type KvFactsRow,
  type KvRow,
  kvCountSql,
  kvRangeSql,
  prepareNumber,
  prepareRows,
  prepareRun,
  type RangeEnd,
  type RangeStart,
  type Statement,
  sql,
} from "../sqlite/statements.js";
import { entryOf, factsOf, isLive } from "../state/kv-row.js";

import { sourceOf } from "./at-revision.js";
import { PastReader } from "./past-reader.js";

type PointRow = [ns: bigint, head: bigint, ...row: KvRow];
interface RangeParameters {
  readonly ns: number;
  readonly start?: Uint8Array;
  readonly end?: Uint8Array;
  readonly limit?: number;
  readonly now?: number;
}

/** The namespace as the snapshot has it; undefined = it does not exist. */
export type Head = { readonly ns: number; readonly revision: Revision } | undefined;

export interface Points {
  readonly head: Head;
  readonly entries: readonly (Entry | undefined)[];
}

export interface Rows {
  readonly entries: readonly Entry[];
  readonly more: boolean;
  readonly count: number | undefined;
  /**
   * Set where so many rows that have run out lay in the way that nothing was found yet: go on behind
   * this key, in the same snapshot. There are no entries then, and no count.
   */
  readonly walkedTo: Key | undefined;
}

const factsColumns = 12;
const noValue = new Uint8Array(0);

export class TableReader {
  readonly #connection: Connection;
  readonly #verify: boolean;
  readonly #past: PastReader;
  readonly #point;
  readonly #head;
  readonly #begin;
  readonly #commit;
  readonly #prepared = new Map<string, Statement<[RangeParameters], KvFactsRow | KvRow>>();
  readonly #counts = new Map<string, Statement<[RangeParameters], number>>();

  constructor(connection: Connection, options: { readonly verifyChecksums: boolean }) {
    this.#connection = connection;
    this.#verify = options.verifyChecksums;
    this.#past = new PastReader(connection);
    this.#point = prepareRows<[Uint8Array, string], PointRow>(connection, sql.pointGet);
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
    const row = this.#point.get(key, namespace);
    if (row === undefined) return { head: undefined, entries: [undefined] };
    const [ns, revision, ...rest] = row;
    const head = { ns: Number(ns), revision: revision as Revision };
    // No row on the right side of the join: the library types cannot say that its columns are null.
    if ((rest[0] as bigint | null) === null) return { head, entries: [undefined] };
    return { head, entries: [this.#entry(head.ns, rest, read)] };
  }

  /** Throws "limit-exceeded" when the values together are too many bytes for one answer. */
  points(
    namespace: Namespace,
    keys: readonly Key[],
    read: { readonly keysOnly: boolean; readonly nowMs: number; readonly at: AtRevision },
  ): Points {
    return this.snapshot(() => {
      const head = this.head(namespace);
      const source = this.#sourceOf(head, read.at);
      let bytes = 0;
      const entries = keys.map((key) => {
        const entry =
          head !== undefined && source.kind === "past"
            ? this.#pointAt(head.ns, key, { at: source.at, keysOnly: read.keysOnly })
            : this.point(namespace, key, read).entries[0];
        bytes += entry?.value.length ?? 0;
        if (bytes > batchReadBytesMax && keys.length > 1) throw tooManyBytes();
        return entry;
      });
      return { head, entries };
    });
  }

  /**
   * Live rows of a range, or those of a past revision; at least one when there is one, whatever its
   * size, unless `walkedTo` says otherwise. Throws as at-revision.ts does.
   */
  page(head: Head, read: PageRead, nowMs: number): Rows {
    const source = this.#sourceOf(head, read.at);
    if (head === undefined) return noRows(read.count ? 0 : undefined);
    const { ns } = head;
    const rows =
      source.kind === "past" ? this.#rowsAt(ns, read, source.at) : this.#rowsNow(ns, read);
    const liveAtMs = source.kind === "past" ? Number.NEGATIVE_INFINITY : nowMs;
    const entries: Entry[] = [];
    let bytes = 0;
    let more = false;
    let ended = 0;
    for (const row of rows) {
      const entry = this.#entry(ns, row, { keysOnly: read.keysOnly, nowMs: liveAtMs });
      if (entry === undefined) {
        // Whoever waits for this thread shall not wait until a million of them are passed.
        if (++ended < endedRowsPerRead) continue;
        if (entries.length === 0)
          return { ...noRows(undefined), more: true, walkedTo: row[1] as Key };
        more = true;
        break;
      }
      assertInOrder(entries.at(-1), entry, read.reverse);
      bytes += entry.key.length + entry.value.length;
      if (entries.length > 0 && (entries.length >= read.rowsMax || bytes > read.bytesMax)) {
        more = true;
        break;
      }
      if (read.rowsMax > 0) entries.push(entry);
      else break;
    }
    if (!read.count) return { entries, more, count: undefined, walkedTo: undefined };
    const count =
      source.kind === "past" ? this.#countAt(ns, read, source.at) : this.#countOf(ns, read, nowMs);
    return { entries, more, count, walkedTo: undefined };
  }

  #rowsNow(ns: number, read: PageRead): IterableIterator<KvFactsRow | KvRow> {
    const { start, end, parameters } = boundsOf(ns, read);
    return this.#rangeStatement(start, end, read).iterate({ ...parameters, limit: -1 });
  }

  #rowsAt(ns: number, read: PageRead, at: Revision): IterableIterator<KvFactsRow | KvRow> {
    const { start, end, parameters } = boundsOf(ns, read);
    const { reverse, keysOnly } = read;
    const statement = this.#past.range({ start, end, reverse, values: !keysOnly });
    return statement.iterate({ ...parameters, at, limit: -1 });
  }

  #countAt(ns: number, read: PageRead, at: Revision): number {
    let count = 0;
    const whole = { ...read, after: undefined, keysOnly: true };
    // Counted by walking: two indexes are merged, and neither alone knows the number.
    const rows = this.#rowsAt(ns, whole, at);
    while (rows.next().done !== true) count++;
    return count;
  }

  #pointAt(
    ns: number,
    key: Key,
    read: { readonly at: Revision; readonly keysOnly: boolean },
  ): Entry | undefined {
    const row = this.#past.point(ns, key, read.at);
    const nowMs = Number.NEGATIVE_INFINITY;
    return row === undefined ? undefined : this.#entry(ns, row, { ...read, nowMs });
  }

  /** A namespace that is not there stands at revision 0. */
  #sourceOf(head: Head, at: AtRevision): ReturnType<typeof sourceOf> {
    const revision = head?.revision ?? (0n as Revision);
    return sourceOf(at, revision, () =>
      head === undefined ? undefined : this.#past.since(head.ns),
    );
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

  /** A disk error ends the transaction by itself, and the COMMIT would hide it. */
  #end(): void {
    if (this.#connection.inTransaction) this.#commit.run();
  }

  #entry(
    ns: number,
    row: KvFactsRow | KvRow,
    read: { readonly keysOnly: boolean; readonly nowMs: number },
  ): Entry | undefined {
    const facts = factsOf(ns, row.slice(0, factsColumns) as KvFactsRow, this.#verify);
    if (!isLive(facts, read.nowMs)) return undefined;
    const value = row[factsColumns];
    if (read.keysOnly || value === undefined) return { ...entryOf(facts, noValue, false) };
    return entryOf(facts, value, this.#verify);
  }

  #rangeStatement(
    start: RangeStart,
    end: RangeEnd,
    read: { readonly reverse: boolean; readonly keysOnly: boolean },
  ): Statement<[RangeParameters], KvFactsRow | KvRow> {
    const { reverse, keysOnly } = read;
    const name = `${start} ${end} ${reverse ? "reverse" : ""} ${keysOnly ? "keys" : ""}`;
    const known = this.#prepared.get(name);
    if (known !== undefined) return known;
    const text = kvRangeSql({ start, end, reverse, values: !keysOnly });
    const statement = prepareRows<[RangeParameters], KvFactsRow | KvRow>(this.#connection, text);
    this.#prepared.set(name, statement);
    return statement;
  }

  #countOf(ns: number, read: PageRead, nowMs: number): number {
    const { start, end, parameters } = boundsOf(ns, { ...read, after: undefined });
    const name = `${start} ${end}`;
    let statement = this.#counts.get(name);
    if (statement === undefined) {
      statement = prepareNumber<[RangeParameters]>(this.#connection, kvCountSql({ start, end }));
      this.#counts.set(name, statement);
    }
    return statement.get({ ...parameters, now: nowMs }) ?? 0;
  }
}

function noRows(count: number | undefined): Rows {
  return { entries: [], more: false, count, walkedTo: undefined };
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

/** A reader that goes on behind the last key would otherwise read in circles. Throws "corrupt". */
function assertInOrder(before: Entry | undefined, entry: Entry, reverse: boolean): void {
  if (before === undefined) return;
  const order = compareBytes(before.key, entry.key);
  if (reverse ? order > 0 : order < 0) return;
  throw new EngineError("corrupt", "the index of keys is out of order", {
    hint: "run `kvdb integrity --full` to see the extent, then restore a verified backup",
    facts: { table: "kv" },
  });
}

function tooManyBytes(): EngineError {
  return new EngineError(
    "limit-exceeded",
    `one batch may read at most ${batchReadBytesMax} bytes of values`,
    {
      hint: "ask for fewer keys at once, or use Scan",
      facts: { limit: "batch_read_bytes", max: `${batchReadBytesMax}` },
    },
  );
}
