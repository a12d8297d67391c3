/**
 * The story that the marks of one or more runs of the engine on its own tell: which writes were
 * acknowledged as which revision, and which may or may not have happened.
 */
import { NamespaceHistory, type RecordedChange } from "../history/namespace-history.js";
import type { Acknowledgement, Deletion, History, Story } from "../history/timeline.js";
import type { Operation } from "../recording/operation-log.js";
import { effectsOf } from "./solo-order.js";

interface Asked {
  readonly write: number;
  readonly namespace: string;
}

interface KnownWrite extends Asked {
  readonly revision: number;
}

export interface SoloStory extends Story {
  /** Writes that were answered with "nothing happened". */
  readonly refused: readonly { readonly write: number; readonly why: string }[];
  /** Writes that were never answered. */
  readonly unanswered: number;
}

export function soloStoryOf(operations: readonly Operation[]): SoloStory {
  const reading = new MarkReading();
  for (const operation of operations) {
    if (operation.kind === "marked") reading.add(operation.text, operation.index);
  }
  return reading.story();
}

class MarkReading {
  readonly #known: KnownWrite[] = [];
  readonly #acknowledgements: Acknowledgement[] = [];
  readonly #deletions = new Map<string, Deletion>();
  readonly #refused: { write: number; why: string }[] = [];
  /** Histories that ended with a write of which the next start knew nothing. */
  readonly #abandoned: History[] = [];
  #open: Asked | undefined;
  #unanswered = 0;

  add(text: string, at: number): void {
    const [word = "", ...rest] = text.split(" ");
    const [first = "", second = "", third = ""] = rest;
    switch (word) {
      case "asked":
        this.#open = { write: Number(first), namespace: second };
        return;
      case "done":
        this.#known.push({ write: Number(first), namespace: second, revision: Number(third) });
        this.#acknowledgements.push({ at, namespace: second, revision: Number(third) });
        this.#open = undefined;
        return;
      case "refused":
        this.#refused.push({ write: Number(first), why: second });
        this.#open = undefined;
        return;
      case "opened":
        this.#reopened({ namespace: first, head: Number(second), at });
        return;
      case "asked-deletion":
        this.#deletions.set(first, { namespace: first, askedAt: at });
        return;
      case "done-deletion": {
        const asked = this.#deletions.get(first);
        if (asked !== undefined) this.#deletions.set(first, { ...asked, doneAt: at });
      }
    }
  }

  story(): SoloStory {
    const maybe = this.#open;
    if (maybe !== undefined) this.#unanswered++;
    const known: History = { until: undefined, namespaces: historiesOf(this.#known) };
    const ghosts = maybe === undefined ? [] : [this.#withMaybe(maybe, undefined)];
    return {
      histories: [known, ...ghosts, ...this.#abandoned],
      acknowledgements: this.#acknowledgements,
      deletions: [...this.#deletions.values()],
      refused: this.#refused,
      unanswered: this.#unanswered,
    };
  }

  /** A start shows whether the write without an answer has happened. */
  #reopened(found: { namespace: string; head: number; at: number }): void {
    const maybe = this.#open;
    if (maybe?.namespace !== found.namespace) return;
    this.#unanswered++;
    this.#open = undefined;
    const revision = this.#headOf(maybe.namespace) + 1;
    if (found.head === revision) this.#known.push({ ...maybe, revision });
    else this.#abandoned.push(this.#withMaybe(maybe, found.at));
  }

  #withMaybe(maybe: Asked, until: number | undefined): History {
    const revision = this.#headOf(maybe.namespace) + 1;
    return { until, namespaces: historiesOf([...this.#known, { ...maybe, revision }]) };
  }

  #headOf(namespace: string): number {
    const known = this.#known.filter((write) => write.namespace === namespace);
    return known.at(-1)?.revision ?? 0;
  }
}

function historiesOf(known: readonly KnownWrite[]): readonly NamespaceHistory[] {
  const names = [...new Set(known.map(({ namespace }) => namespace))];
  return names.map((name) => {
    const writes = known.filter(({ namespace }) => namespace === name);
    const changes = writes.flatMap(({ write, revision }) => {
      return effectsOf(write).map<RecordedChange>((effect) => ({ revision, ...effect }));
    });
    return new NamespaceHistory(name, changes);
  });
}
