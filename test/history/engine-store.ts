/** The engine in the process of the test, asked through its own interface. */
import { prefixEnd } from "../../src/foundation/bytes.js";
import { EngineError } from "../../src/storage/errors.js";
import type { Entry, Operation, OperationResult, Revision } from "../../src/storage/model.js";
import { WatchReader } from "../engine/watch-reader.js";
import type { Ending } from "../support/temp-directory.js";
import {
  bytesOf,
  keyOf,
  okOf,
  putOf,
  type TempEngine,
  testNamespace,
  textOf,
} from "../support/temp-engine.js";
import {
  type Question,
  seenBatch,
  seenCas,
  seenDeleted,
  seenEntries,
  seenPut,
  seenTxn,
} from "./questions.js";
import { type Answer, absentEntry, type LoggedRevision, type Reply, type Store } from "./store.js";

export class EngineStore implements Store {
  readonly #temp: TempEngine;

  constructor(temp: TempEngine) {
    this.#temp = temp;
  }

  async ask(question: Question, deadlineMs: number): Promise<Reply> {
    try {
      const reading = question.kind === "get" || question.kind === "past";
      if (reading) return { kind: "answered", answer: await this.#get(question) };
      if (question.kind === "list") return { kind: "answered", answer: await this.#list(question) };
      return await this.#commit(question, deadlineMs);
    } catch (error) {
      // The engine throws to refuse, and what it refuses has not happened.
      if (error instanceof EngineError) return { kind: "nothing" };
      throw error;
    }
  }

  async #get(question: Question & { kind: "get" | "past" }): Promise<Answer> {
    const at = question.kind === "past" ? (question.revision as Revision) : undefined;
    const read = { keys: [keyOf(question.key)], at, keysOnly: false };
    const call = { deadlineMs: Infinity, cancelled: () => false };
    const { header, entries } = await this.#temp.engine.get(testNamespace, read, call);
    const entry = seenEntry(question.key, entries[0]);
    const seen = seenEntries([[entry.key, entry.value]]);
    return { seen, revision: header.revision, entries: [entry] };
  }

  async #list({ object }: Question & { kind: "list" }): Promise<Answer> {
    const start = bytesOf(object);
    const page = await this.#temp.list({ range: { start, end: prefixEnd(start) } });
    const entries = page.entries.map((entry) => seenEntry(textOf(entry.key), entry));
    const seen = seenEntries(entries.map(({ key, value }) => [key, value]));
    return { seen, revision: page.header.revision, entries };
  }

  async #commit(question: Mutation, deadlineMs: number): Promise<Reply> {
    const { success, ...guard } = requestOf(question);
    const call = { deadlineMs, cancelled: () => false };
    const outcome = await this.#temp.commit(success, { ...guard, call });
    if (outcome.kind === "unknown") return { kind: "unknown" };
    const { header, value } = okOf(outcome);
    const read = value.succeeded ? [] : guard.failure.map(({ key }) => key);
    const entries = read.map((key, at) => {
      const result = value.responses[at];
      return seenEntry(textOf(key), result?.kind === "got" ? result.entry : undefined);
    });
    const answer = {
      seen: seenOf(question, value.succeeded, value.responses, entries),
      revision: header.revision,
      entries,
    };
    return { kind: "answered", answer };
  }
}

type Mutation = Exclude<Question, { kind: "get" | "past" | "list" }>;

/** The engine has one form of request for all of them. */
function requestOf(question: Mutation) {
  switch (question.kind) {
    case "put": {
      const put = { ...putOf(question.key, question.value), returnPrevious: question.previous };
      return { success: [put], compares: [], failure: [] };
    }
    case "delete":
      return { success: [deletionOf(question.key)], compares: [], failure: [] };
    case "batch": {
      const puts = question.puts.map(([key, value]) => putOf(key, value));
      return { success: [...puts, ...question.deletes.map(deletionOf)], compares: [], failure: [] };
    }
    case "increment": {
      const { key, delta } = question;
      const increment: Operation = { kind: "increment", key: keyOf(key), delta, initial: 0n };
      return { success: [increment], compares: [], failure: [] };
    }
    case "cas": {
      const operand = { of: "mod-revision", value: question.expected.revision } as const;
      return {
        success: [putOf(question.key, question.value)],
        compares: [compareOf(question.key, operand)],
        failure: [getOf(question.key)],
      };
    }
    case "txn":
      return {
        success: question.puts.map(([key, value]) => putOf(key, value)),
        compares: question.compares.map(([key, value]) => compareOf(key, operandOf(value))),
        failure: question.puts.map(([key]) => getOf(key)),
      };
  }
}

function deletionOf(key: string): Operation {
  return { kind: "delete", span: { kind: "key", key: keyOf(key) }, returnPrevious: false };
}

/** Absent is a matter of the version; a value that is there is compared as it is. */
function operandOf(value: string | undefined) {
  if (value === undefined) return { of: "version", value: 0n } as const;
  return { of: "value", value: bytesOf(value) } as const;
}

function compareOf<Operand>(key: string, operand: Operand) {
  return { span: { kind: "key", key: keyOf(key) }, relation: "equal", operand } as const;
}

function getOf(key: string) {
  return { kind: "get", key: keyOf(key) } as const;
}

function seenOf(
  question: Mutation,
  succeeded: boolean,
  results: readonly OperationResult[],
  read: Answer["entries"],
): string {
  const [result] = results;
  switch (question.kind) {
    case "put": {
      const previous = result?.kind === "put" ? result.previous : undefined;
      const { key, value } = seenEntry(question.key, previous);
      return seenPut(question.previous ? [key, value] : undefined);
    }
    case "delete":
      return seenDeleted(hasDeleted(result));
    case "increment":
      return result?.kind === "incremented" ? String(result.value) : "no number";
    case "batch": {
      const deletions = results.slice(question.puts.length);
      return seenBatch(question.deletes.filter((_key, at) => hasDeleted(deletions[at])));
    }
    case "cas":
      return seenCas(succeeded);
    case "txn":
      return seenTxn(succeeded ? undefined : read.map(({ key, value }) => [key, value]));
  }
}

function hasDeleted(result: OperationResult | undefined): boolean {
  return result?.kind === "deleted" && result.count === 1;
}

function seenEntry(key: string, entry: Entry | undefined): Answer["entries"][number] {
  if (entry === undefined) return absentEntry(key);
  const { createRevision, modRevision, version } = entry;
  return { key, value: textOf(entry.value), createRevision, modRevision, version };
}

/** The log as a watcher gets it, from the first revision on. */
export async function engineLog(ending: Ending, temp: TempEngine): Promise<LoggedRevision[]> {
  const { revision: head } = await temp.head();
  const reader = await WatchReader.open(ending, temp, { from: 1n });
  const batches = await reader.through(head);
  return batches.map(({ revision, changes }) => ({
    revision,
    changes: changes.map(({ key, value, createRevision, version }) => {
      const name = textOf(key);
      if (value === null) return { ...absentEntry(name), modRevision: revision };
      return { key: name, value: textOf(value), createRevision, modRevision: revision, version };
    }),
  }));
}
