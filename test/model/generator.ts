/**
 * Random calls for one caller, in namespaces that nobody else uses: so the model knows each answer,
 * however many callers there are. What it draws depends on its seed and on the model, and on nothing
 * else; so a seed gives the same calls again.
 */
import type { Random } from "../../src/foundation/random.js";
import type { Namespace, Operation, RequestId } from "../../src/storage/model.js";
import type { NamespaceSettings } from "../../src/storage/namespaces.js";
import type { ModelStore } from "../support/model-store.js";
import type {
  Call,
  Condition,
  ListCall,
  Mutation,
  NamespaceCall,
  PipelineEntry,
  PointCall,
  PutOperation,
  SettingPath,
} from "./calls.js";
import { guarded, keyOf } from "./conditional.js";
import { malformedCount } from "./malformed.js";
import type { Truth } from "./oracle.js";
import { type Lives, leaseIds, Values } from "./values.js";

export interface GeneratorPorts {
  readonly model: ModelStore;
  readonly random: Random;
  readonly hasRim: boolean;
  readonly hasOwnTime: boolean;
  nowMs(): number;
}

const recentMax = 40;
const chainsMax = 6;
/** Entries of the longest pipeline. */
const pipelineEntriesMax = 200;

export class Generator {
  /** Made by writing; what is in it may end by itself. */
  readonly plain: Namespace;
  /** As `plain`, and deleted now and then. */
  readonly gone: Namespace;
  /** Keeps every version; nothing in it ends by itself. */
  readonly past: Namespace;
  /** Its settings change; nothing in it ends by itself. */
  readonly set: Namespace;
  readonly #ports: GeneratorPorts;
  readonly #values: Values;
  /** Requests with ids that may be asked again. */
  readonly #recent: Mutation[] = [];
  readonly #chains: ListCall[] = [];
  readonly #lane: number;
  #count = 0;

  constructor(lane: number, ports: GeneratorPorts) {
    this.#lane = lane;
    this.#ports = ports;
    this.#values = new Values(ports.random);
    const name = (kind: string): Namespace => `lane${String(lane)}-${kind}` as Namespace;
    this.plain = name("plain");
    this.gone = name("gone");
    this.past = name("past");
    this.set = name("set");
  }

  first(): NamespaceCall {
    return { rpc: "CreateNamespace", namespace: this.past, settings: { historyReads: true } };
  }

  /** Where something can run out. */
  get mortal(): readonly Namespace[] {
    return [this.plain, this.gone];
  }

  /** A call whose outcome can be found out even if it is never answered. */
  nextRisky(): Call {
    const dice = this.#values.random.below(100);
    if (dice < 35) return this.#mutation({ ids: "often" });
    if (dice < 50) return this.#points();
    if (dice < 55) return this.#list();
    if (dice < 60) return this.#scan();
    if (dice < 92) return this.#pipeline({ ids: "often" });
    return this.#bulk();
  }

  next(): Call {
    const { random } = this.#values;
    const dice = random.below(1_000);
    if (dice < 300) return this.#mutation({ ids: "sometimes" });
    if (dice < 470) return this.#points();
    if (dice < 570) return this.#list();
    if (dice < 610) return this.#scan();
    if (dice < 760) return this.#pipeline({ ids: "sometimes" });
    if (dice < 785) return this.#bulk();
    if (dice < 830) return this.#watch();
    if (dice < 880) return this.#leaseMutation();
    if (dice < 910) return this.#leaseRead();
    if (dice < 970) return this.#administration();
    return this.#ports.hasRim
      ? { rpc: "Malformed", row: random.below(malformedCount) }
      : this.#points();
  }

  /** A chain of pages goes on from its last one. */
  note(call: Call, truth: Truth): void {
    if (call.rpc !== "List" || truth.kind !== "page" || !truth.more) return;
    const last = truth.entries.at(-1);
    if (last === undefined) return;
    const revision = call.from?.revision ?? truth.revision;
    this.#chains.push({ ...call, from: { after: last.key, revision } });
    if (this.#chains.length > chainsMax) this.#chains.shift();
  }

  get #some(): Namespace {
    return this.#values.pick([this.plain, this.plain, this.gone, this.past, this.set]);
  }

