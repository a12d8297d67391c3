/** Everything that can be asked of an engine, by name, and how each asking ends, in a word. */
import type { Namespace, Revision } from "../../src/storage/model.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";
import { keyOf, patient, putOf, testNamespace, wholePage, wholeRange } from "./temp-engine.js";

type Verb = (engine: StorageEngine) => unknown;

/** More than are read on the main thread. */
const manyKeys = Array.from({ length: 100 }, (_none, index) => keyOf(String(index)));

function never(): AbortSignal {
  return new AbortController().signal;
}

/** The first item is enough to know whether it is answered. */
async function firstOf(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _item of items) return;
}

export const engineVerbs = {
  commit: (engine) =>
    engine.commit(
      {
        namespace: testNamespace,
        principal: undefined,
        requestId: undefined,
        body: { compares: [], success: [putOf("key", "1")], failure: [] },
      },
      patient,
    ),
  get: (engine) =>
    engine.get(testNamespace, { keys: [keyOf("key")], at: undefined, keysOnly: false }, patient),
  "get of many": (engine) =>
    engine.get(testNamespace, { keys: manyKeys, at: undefined, keysOnly: false }, patient),
  list: (engine) => engine.list(testNamespace, wholePage, patient),
  scan: (engine) => firstOf(engine.scan(testNamespace, wholeRange, "test", patient)),
  head: (engine) => engine.head(testNamespace),
  "leases.get": (engine) => engine.leases.get(testNamespace, 1n as never, 0),
  "leases.list": (engine) => engine.leases.list(testNamespace, { after: 0n, rowsMax: 1 }),
  "namespaces.get": (engine) => engine.namespaces.get(testNamespace),
  "namespaces.list": (engine) => engine.namespaces.list({ after: "", rowsMax: 1 }),
  "namespaces.create": (engine) => engine.namespaces.create("made" as Namespace, {}),
  "namespaces.update": (engine) => engine.namespaces.update(testNamespace, {}),
  "namespaces.delete": (engine) => engine.namespaces.delete("made" as Namespace),
  "maintenance.status": ({ maintenance }) => maintenance.status(),
  "maintenance.probe": ({ maintenance }) => maintenance.probe(),
  "maintenance.pragmas": ({ maintenance }) => maintenance.pragmas(),
  "maintenance.wal": ({ maintenance }) => maintenance.wal(),
  "maintenance.compact": ({ maintenance }) => maintenance.compact(testNamespace, 1n as Revision),
  "maintenance.vacuum": ({ maintenance }) => firstOf(maintenance.vacuum(never())),
  "maintenance.checkpoint": ({ maintenance }) => maintenance.checkpoint("passive"),
  "maintenance.checkIntegrity": ({ maintenance }) =>
    firstOf(maintenance.checkIntegrity("quick", never())),
  "maintenance.lastIntegrityReport": ({ maintenance }) => maintenance.lastIntegrityReport(),
  "maintenance.events": ({ maintenance }) => firstOf(maintenance.events(0, never())),
} as const satisfies Record<string, Verb>;

export type EngineVerb = keyof typeof engineVerbs;

/** "answers", the kind of the refusal, or what it was that is neither. */
export async function endOfVerb(engine: StorageEngine, verb: EngineVerb): Promise<string> {
  try {
    await engineVerbs[verb](engine);
    return "answers";
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    const { kind } = error as Error & { readonly kind?: string };
    return error.name === "EngineError" && kind !== undefined ? kind : String(error);
  }
}

/** One after the other, in the order above. */
export async function endsOfVerbs(engine: StorageEngine): Promise<Record<string, string>> {
  const ends: Record<string, string> = {};
  for (const verb of Object.keys(engineVerbs) as EngineVerb[]) {
    ends[verb] = await endOfVerb(engine, verb);
  }
  return ends;
}
