/**
 * What a client in any language must be answered. The clients run these cases by these names, in
 * this order, in a namespace of their own, and print what they got.
 */

export interface PolyglotAnswer {
  readonly case: string;
  readonly code: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly reason?: string;
  readonly domain?: string;
  /** True: the error's metadata has a hint. */
  readonly hint?: boolean;
}

function answered(name: string, facts: Readonly<Record<string, unknown>>): PolyglotAnswer {
  return { case: name, code: "OK", facts };
}

function refused(name: string, code: string, reason: string): PolyglotAnswer {
  return { case: name, code, reason, domain: "kvdb", hint: true };
}

export function expectedAnswers(namespace: string): readonly PolyglotAnswer[] {
  return [
    answered("put a new key", { revision: "1", namespace }),
    refused("put it again, if absent", "ALREADY_EXISTS", "KEY_EXISTS"),
    answered("get it", { found: true, value: "AP8=", version: "1" }),
    answered("get an absent key", { found: false }),
    refused("get an empty key", "INVALID_ARGUMENT", "KEY_EMPTY"),
    refused("put it, if at another version", "ABORTED", "CONDITION_FAILED"),
    refused("rename an absent key", "NOT_FOUND", "KEY_NOT_FOUND"),
    answered("increment twice under one id", { values: ["5", "5"] }),
    answered("load two chunks", { chunks: ["1", "2"] }),
    answered("list a prefix", { keys: ["bulk/1", "bulk/2"] }),
    answered("scan everything", { keys: ["a", "bulk/1", "bulk/2", "n"] }),
    answered("checkpoint", { outcome: "CHECKPOINT_OUTCOME_TRUNCATED" }),
    answered("read the pragmas", { journal_mode: "wal", drift: false }),
  ];
}
