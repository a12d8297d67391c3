/**
 * Reads what sqlite/packed-row.ts makes SQLite pack: row after row, each verified before any of it is
 * used. One row at a time stands in the fields, so that a page of a thousand rows makes no object per
 * row; whoever keeps a row copies it into an entry.
 */
import { crc32c } from "../../foundation/crc32c.js";
import type { EngineError } from "../../storage/errors.js";
import type { Entry, Key, LeaseId, Revision } from "../../storage/model.js";
import type { Packable } from "../../storage/packed-entries.js";
import { damagedRow, type RowTable } from "../record/damaged-row.js";
import { rowChecksum } from "../record/row-checksum.js";
import { inlineValueBytesMax } from "../sqlite/packed-row.js";
import { deadlineOf } from "../state/lease-table.js";

/** How rows are read: with the values or without, trusting the file or not. */
export interface RowReading {
  readonly ns: number;
  readonly values: boolean;
  readonly verify: boolean;
  /** A value that is too long to come with its row. */
  longValue(from: RowTable, rowId: bigint): Uint8Array | undefined;
  /** The key of a row that cannot be read, to name it by. */
  storedKey(from: RowTable, rowId: bigint): Uint8Array | undefined;
}

const comma = ",".charCodeAt(0);
const semicolon = ";".charCodeAt(0);
const minus = "-".charCodeAt(0);
const zero = "0".charCodeAt(0);
/** No number begins with it. */
const absent = "!".charCodeAt(0);
const leaseColumns = 3;
/** So many digits are exact as a number. */
const exactDigits = 15;
const noBytes = new Uint8Array(0);

export class PackedRows implements Packable {
  rowId: number | bigint = 0;
  key: Uint8Array = noBytes;
  value: Uint8Array = noBytes;
  createRevision: number | bigint = 0;
  modRevision: number | bigint = 0;
  version: number | bigint = 0;
  expiresAtMs: number | undefined;
  leaseId: bigint | undefined;
  leaseDeadlineMs: number | undefined;
  readonly #reading: RowReading;
  readonly #bytes: Uint8Array;
  #from: RowTable = "kv";
  #at = 0;

  /** Null = what SQLite says of no rows at all. */
  constructor(bytes: Uint8Array | null, reading: RowReading) {
    this.#bytes = bytes ?? noBytes;
    this.#reading = reading;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next row, or false for a key without one. Throws EngineError "corrupt". */
  next(): boolean {
    if (this.#bytes[this.#at] === absent) {
      this.#at++;
      return false;
    }
    this.rowId = 0;
    this.rowId = this.#number(comma) ?? this.#unreadable();
    this.#from = this.#number(comma) === 0 ? "kv" : "past";
    this.createRevision = this.#number(comma) ?? this.#unreadable();
    this.modRevision = this.#number(comma) ?? this.#unreadable();
    this.version = this.#number(comma) ?? this.#unreadable();
    this.expiresAtMs = this.#time();
    const leaseId = this.#number(comma);
    this.leaseId = leaseId === undefined ? undefined : BigInt.asUintN(64, BigInt(leaseId));
    const leaseFrom = this.#at;
    for (let commas = 0; commas < leaseColumns; commas++) this.#number(comma);
    this.leaseDeadlineMs = this.#deadline(leaseFrom);
    const codec = Number(this.#number(comma) ?? this.#unreadable());
    const valueCrc = Number(this.#number(comma) ?? this.#unreadable());
    const checksum = Number(this.#number(comma) ?? this.#unreadable());
    const valueBytes = Number(this.#number(comma) ?? this.#unreadable());
    const keyBytes = Number(this.#number(semicolon) ?? this.#unreadable());
    this.key = this.#bytes.subarray(this.#at, this.#at + keyBytes);
    this.#at += keyBytes;
    if (this.#reading.verify) this.#verifyFacts({ codec, valueBytes, valueCrc, checksum });
    this.#takeValue(valueBytes, valueCrc);
    return true;
  }

  /** Key and value are views of what SQLite gave. */
  entry(): Entry {
    return {
      key: this.key as Key,
      value: this.value,
      createRevision: BigInt(this.createRevision) as Revision,
      modRevision: BigInt(this.modRevision) as Revision,
      version: BigInt(this.version),
      expiresAtMs: this.expiresAtMs,
      leaseId: this.leaseId as LeaseId | undefined,
    };
  }

  #verifyFacts(
    facts: Readonly<Record<"codec" | "valueBytes" | "valueCrc" | "checksum", number>>,
  ): void {
    const expected = rowChecksum(this.#reading.ns, {
      key: this.key,
      createRevision: this.createRevision,
      modRevision: this.modRevision,
      version: this.version,
      expiresAtMs: this.expiresAtMs,
      leaseId: this.leaseId,
      codec: facts.codec,
      valueBytes: facts.valueBytes,
      valueCrc: facts.valueCrc,
    });
    if (expected !== facts.checksum) throw this.#damaged();
  }

  #takeValue(valueBytes: number, valueCrc: number): void {
    if (!this.#reading.values) {
      this.value = noBytes;
      return;
    }
    if (valueBytes > inlineValueBytesMax) {
      this.value = this.#reading.longValue(this.#from, BigInt(this.rowId)) ?? noBytes;
    } else {
      this.value = this.#bytes.subarray(this.#at, this.#at + valueBytes);
      this.#at += valueBytes;
    }
    if (this.#reading.verify && crc32c(this.value) !== valueCrc) throw this.#damaged();
  }

  /** No time is negative, and to the checksum -1 is the same as none. */
  #time(): number | undefined {
    const ms = this.#number(comma);
    if (ms !== undefined && ms < 0) this.#unreadable();
    return ms === undefined ? undefined : Number(ms);
  }

  /** Of the lease that the row is bound to, whose columns are those from here on. */
  #deadline(from: number): number | undefined {
    const end = this.#at - 1;
    // Commas alone: it is bound to none.
    if (this.leaseId === undefined || end - from < leaseColumns) return undefined;
    const columns = Buffer.from(this.#bytes.subarray(from, end)).toString();
    return deadlineOf(this.#reading.ns, this.leaseId, columns);
  }

  /** Undefined = NULL. */
  #number(end: number): number | bigint | undefined {
    const bytes = this.#bytes;
    const from = this.#at;
    let at = from;
    const negative = bytes[at] === minus;
    if (negative) at++;
    let value = 0;
    let byte = bytes[at];
    while (byte !== end) {
      const digit = (byte ?? 0) - zero;
      if (digit < 0 || digit > 9) return this.#unreadable();
      value = value * 10 + digit;
      byte = bytes[++at];
    }
    this.#at = at + 1;
    if (at === from) return undefined;
    if (at - from > exactDigits) return BigInt(Buffer.from(bytes.subarray(from, at)).toString());
    return negative ? -value : value;
  }

  #unreadable(): never {
    throw this.#damaged();
  }

  /** Named by what its table says: the key in the fields may be that of the row before. */
  #damaged(): EngineError {
    const key = this.#reading.storedKey(this.#from, BigInt(this.rowId)) ?? noBytes;
    return damagedRow(this.#from, this.rowId, key);
  }
}
