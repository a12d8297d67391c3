/**
 * The cache of hot entries never shows a value that is not the present one, however reads, commits,
 * their notes and bounds of memory interleave: the file is always ahead of what this thread was told.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { TableReader } from "../../../../src/engine/read/table-reader.js";
import { ValueCache } from "../../../../src/engine/read/value-cache.js";
import { Metrics } from "../../../../src/observability/metrics.js";
import type { Entry, Key, Namespace, Operation } from "../../../../src/storage/model.js";
import { recordOf } from "../../../support/arbitraries.js";
import { StateOnFile, startMs } from "../../../support/state-on-file.js";
import { keyOf, putOf, textOf } from "../../../support/temp-engine.js";

type Step =
  | {
      readonly kind: "commit";
      readonly space: number;
      readonly key: string;
      readonly gone: boolean;
    }
  /** The main thread hears of every commit so far. */
  | { readonly kind: "note" }
  | { readonly kind: "read"; readonly space: number; readonly key: string };

const space = fc.nat({ max: 1 });
const key = fc.constantFrom("a", "b", "c");
const steps = fc.array(
  fc.oneof(
    recordOf<Step & { kind: "commit" }>({
      kind: fc.constant("commit"),
      space,
      key,
      gone: fc.boolean(),
    }),
    fc.constant<Step>({ kind: "note" }),
    {
      weight: 3,
      arbitrary: recordOf<Step & { kind: "read" }>({ kind: fc.constant("read"), space, key }),
    },
  ),
  { maxLength: 60, size: "max" },
);

/** The way of PointReads over the cache: what is shown for a key right now. */
class Reader {
  readonly cache: ValueCache;
  readonly #table: TableReader;

  constructor(table: TableReader, bytesMax: number) {
    this.#table = table;
    this.cache = new ValueCache(bytesMax, new Metrics());
  }

  read(namespace: Namespace, of: Key): Entry | undefined {
    const cached = this.cache.get(namespace, of, () => this.#table.head(namespace)?.revision);
    if (cached !== undefined) return cached.entry;
    const points = this.#table.point(namespace, of, { keysOnly: false, nowMs: startMs });
    const [entry] = points.entries;
    if (entry !== undefined && points.head !== undefined) {
      this.cache.keep(namespace, points.head.revision, entry);
    }
    return entry;
  }
}

interface Scene {
  readonly store: StateOnFile;
  readonly table: TableReader;
  /** Commits, and leaves the note to be told later. */
  commit(namespace: Namespace, operation: Operation): Promise<void>;
  readonly notes: ReturnType<StateOnFile["store"]["log"]["takeAppended"]>;
}

function openScene(t: TestContext): Scene {
  const store = StateOnFile.open(t);
  const table = new TableReader(store.reader(t), { verifyChecksums: true });
  const notes: ReturnType<StateOnFile["store"]["log"]["takeAppended"]> = [];
  return {
    store,
    table,
    notes,
    async commit(namespace, operation) {
      const body = { compares: [], success: [operation], failure: [] };
      const requestId = undefined;
      await store.commit([{ namespace, principal: undefined, requestId, body }]);
      notes.push(...store.store.log.takeAppended());
    },
  };
}

function tell(reader: Reader, notes: Scene["notes"]): void {
  for (const note of notes.splice(0)) reader.cache.noteCommit(note);
}

for (const { bytesMax, size } of [
  { bytesMax: 100_000, size: "holds everything" },
  { bytesMax: 16 * 450, size: "holds a few entries" },
  { bytesMax: 0, size: "holds nothing" },
]) {
  test(`a cache that ${size} never shows what is not so`, async (t) => {
    const scene = openScene(t);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        round++;
        const reader = new Reader(scene.table, bytesMax);
        const model = new Map<string, string>();
        for (const [index, step] of sequence.entries()) {
          if (step.kind === "note") {
            tell(reader, scene.notes);
            continue;
          }
          const namespace = `n${String(round)}-${String(step.space)}` as Namespace;
          const name = `${namespace}/${step.key}`;
          if (step.kind === "read") {
            const entry = reader.read(namespace, keyOf(step.key));
            assert.equal(entry && textOf(entry.value), model.get(name), `step ${String(index)}`);
          } else if (step.gone) {
            const span = { kind: "key", key: keyOf(step.key) } as const;
            await scene.commit(namespace, { kind: "delete", span, returnPrevious: false });
            model.delete(name);
          } else {
            await scene.commit(namespace, putOf(step.key, String(index)));
            model.set(name, String(index));
          }
        }
        tell(reader, scene.notes);
      }),
      { numRuns: 150 },
    );
  });
}

test("an entry that was read twice comes from memory the second time, and metrics say so", async (t) => {
  const scene = openScene(t);
  const namespace = "test" as Namespace;
  await scene.commit(namespace, putOf("a", "1"));
  const reader = new Reader(scene.table, 100_000);
  const first = reader.read(namespace, keyOf("a"));
  assert.equal(reader.read(namespace, keyOf("a")), first);
  assert.ok(reader.cache.bytes > 0);
});

test("a commit that this thread has not been told of makes the cache step aside", async (t) => {
  const scene = openScene(t);
  const namespace = "test" as Namespace;
  await scene.commit(namespace, putOf("a", "1"));
  const reader = new Reader(scene.table, 100_000);
  tell(reader, scene.notes);
  reader.read(namespace, keyOf("a"));
  await scene.commit(namespace, putOf("other", "1"));
  const head = scene.table.head(namespace)?.revision;
  assert.equal(
    reader.cache.get(namespace, keyOf("a"), () => head),
    undefined,
  );
  tell(reader, scene.notes);
  assert.equal(reader.cache.get(namespace, keyOf("a"), () => head)?.head, head);
});

test("no entry may take more than its share of the cache", async (t) => {
  const scene = openScene(t);
  const namespace = "test" as Namespace;
  await scene.commit(namespace, putOf("large", new Uint8Array(10_000)));
  const reader = new Reader(scene.table, 100_000);
  reader.read(namespace, keyOf("large"));
  assert.equal(reader.cache.bytes, 0);
});
