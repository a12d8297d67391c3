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

export interface DamagePorts {
  readonly policy: EngineOptions["integrityFailurePolicy"];
  readonly log: Log;
  readonly metrics: Metrics;
  readonly alarms: AlarmBoard;
  readonly life: EngineLife;
  readonly onFatal: EnginePorts["onFatal"];
}

export class DamageWatch {
  readonly #ports: DamagePorts;
  readonly #rows: BoundCounter;
  readonly #repeated: BoundCounter;
  /** Places that the log has named already: a damaged row may be read a thousand times a second. */
  readonly #told = new Set<string>();

  constructor(ports: DamagePorts) {
    this.#ports = ports;
    this.#rows = ports.metrics.counter("rowChecksumErrors");
    this.#repeated = ports.metrics.counter("readsRepeated");
  }

  /** A read met it twice. */
  note({ message, facts }: Pick<EngineError, "message" | "facts">): void {
    const { table = "", row_id: rowId, key_hash: keyHash, code } = facts;
    this.#rows.add();
    this.#tell(`${table} ${rowId ?? code ?? ""}`, { table, rowId, keyHash, code });
    const place = rowId === undefined ? message : `${table} row ${rowId}`;
    if (code === undefined) this.#ports.alarms.raise("DAMAGED_ROWS", `damage met: ${place}`);
    else this.found("a page that a read needed is damaged", place);
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

  /** The same error, noted when it says that something is damaged. */
  noted(cause: unknown): unknown {
    if (cause instanceof EngineError && cause.kind === "corrupt") this.note(cause);
    return cause;
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

  #tell(place: string, fields: Readonly<Record<string, string | undefined>>): void {
    if (this.#told.has(place) || this.#told.size >= damagedPlacesToldMax) return;
    this.#told.add(place);
    this.#ports.log.event("integrity.row-damaged", fields);
  }
}
