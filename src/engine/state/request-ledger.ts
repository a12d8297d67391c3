/**
 * Which request ids were answered, and how: the promise that a retry has the effect of one request.
 * An id is written in the transaction of its effect, so it survives exactly when the effect does.
 * Ids younger than the window are never forgotten; when there is no room, new ids are refused.
 */
import { equalBytes } from "../../foundation/bytes.js";
import { EngineError } from "../../storage/errors.js";
import {
  ledgerAnswerBytesMax,
  ledgerEntriesMax,
  ledgerSweepRows,
  ledgerWindowMs,
} from "../../storage/limits.js";
import type { RequestId, Revision } from "../../storage/model.js";
import { damagedStoreHint } from "../damage-hints.js";
import { factsChecksum } from "../record/row-checksum.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareNumber, prepareRows, prepareRun, sql } from "../sqlite/statements.js";

type LedgerColumns = [
  rev: bigint,
  timeMs: bigint,
  digest: Uint8Array,
  answer: Uint8Array,
  checksum: bigint,
];

export interface Recorded {
  readonly revision: Revision;
  /** Encoded TxnResult of the first time. */
  readonly answer: Uint8Array;
}

export class RequestLedger {
  readonly #get;
  readonly #insert;
  readonly #drop;
  readonly #forget;
  readonly #span;
  readonly #oldest;
  #count: number;
  /** No id is older than this. */
  #oldestMs = 0;

  constructor(connection: Connection) {
    this.#get = prepareRows<[number, string], LedgerColumns>(connection, sql.ledgerGet);
    this.#insert = prepareRun<unknown[]>(connection, sql.ledgerInsert);
    this.#drop = prepareRun<[number, string]>(connection, sql.ledgerDrop);
    this.#forget = prepareRun<[number, number]>(connection, sql.ledgerForget);
    this.#span = prepareNumber<[]>(connection, sql.ledgerSpan);
    this.#oldest = prepareNumber<[]>(connection, sql.ledgerOldest);
    this.#count = this.#span.get() ?? 0;
  }

  /**
   * The first answer to this id, or undefined when it is new. Throws "request-id-reused" when the
   * id stands for another request, "overloaded" when a new id would find no room.
   */
  find(ns: number, id: RequestId, digest: Uint8Array, nowMs: number): Recorded | undefined {
    const row = this.#get.get(ns, id);
    if (row === undefined || Number(row[1]) < nowMs - ledgerWindowMs) {
      if (this.#count >= ledgerEntriesMax) throw noRoom();
      return undefined;
    }
    const [revision, timeMs, recordedDigest, answer, checksum] = row;
    if (factsChecksum([ns, id, revision, timeMs, recordedDigest, answer]) !== Number(checksum)) {
      throw new EngineError("corrupt", "a recorded request does not match its checksum", {
        hint: damagedStoreHint,
        facts: { table: "ledger" },
      });
    }
    if (!equalBytes(recordedDigest, digest)) {
      throw new EngineError("request-id-reused", "this request id belongs to another request", {
        hint: "use a new request id for every new request; repeat one only with the same body",
      });
    }
    return { revision: revision as Revision, answer };
  }

  record(
    ns: number,
    request: {
      readonly id: RequestId;
      readonly digest: Uint8Array;
      readonly answer: Uint8Array;
      readonly revision: Revision;
      readonly nowMs: number;
    },
  ): void {
    const columns = [request.id, request.revision, BigInt(request.nowMs)];
    const bytes = [request.digest, request.answer];
    this.#drop.run(ns, request.id);
    this.#insert.run(ns, ...columns, ...bytes, factsChecksum([ns, ...columns, ...bytes]));
    this.#count++;
    this.#forgetOld(request.nowMs);
  }

  /** Throws "limit-exceeded" for an answer too large to be remembered. */
  static assertRecordable(answer: Uint8Array): void {
    if (answer.length <= ledgerAnswerBytesMax) return;
    throw new EngineError(
      "limit-exceeded",
      `a request with an id may answer at most ${ledgerAnswerBytesMax} bytes`,
      {
        hint: "read less in one transaction, or send it without a request id",
        facts: { limit: "recorded_answer_bytes", max: `${ledgerAnswerBytesMax}` },
      },
    );
  }

  #forgetOld(nowMs: number): void {
    const before = nowMs - ledgerWindowMs;
    if (this.#oldestMs >= before) return;
    this.#forget.run(ledgerSweepRows, before);
    this.#oldestMs = this.#oldest.get() ?? nowMs;
    this.#count = this.#span.get() ?? 0;
  }
}

function noRoom(): EngineError {
  return new EngineError("overloaded", "no more request ids can be remembered", {
    hint: "retry later: ids are kept for ten minutes, so that every retry finds its first answer",
    facts: { limit: "ledger_entries", max: `${ledgerEntriesMax}` },
  });
}
