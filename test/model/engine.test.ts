/**
 * The whole engine against a store of maps, over long random histories with restarts; and the proof
 * that the comparison can fail: engines with a small lie in them are found out.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import type { Random } from "../../src/foundation/random.js";
import type { Entry, RequestId } from "../../src/storage/model.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";
import { ModelRun, modelOperations } from "../support/model-run.js";
import { ModelStore } from "../support/model-store.js";
import { seedFor } from "../support/seed.js";
import { TempEngine } from "../support/temp-engine.js";

/** A lie is told seldom, and found out within this many operations. */
const operationsUntilFound = 6_000;

type Lie = (engine: StorageEngine, random: Random) => Partial<StorageEngine>;

async function runAgainstModel(
  t: TestContext,
  of: { readonly random: Random; readonly operations: number; readonly lie?: Lie },
): Promise<ModelRun> {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock, options: { synchronous: "OFF" } });
  const wrapped = new WeakMap<StorageEngine, StorageEngine>();
  const engine = (): StorageEngine => {
    if (of.lie === undefined) return temp.engine;
    const known = wrapped.get(temp.engine) ?? withLie(temp.engine, of.lie(temp.engine, of.random));
    wrapped.set(temp.engine, known);
    return known;
  };
  const run = new ModelRun({
    engine,
    reopen: () => temp.reopen(),
    file: () => temp.file,
    clock,
    model: new ModelStore(),
    random: of.random,
  });
  await run.run(of.operations);
  return run;
}

/** The engine's own methods, some of them replaced. */
function withLie(engine: StorageEngine, lies: Partial<StorageEngine>): StorageEngine {
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
    ...lies,
  };
}

test("the engine answers as the model does, over a long history with restarts", async (t) => {
  const { seed, random } = seedFor(t);
  try {
    const run = await runAgainstModel(t, { random, operations: modelOperations });
    t.diagnostic(`${String(run.operations)} answers compared, ${String(run.restarts)} restarts`);
    assert.ok(run.operations >= modelOperations && run.restarts > 0);
  } catch (cause) {
    throw new Error(`KVDB_SEED=${String(seed)} shows it again`, { cause });
  }
});

/** Once in so many calls. */
const seldom = 10;

const lies: readonly { readonly lie: string; readonly tell: Lie }[] = [
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
          const skipped = random.below(seldom) === 0 ? 1 : 0;
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
];

for (const { lie, tell } of lies) {
  test(`an engine that ${lie} is found out`, async (t) => {
    const { random } = seedFor(t);
    const running = runAgainstModel(t, { random, operations: operationsUntilFound, lie: tell });
    await assert.rejects(running, (error) => {
      assert.ok(error instanceof assert.AssertionError, String(error));
      t.diagnostic(error.message.slice(0, 80));
      return true;
    });
  });
}
