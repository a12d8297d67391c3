/**
 * What is known to be damaged, and what follows from it. A row that does not match its checksum is
 * counted and told once; a page that cannot be read, or damage that a check or the scrubber found,
 * meets the policy: the process ends, the store becomes read-only, or it is only told.
 */
import type { Log } from "../../observability/log.js";
import type { BoundCounter, Metrics } from "../../observability/metrics.js";
import { EngineError } from "../../storage/errors.js";
import { damagedPlacesToldMax } from "../../storage/limits.js";
import type { AlarmBoard } from "../alarm-board.js";
import type { EngineOptions, EnginePorts } from "../engine-options.js";
import type { EngineLife } from "../engine-state.js";
import type { DamagedPlace, PagePlaces } from "./page-places.js";

export interface DamagePorts {
  readonly policy: EngineOptions["integrityFailurePolicy"];
  readonly log: Log;
  readonly metrics: Metrics;
  readonly alarms: AlarmBoard;
  readonly life: EngineLife;
  readonly onFatal: EnginePorts["onFatal"];
}

const tablesNamedByRow = ["kv", "past", "namespace", "log_span", "past_span"];
const wholeNumber = /^-?\d+$/;

export class DamageWatch {
  readonly #ports: DamagePorts;
  readonly #rows: BoundCounter;
  readonly #repeated: BoundCounter;
  /** Places that the log has named, with their pages: a damaged row may be read all the time. */
  readonly #told = new Map<string, string | undefined>();
  #pages: PagePlaces | undefined;

  constructor(ports: DamagePorts) {
    this.#ports = ports;
    this.#rows = ports.metrics.counter("rowChecksumErrors");
    this.#repeated = ports.metrics.counter("readsRepeated");
  }

  /** From here on pages are named; before there is nobody who could look them up. */
  nameBy(pages: PagePlaces): void {
    this.#pages = pages;
  }

  /** After the last connection is closed: lets go of the file. Twice is fine. */
  close(): void {
    this.#pages?.close();
  }

  /** Of a place, as "17, 20-34"; undefined = not known. */
  pagesOf(place: DamagedPlace): string | undefined {
    return this.#pages?.textOf(place);
  }

  /** A read met it twice. Returns the pages it is on, if they are known. */
  note({ message, facts }: Pick<EngineError, "message" | "facts">): string | undefined {
    const { table = "", row_id: rowId, key_hash: keyHash, code } = facts;
    this.#rows.add();
    const pages = this.#tell(facts, { table, rowId, keyHash, code });
    const place = withPages(rowId === undefined ? message : `${table} row ${rowId}`, pages);
    if (code === undefined) this.#ports.alarms.raise("DAMAGED_ROWS", `damage met: ${place}`);
    else this.found("a page that a read needed is damaged", place);
    return pages;
  }

  /** Runs a read; what it finds damaged is noted on the way out. */
  watching<T>(read: () => T): T {
    try {
      const result = read();
      if (!(result instanceof Promise)) return result;
      return result.catch((cause: unknown) => {
        throw this.noted(cause);
      }) as T;
    } catch (cause) {
      throw this.noted(cause);
    }
  }

  /** The same error, noted and with the pages when it says that something is damaged. */
  noted(cause: unknown): unknown {
    if (!(cause instanceof EngineError) || cause.kind !== "corrupt") return cause;
    const pages = this.note(cause);
    if (pages === undefined) return cause;
    const { message, hint, facts } = cause;
    return new EngineError("corrupt", message, { hint, facts: { ...facts, pages }, cause });
  }

  /** A read failed once and was right the second time. */
  noteRepeated(code: string): void {
    this.#repeated.add();
    this.#ports.log.event("integrity.read-repeated", { code });
  }

  /** Damage of the file itself, or of rows that nobody has asked for yet. */
  found(reason: string, detail: string): void {
    const { policy, life, alarms, onFatal } = this.#ports;
    alarms.raise("INTEGRITY_FAILED", `${reason}: ${detail}`);
    switch (policy) {
      case "refuse":
        if (life.is("failed", "closed")) return;
        life.moveTo("failed", reason);
        onFatal({ kind: "damaged", reason });
        return;
      case "readonly":
        if (life.is("recovering", "serving")) life.moveTo("read_only", reason);
        return;
      case "warn":
        return;
    }
  }

  /** Once per place; every time with the same answer. */
  #tell(
    facts: EngineError["facts"],
    fields: Readonly<Record<string, string | undefined>>,
  ): string | undefined {
    const place = `${facts["table"] ?? ""} ${facts["row_id"] ?? facts["code"] ?? ""}`;
    if (this.#told.has(place)) return this.#told.get(place);
    if (this.#told.size >= damagedPlacesToldMax) return undefined;
    const found = placeOf(facts);
    const pages = found === undefined ? undefined : this.pagesOf(found);
    this.#told.set(place, pages);
    this.#ports.log.event("integrity.row-damaged", { ...fields, pages });
    return pages;
  }
}

/** As people are told: the place, and where it is in the file. */
export function withPages(place: string, pages: string | undefined): string {
  return pages === undefined ? place : `${place} (page ${pages})`;
}

/** What a refusal says about its row; the ids of some tables are no row ids of SQLite. */
function placeOf(facts: EngineError["facts"]): DamagedPlace | undefined {
  const { table = "", row_id: rowId = "", code } = facts;
  if (code !== undefined) return { kind: "somewhere" };
  const isNamed = tablesNamedByRow.includes(table) && wholeNumber.test(rowId);
  return isNamed ? { kind: "row", table, rowId: BigInt(rowId) } : undefined;
}
