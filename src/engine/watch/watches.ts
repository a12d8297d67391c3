/** All watches of a store: opens them, tells them of commits, ends them. */
import type { Clock } from "../../foundation/clock.js";
import type { Log } from "../../observability/log.js";
import type { Metrics } from "../../observability/metrics.js";
import { EngineError } from "../../storage/errors.js";
import type { Header, Namespace, Revision } from "../../storage/model.js";
import type { WatchOptions, WatchStream } from "../../storage/storage-engine.js";
import type { AppendedEntry } from "../log/local-log.js";
import type { LogPage } from "../log/log-reader.js";
import { LogPages, namespaceGone, type PageRequest } from "./log-pages.js";
import { WatchHub } from "./watch-hub.js";
import {
  type PreviousSource,
  type SubscriptionPorts,
  WatchSubscription,
} from "./watch-subscription.js";

export interface WatchesPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /**
   * The head as the file has it now, undefined where there is no such namespace. Throws EngineError
   * in a state, or for a namespace, that cannot be watched.
   */
  head(namespace: Namespace): Revision | undefined;
  headerAt(namespace: Namespace, revision: Revision): Header;
  /** Rejects with ThreadExitError when the reader thread ended before it answered. */
  readPage(request: PageRequest): Promise<LogPage>;
  readonly previous: PreviousSource;
}

export class Watches {
  readonly #hub = new WatchHub();
  readonly #ports: SubscriptionPorts;

  constructor(ports: WatchesPorts) {
    const { log, metrics } = ports;
    const read = metrics.counter("watchPages");
    const cut = metrics.counter("watchesCut");
    const open = metrics.gauge("watchers");
    metrics.beforeScrape(() => {
      open.set(this.#hub.subscribers);
    });
    this.#ports = {
      clock: ports.clock,
      hub: this.#hub,
      pages: new LogPages((request) => ports.readPage(request)),
      head: (namespace) => ports.head(namespace),
      headerAt: (namespace, revision) => ports.headerAt(namespace, revision),
      previous: ports.previous,
      onPage: () => {
        read.add();
      },
      onCut: (namespace, resume) => {
        cut.add();
        log.event("watch.slow-consumer", { namespace, resumeRevision: resume });
      },
    };
  }

  /** As StorageEngine.watch. */
  open(
    namespace: Namespace,
    from: Revision | undefined,
    options: WatchOptions,
    signal: AbortSignal,
  ): WatchStream {
    return new WatchSubscription(this.#ports, { namespace, from, options }, signal);
  }

  /** After the commit is on disk, before its callers are told. */
  publish(entries: readonly AppendedEntry[]): void {
    this.#hub.publish(entries);
  }

  /** The store's state has changed: ends every watch for the refusal that is thrown now. */
  recheckAll(assertReadable: () => void): void {
    const refusal = refusalBy(assertReadable);
    if (refusal !== undefined) this.#hub.end(refusal);
  }

  /**
   * Ends the watches of a namespace that was deleted, those that began since included. It may have been made again before this is told:
   * its revisions go on above a gap then, which no watch of the old one can pass.
   */
  deleted(namespace: Namespace): void {
    this.#hub.end(namespaceGone(namespace), namespace);
  }

  /** The namespace has been changed: ends its watches where they would be refused now. */
  recheck(namespace: Namespace): void {
    const refusal = refusalBy(() => {
      if (this.#ports.head(namespace) === undefined) throw namespaceGone(namespace);
    });
    if (refusal !== undefined) this.#hub.end(refusal, namespace);
  }
}

function refusalBy(assertAllowed: () => void): EngineError | undefined {
  try {
    assertAllowed();
    return undefined;
  } catch (cause) {
    if (cause instanceof EngineError) return cause;
    throw cause;
  }
}
