/**
 * What callers ask next, drawn from a seed and the model. All of them ask in the same few namespaces,
 * so that what they do meets.
 */
import type { LeaseId, Namespace, Operation, RequestId } from "../../src/storage/model.js";
import type { NamespaceSettings } from "../../src/storage/namespaces.js";
import type { Mutation, SettingPath } from "../model/calls.js";
import { allKeys, leaseIds, type Values } from "../model/values.js";
import type { ModelStore } from "../support/model-store.js";
import type { SimulatedCall } from "./ask.js";
import type { Watch } from "./watcher.js";

const recentMax = 30;
/** More keys than the main thread reads by itself. */
const manyKeys = 70;
const many = Array.from({ length: manyKeys }, (_none, at) => allKeys[at % allKeys.length]).flatMap(
  (key) => key ?? [],
);

const alpha = "alpha" as Namespace;
const beta = "beta" as Namespace;
/** Deleted and made again. */
export const gone = "gone" as Namespace;
/** Keeps every version. */
const past = "past" as Namespace;
/** Its settings change. */
export const set = "set" as Namespace;
export const namespaces: readonly Namespace[] = [alpha, beta, gone, past, set];
/** What is asked first of all. */
export const firstCalls: readonly SimulatedCall[] = [
  { rpc: "CreateNamespace", namespace: past, settings: { historyReads: true } },
  { rpc: "CreateNamespace", namespace: set, settings: {} },
];
const open: readonly SettingPath[] = ["quota_bytes", "quota_keys", "block_reads", "block_writes"];

export class Questions {
  readonly #values: Values;
  readonly #model: ModelStore;
  readonly #recent: Mutation[] = [];
  #ids = 0;

  constructor(values: Values, model: ModelStore) {
    this.#values = values;
    this.#model = model;
  }

  next(nowMs: number): SimulatedCall {
    const { random } = this.#values;
    const dice = random.below(104);
    if (dice < 52) return this.#mutation(nowMs);
    if (dice < 68) return this.#points();
    if (dice < 76) return { rpc: "List", ...this.#range(), ...this.#page() };
    if (dice < 84) return { rpc: "Scan", ...this.#range() };
    if (dice < 90) return this.#leaseMutation();
    if (dice < 94) return this.#leaseRead();
    if (dice < 96) {
      const mode = this.#values.pick(["passive", "full", "restart", "truncate"] as const);
      return { rpc: "Checkpoint", mode };
    }
    if (dice < 97) return { rpc: "DeleteNamespace", namespace: gone };
    if (dice < 98) {
      const settings = this.#values.seldom(3) ? { historyReads: true } : {};
      return { rpc: "CreateNamespace", namespace: gone, settings };
    }
    if (dice < 100) return { rpc: "GetNamespace", namespace: this.#some };
    return dice < 102 ? this.#compact() : this.#update();
  }

  watch(): Watch {
    const values = this.#values;
    const namespace = this.#some;
    const puts = !values.seldom(5);
    const head = this.#model.head(namespace);
    const back = BigInt(values.random.below(30));
    const fromLog = namespace !== gone && values.seldom(2);
    return {
      namespace,
      from: fromLog ? (head > back ? head - back + 1n : 1n) : undefined,
      isSlow: values.seldom(3),
      options: {
        range: values.range(),
        puts,
        deletions: !puts || !values.seldom(5),
        keysOnly: values.seldom(4),
        previous: [past, set, gone].includes(namespace) && values.seldom(2),
        progressIntervalMs: values.seldom(4) ? 500 : undefined,
      },
    };
  }

  get #some(): Namespace {
    return this.#values.pick([alpha, alpha, alpha, beta, gone, past, past, set]);
  }

  #compact(): SimulatedCall {
    const namespace = this.#values.pick([past, past, past, set, set, alpha, gone]);
    const head = this.#model.head(namespace);
    const back = BigInt(this.#values.random.below(30));
    // Now and then more than there is.
    const upTo = this.#values.seldom(12) ? head + 1n : head > back ? head - back : 1n;
    return { rpc: "Compact", namespace, upTo };
  }

  /** Half of the time back to what lets everything through. */
  #update(): SimulatedCall {
    const values = this.#values;
    const namespace = values.pick([set, set, set, gone]);
    if (namespace === set && values.seldom(2)) {
      return { rpc: "UpdateNamespace", namespace, settings: {}, mask: open };
    }
    const all: Partial<NamespaceSettings> = {
      quotaBytes: 10 + values.random.below(60),
      quotaKeys: 1 + values.random.below(12),
      historyReads: values.seldom(2),
      retentionRevisions: values.pick([5, 30]),
      blockReads: values.seldom(2),
      blockWrites: values.seldom(2),
    };
    const names = Object.keys(all) as (keyof typeof all)[];
    const chosen = names.filter(() => values.seldom(3));
    const settings = Object.assign({}, ...chosen.map((name) => ({ [name]: all[name] }))) as object;
    return { rpc: "UpdateNamespace", namespace, settings, mask: [] };
  }

  #mutation(nowMs: number): Mutation {
    const values = this.#values;
    if (this.#recent.length > 0 && values.seldom(8)) {
      const before = values.pick(this.#recent);
      if (!values.seldom(4)) return before;
      return { ...before, body: this.#body(nowMs, before.namespace) };
    }
    const namespace = this.#some;
    const id = values.seldom(2) ? (`id-${String(++this.#ids)}` as RequestId) : undefined;
    return this.#remembered(of("Txn", namespace, id, this.#body(nowMs, namespace)));
  }

  #remembered(mutation: Mutation): Mutation {
    if (mutation.requestId !== undefined) this.#recent.push(mutation);
    if (this.#recent.length > recentMax) this.#recent.shift();
    return mutation;
  }

  #body(nowMs: number, namespace: Namespace): Mutation["body"] {
    const values = this.#values;
    const lives = { mortal: true, ownTime: false, nowMs };
    const dice = values.random.below(10);
    const single = (operation: Operation): Mutation["body"] => only([operation]);
    if (dice < 4) return single(values.put(lives));
    if (dice < 5) return single(values.delete());
    if (dice < 6) return single(values.seldom(2) ? values.deleteRange() : values.rename());
    if (dice < 8) return single(values.increment());
    const head = this.#model.head(namespace);
    return values.body(lives, head, { depth: 1, operationsMax: 4, renames: true });
  }

  #leaseMutation(): Mutation {
    const values = this.#values;
    const leaseId = values.pick(leaseIds);
    const ttlMs = values.pick([400, 1_000, 3_000]);
    const operation = values.pick<Operation>([
      { kind: "lease-grant", leaseId, ttlMs },
      { kind: "lease-grant", leaseId, ttlMs },
      { kind: "lease-keep-alive", leaseId },
      { kind: "lease-revoke", leaseId },
    ]);
    const id = values.seldom(3) ? (`id-${String(++this.#ids)}` as RequestId) : undefined;
    return this.#remembered(of("GrantLease", this.#some, id, only([operation])));
  }

