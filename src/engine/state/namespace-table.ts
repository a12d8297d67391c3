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
import { damagedStoreHint } from "../damage-hints.js";
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
      hint: damagedStoreHint,
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
  readonly #delete;
  readonly #dropName;
  readonly #insert;
  readonly #update;
  readonly #present = new Map<Namespace, NamespaceRow>();
  readonly #staged = new Map<Namespace, NamespaceRow>();
  readonly #new = new Set<Namespace>();
  readonly #gone = new Set<Namespace>();

  constructor(connection: Connection) {
    this.#byName = prepareRows<[string], NamespaceColumns>(connection, sql.namespaceByName);
    this.#count = prepareNumber<[string]>(connection, sql.namespaceCount);
    this.#delete = prepareRun<[number]>(connection, sql.namespaceDelete);
    this.#dropName = prepareRun<[string]>(connection, sql.namespaceDropName);
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
    if ((this.#count.get(lastTombstone) ?? 0) + this.#new.size >= namespacesMax) {
      throw new EngineError("limit-exceeded", `a store holds at most ${namespacesMax} namespaces`, {
        hint: "delete a namespace, or put its keys under a prefix of another one",
        facts: { limit: "namespaces", max: `${namespacesMax}` },
      });
    }
    const buried = this.#byName.get(tombstoneOf(name));
    const before = buried === undefined ? undefined : namespaceRowOf(buried);
    return {
      id: before?.id ?? this.nextId(),
      name,
      createdAtMs: nowMs,
      head: before?.head ?? (0n as Revision),
      applied: before?.head ?? (0n as Revision),
      keys: 0,
      liveBytes: 0,
      settings: { ...defaultNamespaceSettings, ...settings },
    };
  }

  nextId(): number {
    return (this.#idMax.get() ?? 0) + this.#new.size + 1;
  }

  /**
   * Takes the name away and remembers its head under a new id, so that a namespace made later under
   * this name goes on above it. The deletion takes a revision that is in no log: the head of before
   * cannot be read as the empty state, and a watch that resumes after it learns that it missed
   * something. What stands under the old id is for others to purge.
   */
  bury(row: NamespaceRow): NamespaceRow {
    const id = this.nextId();
    const head = (row.head + 1n) as Revision;
    this.#delete.run(row.id);
    const buried: NamespaceRow = {
      id,
      name: tombstoneOf(row.name),
      createdAtMs: row.createdAtMs,
      head,
      applied: head,
      keys: 0,
      liveBytes: 0,
      settings: defaultNamespaceSettings,
    };
    this.#insertRow(buried);
    this.#gone.add(row.name);
    return buried;
  }

  /** The row as it shall be; written by `write`, present after `promote`. */
  stage(row: NamespaceRow): void {
    if (this.find(row.name) === undefined) this.#new.add(row.name);
    this.#staged.set(row.name, row);
  }

  /** Writes what was staged into the open transaction. */
  write(): void {
    for (const row of this.#staged.values()) {
      if (this.#new.has(row.name)) {
        this.#dropName.run(tombstoneOf(row.name));
        this.#insertRow(row);
      } else {
        const columns = columnsOf(row);
        const checksum = checksumOf(columns);
        const changed = this.#update.run(...columns.slice(3, -1), checksum, row.id).changes;
        assert(changed === 1, "a namespace that is present has a row");
      }
    }
  }

  /** The commit is certain. */
  promote(): void {
    for (const name of this.#gone) this.#present.delete(name);
    for (const [name, row] of this.#staged) this.#present.set(name, row);
    this.forget();
  }

  /** The commit did not happen. */
  forget(): void {
    this.#staged.clear();
    this.#new.clear();
    this.#gone.clear();
  }

  #insertRow(row: NamespaceRow): void {
    const columns = columnsOf(row);
    this.#insert.run(...columns.slice(0, -1), checksumOf(columns));
  }
}

/** Before every name that a client may choose, so that no look-up and no list can find one. */
export const lastTombstone = "!~";

function tombstoneOf(name: Namespace): Namespace {
  return `!${name}` as Namespace;
}

function columnsOf(row: NamespaceRow): NamespaceColumns {
  return [
    BigInt(row.id),
    row.name,
    BigInt(row.createdAtMs),
    row.head,
    row.applied,
    BigInt(row.keys),
    BigInt(row.liveBytes),
    JSON.stringify(row.settings),
    0n,
  ];
}

function checksumOf(columns: NamespaceColumns): number {
  return factsChecksum(columns.slice(0, -1));
}

/** JSON drops undefined, so a setting that is absent takes its default. */
function settingsFrom(text: string): NamespaceSettings {
  return { ...defaultNamespaceSettings, ...(JSON.parse(text) as Partial<NamespaceSettings>) };
}
