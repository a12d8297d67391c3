/** Small lies of an engine, told by something that stands before it. Each must be found out. */
import type { Random } from "../../src/foundation/random.js";
import type { Entry, RequestId } from "../../src/storage/model.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";

export interface EngineLie {
  readonly lie: string;
  readonly tell: (engine: StorageEngine, random: Random) => Partial<StorageEngine>;
}

/** Once in so many calls. */
const seldom = 10;

const lies: readonly EngineLie[] = [
  {
    lie: "acknowledges a put that it did not do",
    tell: (engine, random) => ({
      commit: async (request, call) => {
        const { success, compares } = request.body;
        const last = success.at(-1);
        const simple = compares.length === 0 && success.length > 1;
        if (random.below(seldom) > 0 || last?.kind !== "put" || !simple) {
          return engine.commit(request, call);
        }
        const body = { ...request.body, success: success.slice(0, -1) };
        const read = { keys: [last.key], at: undefined, keysOnly: false };
        const { entries } = await engine.get(request.namespace, read, call);
        const outcome = await engine.commit({ ...request, body }, call);
        if (outcome.kind !== "ok") return outcome;
        const version = (entries[0]?.version ?? 0n) + 1n;
        const made = { kind: "put" as const, version, previous: undefined };
        const responses = [...outcome.value.responses, made];
        return { ...outcome, value: { ...outcome.value, responses } };
      },
    }),
  },
  {
    lie: "answers a read from a moment ago",
    tell: (engine, random) => {
      const seen = new Map<string, Entry | undefined>();
      return {
        get: async (namespace, read, call) => {
          const found = await engine.get(namespace, read, call);
          const name = `${namespace} ${Buffer.from(read.keys[0] ?? []).toString("hex")}`;
          const before = seen.get(name);
          if (read.keys.length > 1 || read.keysOnly || read.at !== undefined) return found;
          seen.set(name, found.entries[0]);
          return random.below(seldom) === 0 ? { ...found, entries: [before] } : found;
        },
      };
    },
  },
  {
    lie: "takes a retry for a new request",
    tell: (engine) => {
      let count = 0;
      return {
        commit: (request, call) => {
          if (request.requestId === undefined) return engine.commit(request, call);
          return engine.commit({ ...request, requestId: String(++count) as RequestId }, call);
        },
      };
    },
  },
  {
    lie: "leaves one entry out of a scan",
    tell: (engine, random) => ({
      async *scan(namespace, read, owner, call) {
        for await (const page of engine.scan(namespace, read, owner, call)) {
          const skipped = random.below(2) === 0 ? 1 : 0;
          yield { ...page, entries: page.entries.slice(skipped) };
        }
      },
    }),
  },
  {
    lie: "says that there is more when there is not",
    tell: (engine, random) => ({
      list: async (namespace, read, call) => {
        const page = await engine.list(namespace, read, call);
        return random.below(seldom) === 0 ? { ...page, more: true } : page;
      },
    }),
  },
  {
    lie: "gives two requests one revision",
    tell: (engine, random) => ({
      commit: async (request, call) => {
        const outcome = await engine.commit(request, call);
        if (outcome.kind !== "ok" || random.below(seldom * 10) > 0) return outcome;
        const revision = (outcome.header.revision - 1n) as typeof outcome.header.revision;
        return { ...outcome, header: { ...outcome.header, revision } };
      },
    }),
  },
  {
    lie: "reads the past as the present",
    tell: (engine) => ({
      get: (namespace, read, call) => engine.get(namespace, { ...read, at: undefined }, call),
    }),
  },
  {
    lie: "keeps a deletion from its watchers",
    tell: (engine) => ({
      watch: (namespace, from, options, signal) =>
        engine.watch(namespace, from, { ...options, deletions: !options.puts }, signal),
    }),
  },
];

export function engineLies(): readonly EngineLie[] {
  return lies;
}

/** The engine's own methods, some of them replaced. */
export function withLie(engine: StorageEngine, told: Partial<StorageEngine>): StorageEngine {
  return {
    caps: engine.caps,
    maintenance: engine.maintenance,
    namespaces: engine.namespaces,
    leases: engine.leases,
    commit: (request, call) => engine.commit(request, call),
    get: (namespace, read, call) => engine.get(namespace, read, call),
    list: (namespace, read, call) => engine.list(namespace, read, call),
    scan: (namespace, read, owner, call) => engine.scan(namespace, read, owner, call),
    watch: (namespace, from, options, signal) => engine.watch(namespace, from, options, signal),
    head: (namespace) => engine.head(namespace),
    close: () => engine.close(),
    ...told,
  };
}
