/**
 * What a store must hold at any moment of a recording: at least what had been acknowledged by then,
 * exactly as the history has it, and nothing half. The recording is walked once, forward.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type FoundEntry, NamespaceHistory, type RecordedChange } from "./namespace-history.js";

export interface Acknowledgement {
  /** Of the operation with which the answer left. */
  readonly at: number;
  readonly namespace: string;
  readonly revision: number;
}

/** A namespace that was deleted: gone after `doneAt`, there before `askedAt`, either in between. */
export interface Deletion {
  readonly namespace: string;
  readonly askedAt: number;
  /** Undefined: there was no answer. */
  readonly doneAt?: number;
}

export interface History {
  /** Not the true one after this operation; undefined = to the end. */
  readonly until: number | undefined;
  readonly namespaces: readonly NamespaceHistory[];
}

export interface Story {
  /**
   * Every history that may turn out to be the true one. More than one when the fate of a write
   * is unknown and its revision was given to another.
   */
  readonly histories: readonly History[];
  readonly acknowledgements: readonly Acknowledgement[];
  readonly deletions: readonly Deletion[];
}

export interface FoundNamespace {
  readonly name: string;
  readonly head: bigint;
  readonly entries: readonly FoundEntry[];
}

export class Timeline {
  readonly #story: Story;
  readonly #required = new Map<string, number>();
  #next = 0;
  #at = -1;

  constructor(story: Story) {
    const acknowledgements = [...story.acknowledgements].sort((a, b) => a.at - b.at);
    this.#story = { ...story, acknowledgements };
  }

  /** Everything up to and including this operation has happened. Only forward. */
  moveTo(index: number): void {
    this.#at = index;
    const { acknowledgements } = this.#story;
    for (;;) {
      const next = acknowledgements[this.#next];
      if (next === undefined || next.at > index) return;
      const before = this.#required.get(next.namespace) ?? 0;
      this.#required.set(next.namespace, Math.max(before, next.revision));
      this.#next++;
    }
  }

  /** Acknowledged by now, over all namespaces. */
  get acknowledged(): number {
    return this.#next;
  }

  /** What is wrong with a store that a restart found at this moment; undefined = nothing. */
  judge(found: readonly FoundNamespace[]): string | undefined {
    let first: string | undefined;
    for (const { until, namespaces } of this.#story.histories) {
      if (until !== undefined && this.#at > until) continue;
      const wrong = this.#judgeBy(namespaces, found);
      if (wrong === undefined) return undefined;
      first ??= wrong;
    }
    return first;
  }

  #judgeBy(
    histories: readonly NamespaceHistory[],
    found: readonly FoundNamespace[],
  ): string | undefined {
    for (const history of histories) {
      const there = found.find(({ name }) => name === history.name);
      const wrong = this.#judgeNamespace(history, there);
      if (wrong !== undefined) return wrong;
    }
    const strange = found.find(({ name }) => !histories.some((history) => history.name === name));
    return strange === undefined ? undefined : `there is a namespace ${strange.name}`;
  }

  #judgeNamespace(
    history: NamespaceHistory,
    found: FoundNamespace | undefined,
  ): string | undefined {
    const { name } = history;
    const deletion = this.#story.deletions.find(({ namespace }) => namespace === name);
    const required = this.#required.get(name) ?? 0;
    if (deletion?.doneAt !== undefined && this.#at >= deletion.doneAt) {
      return found === undefined ? undefined : `${name} was deleted and is there`;
    }
    if (found === undefined) {
      const mayBeGone = deletion !== undefined && this.#at >= deletion.askedAt;
      return required === 0 || mayBeGone
        ? undefined
        : `${name} is missing, revision ${String(required)} was acknowledged`;
    }
    const head = Number(found.head);
    if (head < required) {
      return `${name} ends at revision ${String(head)}, but ${String(required)} was acknowledged`;
    }
    return history.differenceAt(head, found.entries);
  }
}

type Columns = readonly [revision: number, key: string, value: string | null];

interface HistoryText {
  readonly until?: number;
  readonly namespaces: readonly { readonly name: string; readonly changes: readonly Columns[] }[];
}

interface StoryText {
  readonly histories: readonly HistoryText[];
  readonly acknowledgements: readonly Acknowledgement[];
  readonly deletions: readonly Deletion[];
}

/** For the processes that check the states. */
export function saveStory(file: string, story: Story): void {
  const { acknowledgements, deletions } = story;
  const histories = story.histories.map<HistoryText>(({ until, namespaces }) => ({
    ...(until !== undefined && { until }),
    namespaces: namespaces.map(({ name, changes }) => ({ name, changes: changes.map(columnsOf) })),
  }));
  const text: StoryText = { histories, acknowledgements, deletions };
  writeFileSync(file, JSON.stringify(text), { mode: 0o600 });
}

export function loadStory(file: string): Story {
  const text = JSON.parse(readFileSync(file, "utf8")) as StoryText;
  const histories = text.histories.map(({ until, namespaces }) => ({
    until,
    namespaces: namespaces.map(({ name, changes }) => {
      return new NamespaceHistory(name, changes.map(changeOf));
    }),
  }));
  return { ...text, histories };
}

function columnsOf(change: RecordedChange): Columns {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const value = change.value === undefined ? null : text(change.value);
  return [change.revision, text(change.key), value];
}

function changeOf([revision, key, value]: Columns): RecordedChange {
  return { revision, key: bytesOf(key), value: value === null ? undefined : bytesOf(value) };
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
