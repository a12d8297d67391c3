/**
 * What a store must hold at any moment of a recording: at least what had been acknowledged by then,
 * exactly as the history has it, and nothing half. The recording is walked once, forward.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type FoundEntry, NamespaceHistory } from "./namespace-history.js";

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
  readonly doneAt: number;
}

export interface Story {
  /**
   * Every history that may turn out to be the true one. More than one when the fate of a write
   * is unknown and its revision was given to another.
   */
  readonly histories: readonly (readonly NamespaceHistory[])[];
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
    for (const history of this.#story.histories) {
      const wrong = this.#judgeBy(history, found);
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
    if (deletion !== undefined && this.#at >= deletion.doneAt) {
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

interface StoryText {
  readonly histories: readonly (readonly { name: string; changes: readonly Columns[] }[])[];
  readonly acknowledgements: readonly Acknowledgement[];
  readonly deletions: readonly Deletion[];
}

/** For the processes that check the states. */
export function saveStory(file: string, story: Story): void {
  const text: StoryText = {
    ...story,
    histories: story.histories.map((histories) => {
      return histories.map(({ name, changes }) => ({ name, changes: changes.map(columnsOf) }));
    }),
  };
  writeFileSync(file, JSON.stringify(text), { mode: 0o600 });
}

export function loadStory(file: string): Story {
  const text = JSON.parse(readFileSync(file, "utf8")) as StoryText;
  return {
    ...text,
    histories: text.histories.map((histories) => {
      return histories.map(({ name, changes }) => {
        return new NamespaceHistory(
          name,
          changes.map(([revision, key, value]) => ({
            revision,
            key: bytesOf(key),
            value: value === null ? undefined : bytesOf(value),
          })),
        );
      });
    }),
  };
}

function columnsOf(change: NamespaceHistory["changes"][number]): Columns {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const value = change.value === undefined ? null : text(change.value);
  return [change.revision, text(change.key), value];
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
