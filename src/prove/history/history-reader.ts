/** Collects what happened in each namespace from the daemon's own stream of changes. */
import { EventType, type KvClient } from "../../client/index.js";
import { NamespaceHistory } from "./namespace-history.js";

const everyKey = { range: { $case: "all", value: true } } as const;
const anyKey = new Uint8Array([0]);

export class HistoryReader {
  readonly #histories = new Map<string, NamespaceHistory>();

  get histories(): readonly NamespaceHistory[] {
    return [...this.#histories.values()];
  }

  /** Reads on to the present head. Before anything that may forget the past. */
  async catchUp(client: KvClient, namespace: string): Promise<void> {
    const { header } = await client.kv.get({ namespace, key: anyKey });
    const head = Number(header?.revision ?? 0n);
    const history = this.#of(namespace);
    if (head === history.head) return;
    const request = { namespace, range: everyKey, startRevision: BigInt(history.head + 1) };
    const ending = new AbortController();
    for await (const { events } of client.kv.watch(request, { signal: ending.signal })) {
      for (const { kv, type } of events) {
        if (kv === undefined) continue;
        const revision = Number(kv.modRevision);
        const value = type === EventType.EVENT_TYPE_PUT ? new Uint8Array(kv.value) : undefined;
        history.add({ revision, key: new Uint8Array(kv.key), value });
      }
      if (history.head >= head) break;
    }
    ending.abort();
  }

  #of(namespace: string): NamespaceHistory {
    let history = this.#histories.get(namespace);
    if (history === undefined) {
      history = new NamespaceHistory(namespace);
      this.#histories.set(namespace, history);
    }
    return history;
  }
}
