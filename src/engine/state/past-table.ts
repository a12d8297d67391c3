/**
 * Replaced versions, while a namespace keeps history. A version is moved here when it is replaced or
 * deleted, with the revision that did it: so the version of a key at r is its row in kv if that is
 * old enough, else the row here that was replaced first after r.
 */

import { EngineError } from "../../storage/errors.js";
import { int64Max } from "../../storage/limits.js";
import type { Revision } from "../../storage/model.js";
import { damagedStoreHint } from "../damage-hints.js";
import { factsChecksum } from "../record/row-checksum.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareRows, prepareRun, sql } from "../sqlite/statements.js";
import type { KvFacts } from "./kv-row.js";

export interface PastSpan {
  /** The oldest revision whose whole state can be read. */
  readonly since: Revision;
  readonly rows: number;
  /** Bytes of the keys and values kept here. */
  readonly bytes: number;
}

export type PastSpanColumns = [since: bigint, rows: bigint, bytes: bigint, checksum: bigint];

/** Above every revision: nothing can be read any more, but not every row is gone yet. */
const hasEnded = int64Max as Revision;

/** Undefined = history has ended. Throws EngineError "corrupt" when the row's checksum differs. */
export function pastSpanOf(ns: number, columns: PastSpanColumns): PastSpan | undefined {
  const span = storedSpanOf(ns, columns);
  return span.since === hasEnded ? undefined : span;
}

function storedSpanOf(ns: number, columns: PastSpanColumns): PastSpan {
  const [since, rows, bytes, checksum] = columns;
  if (factsChecksum([ns, since, rows, bytes]) !== Number(checksum)) {
    throw new EngineError("corrupt", "a history span's checksum does not match its content", {
      hint: damagedStoreHint,
      facts: { table: "past_span", row_id: `${ns}` },
    });
  }
  return { since: since as Revision, rows: Number(rows), bytes: Number(bytes) };
}

export class PastTable {
  readonly #copy;
  readonly #getSpan;
  readonly #putSpan;
  readonly #dropSpan;
  readonly #due;
  readonly #forget;

  constructor(connection: Connection) {
    this.#copy = prepareRun<[bigint, bigint]>(connection, sql.pastCopy);
    this.#getSpan = prepareRows<[number], PastSpanColumns>(connection, sql.pastSpanGet);
    this.#putSpan = prepareRun<unknown[]>(connection, sql.pastSpanPut);
    this.#dropSpan = prepareRun<[number]>(connection, sql.pastSpanDrop);
    this.#due = prepareRows<[number, bigint, number], [bigint, bigint]>(connection, sql.pastDue);
    this.#forget = prepareRun<[bigint]>(connection, sql.pastForget);
  }

  /** History begins here: everything as it is at this revision can be read from now on. */
  begin(ns: number, at: Revision): void {
    // What an earlier history has left is still counted: its rows go in slices.
    const left = this.#stored(ns) ?? { rows: 0, bytes: 0 };
    this.#write(ns, { ...left, since: at });
  }

  /** History ends; its rows are forgotten in slices, as those of a trim to the head. */
  end(ns: number): void {
    const span = this.#stored(ns);
    if (span !== undefined) this.#write(ns, { ...span, since: hasEnded });
  }

  /** The namespace is gone, and every row with it. */
  drop(ns: number): void {
    this.#dropSpan.run(ns);
  }

  /**
   * What is kept of a namespace; undefined = no history, or one that has ended. Throws EngineError
   * "corrupt".
   */
  span(ns: number): PastSpan | undefined {
    const span = this.#stored(ns);
    return span?.since === hasEnded ? undefined : span;
  }

  /** Keeps the rows that a revision is about to replace, before they are written over. */
  keep(ns: number, span: PastSpan, replaced: readonly KvFacts[], until: Revision): void {
    if (replaced.length === 0) return;
    let { bytes } = span;
    for (const facts of replaced) {
      this.#copy.run(until, facts.rowId);
      bytes += facts.key.length + facts.valueBytes;
    }
    this.#write(ns, { ...span, rows: span.rows + replaced.length, bytes });
  }

  /** Forgets what was replaced up to and including `upTo`, at most so many; true = none is left. */
  trim(ns: number, upTo: Revision, rowsMax: number): boolean {
    const span = this.#stored(ns);
    const due = this.#due.all(ns, upTo, rowsMax);
    let freed = 0;
    for (const [id, bytes] of due) {
      this.#forget.run(id);
      freed += Number(bytes);
    }
    const finished = due.length < rowsMax;
    if (span?.since === hasEnded && finished) this.drop(ns);
    else if (span !== undefined) {
      const since = (span.since <= upTo ? upTo + 1n : span.since) as Revision;
      this.#write(ns, { since, rows: span.rows - due.length, bytes: span.bytes - freed });
    }
    return finished;
  }

  #stored(ns: number): PastSpan | undefined {
    const columns = this.#getSpan.get(ns);
    return columns === undefined ? undefined : storedSpanOf(ns, columns);
  }

  #write(ns: number, span: PastSpan): void {
    const columns = [span.since, BigInt(span.rows), BigInt(span.bytes)];
    this.#putSpan.run(ns, ...columns, factsChecksum([ns, ...columns]));
  }
}