  #points(): SimulatedCall {
    const values = this.#values;
    const namespace = this.#some;
    const read = { namespace, at: this.#at(namespace), keysOnly: values.seldom(4) };
    const dice = values.random.below(10);
    if (dice < 6) return { rpc: "Get", ...read, keys: [values.key()] };
    if (dice < 8) return { rpc: "BatchGet", ...read, keys: many };
    const keys = Array.from({ length: 2 + values.random.below(6) }, () => values.key());
    return { rpc: "BatchGet", ...read, keys };
  }

  #range(): Pick<SimulatedCall & { rpc: "Scan" }, "namespace" | "range" | "reverse"> & {
    readonly keysOnly: boolean;
    readonly at: bigint | undefined;
  } {
    const values = this.#values;
    const namespace = this.#some;
    const keysOnly = values.seldom(3);
    const range = values.range();
    return { namespace, range, reverse: values.seldom(2), keysOnly, at: this.#at(namespace) };
  }

  #page(): { pageSize: number; countOnly: boolean; chain: number; from: undefined } {
    const pageSize = 1 + this.#values.random.below(12);
    return { pageSize, countOnly: this.#values.seldom(5), chain: 0, from: undefined };
  }

  #leaseRead(): SimulatedCall {
    const namespace = this.#some;
    if (this.#values.seldom(2)) return { rpc: "ListLeases", namespace, pageSize: 1_000 };
    const leaseId: LeaseId = this.#values.pick(leaseIds);
    return { rpc: "GetLease", namespace, leaseId, keys: this.#values.seldom(2) };
  }

  /** A revision to read at: in the past where it is kept, mostly none. */
  #at(namespace: Namespace): bigint | undefined {
    const times = namespace === past || namespace === set ? 2 : 15;
    if (!this.#values.seldom(times)) return undefined;
    const head = this.#model.head(namespace);
    const back = BigInt(this.#values.random.below(20));
    return head > back ? head - back : 1n;
  }
}

function only(success: readonly Operation[]): Mutation["body"] {
  return { compares: [], success, failure: [] };
}

function of(
  rpc: Mutation["rpc"],
  namespace: Namespace,
  requestId: RequestId | undefined,
  body: Mutation["body"],
): Mutation {
  return { rpc, namespace, requestId, condition: undefined, body };
}
