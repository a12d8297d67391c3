/**
 * The namespaces: where each one's head stands, what it holds, how it is set. The writer keeps the
 * rows in memory; changes are staged with the transaction that writes them and become the present
 * only when its commit is certain.
 */
import { assert } from "../../foundation/assert.js";
import { EngineError } from "../../storage/errors.js";
import { namespacesMax } from "../../storage/limits.js";
import type { Namespace, Revision } from "../../storage/model.js";
import { defaultNamespaceSettings, type NamespaceSettings } from "../../storage/namespaces.js";
import { factsChecksum } from "../record/row-checksum.js";
import type { Connection } from "../sqlite/connection.js";
import { prepareNumber, prepareRows, prepareRun, sql } from "../sqlite/statements.js";

export interface NamespaceRow {
  readonly id: number;
  readonly name: Namespace;
  readonly createdAtMs: number;
  readonly head: Revision;
  /** Every change up to here is in kv. */
  readonly applied: Revision;
  readonly keys: number;
  readonly liveBytes: number;
  readonly settings: NamespaceSettings;
}

export type NamespaceColumns = [
  id: bigint,
  name: string,
  createdMs: bigint,
  head: bigint,
  applied: bigint,
  keys: bigint,
  liveBytes: bigint,
  settings: string,
  checksum: bigint,
];

/** Throws EngineError "corrupt" when the row's checksum differs. */
export function namespaceRowOf(columns: NamespaceColumns): NamespaceRow {
  const [id, name, createdMs, head, applied, keys, liveBytes, settings, checksum] = columns;
  if (checksumOf(columns) !== Number(checksum)) {
    throw new EngineError("corrupt", "a namespace row's checksum does not match its content", {
      hint: "run `kvdb integrity --checksum`, then restore a verified backup",
      facts: { table: "namespace", row_id: `${id}` },
    });
  }
  return {
    id: Number(id),
    name: name as Namespace,
    createdAtMs: Number(createdMs),
    head: head as Revision,
    applied: applied as Revision,
    keys: Number(keys),
    liveBytes: Number(liveBytes),
    settings: settingsFrom(settings),
  };
}

export class NamespaceTable {
  readonly #byName;
  readonly #count;
  readonly #idMax;
  readonly #insert;
  readonly #update;
  readonly #present = new Map<Namespace, NamespaceRow>();
  readonly #staged = new Map<Namespace, NamespaceRow>();
  readonly #new = new Set<Namespace>();

  constructor(connection: Connection) {
    this.#byName = prepareRows<[string], NamespaceColumns>(connection, sql.namespaceByName);
    this.#count = prepareNumber<[]>(connection, sql.namespaceCount);
    this.#idMax = prepareNumber<[]>(connection, sql.namespaceIdMax);
    this.#insert = prepareRun<(string | number | bigint)[]>(connection, sql.namespaceInsert);
    this.#update = prepareRun<(string | number | bigint)[]>(connection, sql.namespaceUpdate);
  }

  /** As the open transaction sees it. */
  find(name: Namespace): NamespaceRow | undefined {
    const known = this.#staged.get(name) ?? this.#present.get(name);
    if (known !== undefined) return known;
    const columns = this.#byName.get(name);
    if (columns === undefined) return undefined;
    const row = namespaceRowOf(columns);
    this.#present.set(name, row);
    return row;
  }

  /** A row that does not exist yet, to be staged once something is written to it. */
  fresh(name: Namespace, nowMs: number, settings: Partial<NamespaceSettings>): NamespaceRow {
    if ((this.#count.get() ?? 0) + this.#new.size >= namespacesMax) {
      throw new EngineError("limit-exceeded", `a store holds at most ${namespacesMax} namespaces`, {
        hint: "delete a namespace, or put its keys under a prefix of another one",
        facts: { limit: "namespaces", max: `${namespacesMax}` },
      });
    }
    return {
      id: (this.#idMax.get() ?? 0) + this.#new.size + 1,
      name,
      createdAtMs: nowMs,
      head: 0n as Revision,
      applied: 0n as Revision,
      keys: 0,
      liveBytes: 0,
      settings: { ...defaultNamespaceSettings, ...settings },
    };
  }

  /** The row as it shall be; written by `write`, present after `promote`. */
  stage(row: NamespaceRow): void {
    if (this.find(row.name) === undefined) this.#new.add(row.name);
    this.#staged.set(row.name, row);
  }

  /** Writes what was staged into the open transaction. */
  write(): void {
    for (const row of this.#staged.values()) {
      const settings = JSON.stringify(row.settings);
      const columns: NamespaceColumns = [
        BigInt(row.id),
        row.name,
        BigInt(row.createdAtMs),
        row.head,
        row.applied,
        BigInt(row.keys),
        BigInt(row.liveBytes),
        settings,
        0n,
      ];
      const checksum = checksumOf(columns);
      if (this.#new.has(row.name)) {
        this.#insert.run(...columns.slice(0, -1), checksum);
      } else {
        const changed = this.#update.run(...columns.slice(3, -1), checksum, row.id).changes;
        assert(changed === 1, "a namespace that is present has a row");
      }
    }
  }

  /** The commit is certain. */
  promote(): void {
    for (const [name, row] of this.#staged) this.#present.set(name, row);
    this.forget();
  }

  /** The commit did not happen. */
  forget(): void {
    this.#staged.clear();
    this.#new.clear();
  }
}

function checksumOf(columns: NamespaceColumns): number {
  return factsChecksum(columns.slice(0, -1));
}

/** JSON drops undefined, so a setting that is absent takes its default. */
function settingsFrom(text: string): NamespaceSettings {
  return { ...defaultNamespaceSettings, ...(JSON.parse(text) as Partial<NamespaceSettings>) };
}
