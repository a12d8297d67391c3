/** What the changes of a revision replaced, on the main thread's connection: a row for each key. */
import { EngineError } from "../../storage/errors.js";
import type { Change } from "../../storage/log-entry.js";
import type { Entry, Namespace, Revision } from "../../storage/model.js";
import type { Connection } from "../sqlite/connection.js";
import { type KvFactsRow, prepareRows, sql } from "../sqlite/statements.js";
import { entryOf, factsOf } from "../state/kv-row.js";
import { PastReader } from "./past-reader.js";
import { readAnew } from "./second-look.js";

const factsColumns = 12;
const noValue = new Uint8Array(0);

export class PreviousEntries {
  readonly #connection: Connection;
  readonly #onRepeated: (code: string) => void;
  readonly #past: PastReader;
  readonly #namespaceId;
  readonly #verify: boolean;

  constructor(
    connection: Connection,
    options: { readonly verifyChecksums: boolean; onRepeated(code: string): void },
  ) {
    this.#connection = connection;
    this.#onRepeated = (code) => {
      options.onRepeated(code);
    };
    this.#past = new PastReader(connection);
    this.#namespaceId = prepareRows<[string], [bigint, bigint]>(connection, sql.headGet);
    this.#verify = options.verifyChecksums;
  }

  /** Throws "history-off" when the namespace does not keep what its changes replace. */
  assertKept(namespace: Namespace): void {
    const ns = this.#idOf(namespace);
    if (ns !== undefined && this.#past.since(ns) !== undefined) return;
    throw new EngineError("history-off", "this namespace does not keep replaced versions", {
      hint: "watch without previous entries, or turn history reads on for the namespace",
    });
  }

  /** One per change. Throws "revision-compacted" when one was there and is not kept any more. */
  of(
    namespace: Namespace,
    batch: { readonly revision: Revision; readonly changes: readonly Change[] },
    keysOnly: boolean,
  ): (Entry | undefined)[] {
    const read = (): (Entry | undefined)[] => {
      const ns = this.#idOf(namespace);
      return batch.changes.map((change) => {
        if (ns === undefined) throw forgotten(batch.revision);
        return this.#replacedBy(ns, change, { revision: batch.revision, keysOnly });
      });
    };
    return readAnew(this.#connection, read, this.#onRepeated);
  }

  /**
   * A key that begins anew (version 1) may stand in the place of one that had run out and was not
   * taken away yet: that was no entry any more. Where it was one the change says so; entries of a log
   * that was written before changes did may leave it out, if it had a lifetime.
   */
  #replacedBy(
    ns: number,
    change: Change,
    { revision, keysOnly }: { readonly revision: Revision; readonly keysOnly: boolean },
  ): Entry | undefined {
    const begins = change.value !== null && change.version === 1n && change.takesOver !== true;
    const row = this.#past.replacedBy(ns, change.key, revision);
    if (row === undefined) {
      if (begins) return undefined;
      throw forgotten(revision);
    }
    const origin = { ns, table: "past", verify: this.#verify } as const;
    const facts = factsOf(row.slice(0, factsColumns) as KvFactsRow, origin);
    const mayHaveEnded = facts.expiresAtMs !== undefined || facts.leaseId !== undefined;
    if (begins && mayHaveEnded) return undefined;
    if (keysOnly) return entryOf(facts, noValue, false);
    return entryOf(facts, row[factsColumns], this.#verify);
  }

  #idOf(namespace: Namespace): number | undefined {
    const row = this.#namespaceId.get(namespace);
    return row === undefined ? undefined : Number(row[0]);
  }
}

function forgotten(revision: Revision): EngineError {
  return new EngineError("revision-compacted", `what revision ${revision} replaced is not kept`, {
    hint: "start at a newer revision, or watch without previous entries",
  });
}