  #livesIn(namespace: Namespace): Lives {
    const mortal = this.mortal.includes(namespace);
    return { mortal, ownTime: this.#ports.hasOwnTime, nowMs: this.#ports.nowMs() };
  }

  #requestId(ids: "sometimes" | "often" | "always"): RequestId | undefined {
    const { random } = this.#values;
    if (ids !== "always" && random.below(10) >= (ids === "often" ? 7 : 4)) return undefined;
    return `id-${String(++this.#count)}` as RequestId;
  }

  #mutation({ ids }: { readonly ids: "sometimes" | "often" }): Mutation {
    const again = this.#recent.length > 0 && this.#values.seldom(10);
    if (again) {
      const before = this.#values.pick(this.#recent);
      if (!this.#values.seldom(3)) return before;
      // The same id for something else: refused, if the first had an effect.
      return { ...this.#fresh(before.namespace), requestId: before.requestId };
    }
    const mutation = { ...this.#fresh(this.#some), requestId: this.#requestId(ids) };
    if (mutation.requestId !== undefined) this.#recent.push(mutation);
    if (this.#recent.length > recentMax) this.#recent.shift();
    return mutation;
  }

  #fresh(namespace: Namespace): Mutation {
    const values = this.#values;
    const lives = this.#livesIn(namespace);
    const head = this.#ports.model.head(namespace);
    const of = (rpc: Mutation["rpc"], success: readonly Operation[]): Mutation => {
      const body = { compares: [], success, failure: [] };
      return { rpc, namespace, requestId: undefined, condition: undefined, body };
    };
    const dice = values.random.below(100);
    if (dice < 30) return this.#conditional(of("Put", [values.put(lives)]));
    if (dice < 42) return this.#conditional(of("Delete", [values.delete()]));
    if (dice < 46) return of("DeleteRange", [values.deleteRange()]);
    if (dice < 54) return of("Rename", [values.rename()]);
    if (dice < 66) return of("Increment", [values.increment()]);
    if (dice < 76) {
      const write = (): Operation => {
        const kind = values.random.below(3);
        if (kind === 0) return values.put(lives);
        return kind === 1 ? values.delete() : values.increment();
      };
      return of("BatchWrite", Array.from({ length: values.random.below(8) }, write));
    }
    const renames = !this.#ports.hasRim;
    const body = values.body(lives, head, { depth: 1, operationsMax: 4, renames });
    return { ...of("Txn", []), body };
  }

  #conditional(mutation: Mutation): Mutation {
    const [operation] = mutation.body.success;
    const isPut = operation?.kind === "put";
    const key = isPut ? operation.key : keyOf(operation);
    if (operation === undefined || key === undefined || !this.#values.seldom(3)) return mutation;
    const found = this.#ports.model.get(mutation.namespace, key, this.#ports.nowMs());
    const condition = this.#condition(found?.modRevision, found?.version);
    const body = guarded(condition, key, operation);
    return { ...mutation, condition, body };
  }

  /** As often true as not. */
  #condition(modRevision = 0n, version = 0n): Condition {
    const of = this.#values.pick(["absent", "present", "mod-revision", "version"] as const);
    const actual = of === "mod-revision" ? modRevision : version;
    return { of, value: this.#values.seldom(2) ? actual : actual + 1n };
  }

  #points(): PointCall {
    const { random } = this.#values;
    const namespace = this.#some;
    const at = this.#past(namespace);
    const keysOnly = this.#values.seldom(4);
    // Mostly one key, so that the cache is asked; sometimes more than the main thread reads.
    if (!this.#values.seldom(5)) {
      return { rpc: "Get", namespace, keys: [this.#values.key()], at, keysOnly };
    }
    const count = this.#values.seldom(8) ? 70 : 1 + random.below(6);
    const keys = Array.from({ length: count }, () => this.#values.key());
    return { rpc: "BatchGet", namespace, keys, at, keysOnly };
  }

  /** A revision to read at, around the end of what can be read; mostly none. */
  #past(namespace: Namespace): bigint | undefined {
    const often = namespace === this.past ? 2 : 12;
    if (!this.#values.seldom(often)) return undefined;
    return this.#revision(namespace);
  }

  #revision(namespace: Namespace): bigint {
    const { random } = this.#values;
    const head = this.#ports.model.head(namespace);
    if (this.#values.seldom(20)) return head + 1n + BigInt(random.below(2));
    const back = this.#values.seldom(4) ? random.below(Number(head) + 1) : random.below(60);
    return head - BigInt(back) > 1n ? head - BigInt(back) : 1n;
  }

  #list(): ListCall {
    const { random } = this.#values;
    const continued = this.#values.seldom(2) ? this.#chains.pop() : undefined;
    const pageSize = 1 + random.below(8);
    if (continued !== undefined) return { ...continued, pageSize };
    const namespace = this.#some;
    return {
      rpc: "List",
      ...this.#rangeOf(namespace),
      pageSize,
      countOnly: this.#values.seldom(5),
      chain: this.#lane * 1_000_000_000 + ++this.#count,
      from: undefined,
    };
  }

  #scan(): Call {
    return { rpc: "Scan", ...this.#rangeOf(this.#some) };
  }

  #rangeOf(
    namespace: Namespace,
  ): Pick<ListCall, "namespace" | "range" | "reverse" | "keysOnly" | "at"> {
    const range = this.#values.range();
    const at = this.#past(namespace);
    return {
      namespace,
      range,
      reverse: this.#values.seldom(2),
      keysOnly: this.#values.seldom(3),
      at,
    };
  }

  #pipeline({ ids }: { readonly ids: "sometimes" | "often" }): Call {
    const { random } = this.#values;
    // Runs of one kind, because a read waits for the writes before it and the other way round.
    let writes = true;
    const one = (): PipelineEntry => {
      if (this.#values.seldom(20)) writes = !writes;
      if (writes) return this.#mutation({ ids });
      return this.#values.seldom(6) ? { ...this.#list(), from: undefined } : this.#points();
    };
    const entries = Array.from({ length: 1 + random.below(pipelineEntriesMax) }, () => {
      const count = this.#values.seldom(15) ? random.below(12) : 1;
      return Array.from({ length: count }, one);
    });
    return { rpc: "Pipeline", entries };
  }

  #bulk(): Call {
    const { random } = this.#values;
    const namespace = this.#values.pick([this.plain, this.gone, this.past]);
    const lives = this.#livesIn(namespace);
    const put = (isLast: boolean): PutOperation => {
      // Chunks behind one that is refused may be committed already, so only the last may be refused.
      const mortal = lives.mortal && isLast;
      const operation = { ...this.#values.put({ ...lives, mortal }), returnPrevious: false };
      const { expiry } = operation;
      // A chunk takes entries as they are: a moment or a lease, no time to live.
      if (expiry.kind !== "after") return operation;
      return { ...operation, expiry: { kind: "at", atMs: lives.nowMs + expiry.ttlMs } };
    };
    const count = 1 + random.below(6);
    const chunks = Array.from({ length: count }, (_none, at) => ({
      requestId: this.#requestId("often"),
      // An empty one is told the head, which may be beyond the chunks behind it.
      puts: Array.from({ length: (at < count - 1 ? 1 : 0) + random.below(7) }, () =>
        put(at === count - 1),
      ),
    }));
    return { rpc: "BulkLoad", namespace, chunks };
  }

  #watch(): Call {
    const values = this.#values;
    const namespace = values.pick([this.plain, this.gone, this.past, this.past, this.set]);
    const puts = !values.seldom(5);
    // Where history comes and goes, what was replaced is known in part.
    const isSet = namespace === this.set;
    const another = this.#ports.hasRim && values.seldom(30);
    return {
      rpc: "Watch",
      namespace,
      range: values.range(),
      from: this.#revision(namespace),
      puts,
      deletions: !puts || !values.seldom(5),
      keysOnly: values.seldom(4),
      previous: namespace === this.past ? values.seldom(2) : values.seldom(20) && !isSet,
      store: another ? "another" : values.pick(["unsaid", "own"] as const),
    };
  }

  #leaseMutation(): Mutation {
    const values = this.#values;
    const namespace = values.pick([this.plain, this.gone]);
    const leaseId = values.pick(leaseIds);
    const of = (rpc: Mutation["rpc"], operation: Operation): Mutation => {
      const body = { compares: [], success: [operation], failure: [] };
      const requestId = rpc === "KeepAliveLease" ? undefined : this.#requestId("sometimes");
      return { rpc, namespace, requestId, condition: undefined, body };
    };
    const dice = values.random.below(20);
    const ttlMs = values.leaseTtlMs(this.#livesIn(namespace));
    if (dice < 1) {
      // The store chooses an id; nobody can say which, so a retry would not be understood.
      const chosen = of("GrantLease", { kind: "lease-grant", leaseId: undefined, ttlMs });
      return { ...chosen, requestId: undefined };
    }
    if (dice < 11) return of("GrantLease", { kind: "lease-grant", leaseId, ttlMs });
    if (dice < 15) return of("KeepAliveLease", { kind: "lease-keep-alive", leaseId });
    return of("RevokeLease", { kind: "lease-revoke", leaseId });
  }

  #leaseRead(): Call {
    const namespace = this.#values.pick([this.plain, this.gone, this.plain, this.gone, this.set]);
    if (this.#values.seldom(2)) {
      return { rpc: "ListLeases", namespace, pageSize: 1 + this.#values.random.below(3) };
    }
    const leaseId = this.#values.pick(leaseIds);
    return { rpc: "GetLease", namespace, leaseId, keys: this.#values.seldom(2) };
  }

  #administration(): Call {
    const { random } = this.#values;
    const dice = random.below(20);
    if (dice < 5) {
      const namespace = this.#some;
      return { rpc: "Compact", namespace, upTo: this.#revision(namespace) };
    }
    if (dice < 9) return { rpc: "GetNamespace", namespace: this.#some };
    if (dice < 11) return { rpc: "DeleteNamespace", namespace: this.gone };
    if (dice < 13) {
      const namespace = this.#values.pick([this.gone, this.gone, this.set]);
      const settings = namespace === this.set ? this.#settings() : {};
      return { rpc: "CreateNamespace", namespace, settings };
    }
    return this.#update();
  }

  /** Half of the time back to what lets everything through. */
  #update(): Call {
    const namespace = this.set;
    const open: SettingPath[] = ["quota_bytes", "quota_keys", "block_reads", "block_writes"];
    if (this.#values.seldom(2)) {
      return { rpc: "UpdateNamespace", namespace, settings: {}, mask: open };
    }
    const settings = this.#settings();
    const mask = this.#values.seldom(3)
      ? [this.#values.pick([...open, "history_reads" as const])]
      : [];
    return { rpc: "UpdateNamespace", namespace, settings, mask };
  }

  #settings(): Partial<NamespaceSettings> {
    const { random } = this.#values;
    const all: NamespaceSettings = {
      quotaBytes: random.below(60),
      quotaKeys: random.below(12),
      retentionMs: undefined,
      retentionBytes: undefined,
      retentionRevisions: undefined,
      historyReads: this.#values.seldom(2),
      blockReads: this.#values.seldom(2),
      blockWrites: this.#values.seldom(2),
      blockReason: this.#values.pick(["", "the model asks for it"]),
    };
    const names = ["quotaBytes", "quotaKeys", "historyReads", "blockReads", "blockWrites"] as const;
    const chosen = names.filter(() => this.#values.seldom(4));
    const settings = chosen.map((name) => ({ [name]: all[name] }));
    return Object.assign({ blockReason: all.blockReason }, ...settings) as typeof all;
  }
}
