/**
 * Where commits meet watchers. A commit is published after it is on disk and before its callers are
 * told, so whoever has an answer knows that every watcher has the change waiting. An entry is decoded
 * once, and only when its namespace is watched at all; a change is shown only to ranges that hold its
 * key. Watchers are woken in later turns, a few at a time, so that callers are answered first.
 */
import { assert } from "../../foundation/assert.js";
import { watchersPerTurnMax } from "../../storage/limits.js";
import type { Namespace, Revision } from "../../storage/model.js";
import type { AppendedEntry } from "../log/local-log.js";
import { decodeBatches } from "../record/entry-codec.js";
import { namespaceGone } from "./log-pages.js";
import { RangeIndex } from "./range-index.js";
import { nameOf, type Subscriber, WatchGroup } from "./watch-group.js";

interface Topic {
  /** All revisions up to here have been shown to those who were subscribed at the time. */
  published: Revision;
  readonly groups: Map<string, WatchGroup>;
  readonly index: RangeIndex<WatchGroup>;
}

/** A subscriber's place. */
export interface Seat {
  /** Every wanted revision up to here that was committed since the seat was taken was received. */
  readonly published: Revision;
  /** Twice is fine. */
  leave(): void;
}

export class WatchHub {
  readonly #topics = new Map<Namespace, Topic>();
  /** To be woken, in this order. */
  readonly #waking: Subscriber[] = [];
  #turnIsSet = false;
  #subscribers = 0;

  get subscribers(): number {
    return this.#subscribers;
  }

  /**
   * From here on the subscriber receives what it wants of every commit. `head` is what the file says
   * at this moment, 0 where there is no such namespace. It may be ahead of what was published; behind
   * it only where the namespace was deleted and nobody was told yet: then its watches end here.
   */
  subscribe(namespace: Namespace, subscriber: Subscriber, head: Revision): Seat {
    const topic = this.#topicOf(namespace, head);
    const group = groupOf(topic, subscriber);
    group.subscribers.add(subscriber);
    this.#subscribers++;
    return {
      get published() {
        return topic.published;
      },
      leave: () => {
        if (!group.subscribers.delete(subscriber)) return;
        this.#subscribers--;
        if (group.subscribers.size > 0) return;
        topic.groups.delete(group.name);
        topic.index.delete(group);
        if (topic.groups.size === 0) this.#topics.delete(namespace);
      },
    };
  }

  /** Asserts that no revision was left out. */
  publish(entries: readonly AppendedEntry[]): void {
    for (const entry of entries) {
      const topic = this.#topics.get(entry.namespace);
      if (topic !== undefined) this.#show(topic, entry);
    }
  }

  /** Ends every watch of a namespace, or of all. New ones may come. */
  end(reason: Error, namespace?: Namespace): void {
    for (const [name, { groups }] of [...this.#topics]) {
      if (namespace !== undefined && name !== namespace) continue;
      for (const group of [...groups.values()]) {
        for (const subscriber of [...group.subscribers]) subscriber.end(reason);
      }
    }
  }

  #show(topic: Topic, entry: AppendedEntry): void {
    const follows = entry.first <= topic.published + 1n;
    // A namespace that is made again goes on above the one that was deleted under its name.
    assert(follows || topic.published === 0n, "commits are published without a gap");
    const touched = new Set<WatchGroup>();
    for (const { revision, changes } of decodeBatches(entry.payload)) {
      for (const change of changes) {
        topic.index.visit(change.key, (group) => {
          group.add(revision, change);
          touched.add(group);
        });
      }
    }
    if (entry.last > topic.published) topic.published = entry.last;
    for (const group of touched) this.#waking.push(...group.deliver(entry.payload.length));
    this.#setTurn();
  }

  #setTurn(): void {
    if (this.#turnIsSet || this.#waking.length === 0) return;
    this.#turnIsSet = true;
    setImmediate(() => {
      this.#turnIsSet = false;
      for (const subscriber of this.#waking.splice(0, watchersPerTurnMax)) subscriber.wake();
      this.#setTurn();
    });
  }

  #topicOf(namespace: Namespace, head: Revision): Topic {
    const known = this.#topics.get(namespace);
    if (known !== undefined && head >= known.published) return known;
    if (known !== undefined) this.end(namespaceGone(namespace), namespace);
    const topic: Topic = { published: head, groups: new Map(), index: new RangeIndex() };
    this.#topics.set(namespace, topic);
    return topic;
  }
}

function groupOf(topic: Topic, subscriber: Subscriber): WatchGroup {
  const known = topic.groups.get(nameOf(subscriber.interest));
  if (known !== undefined) return known;
  const group = new WatchGroup(subscriber.interest);
  topic.groups.set(group.name, group);
  topic.index.add(group);
  return group;
}
