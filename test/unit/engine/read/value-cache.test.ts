/**
 * The cache of hot entries never shows anything older than what anybody has seen or was told of,
 * however reads here and elsewhere, commits, their notes and bounds of memory interleave: the file is
 * always ahead of what this thread was told.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { TableReader } from "../../../../src/engine/read/table-reader.js";
import { type Standing, ValueCache } from "../../../../src/engine/read/value-cache.js";
import { Metrics } from "../../../../src/observability/metrics.js";
import type { Entry, Key, Namespace, Operation, Revision } from "../../../../src/storage/model.js";
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
  /** The main thread hears of the oldest commit that it has not heard of: now it is acknowledged. */
  | { readonly kind: "note" }
  | { readonly kind: "read"; readonly space: number; readonly key: string }
  /** Another thread reads a key now; its answer comes when it comes. */
  | { readonly kind: "ask"; readonly space: number; readonly key: string }
  | { readonly kind: "answer" };

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
    recordOf<Step & { kind: "ask" }>({ kind: fc.constant("ask"), space, key }),
    fc.constant<Step>({ kind: "answer" }),
  ),
  { maxLength: 80, size: "max" },
);

interface Shown {
  readonly head: Revision;
  readonly value: string | undefined;
}

/** The way of PointReads over the cache: what is shown for a key right now. */
class Reader {
  readonly cache: ValueCache;
  readonly #table: TableReader;
  /** What other threads have read and not told yet. */
  readonly #asked: (() => Shown | undefined)[] = [];

  constructor(table: TableReader, bytesMax: number) {
    this.#table = table;
    this.cache = new ValueCache(bytesMax, new Metrics());
  }

  read(namespace: Namespace, of: Key): Shown | undefined {
    const standing = this.cache.current(namespace);
    const cached = standing && this.cache.find(standing, of);
    if (standing !== undefined && cached !== undefined) {
      return { head: standing.told, value: textOf(cached.value) };
    }
    const { head, entry } = this.#fromFile(namespace, of);
    return this.#take(namespace, this.cache.saw(namespace, head), head, entry);
  }

  ask(namespace: Namespace, of: Key): void {
    const before = this.cache.current(namespace);
    const { head, entry } = this.#fromFile(namespace, of);
    this.#asked.push(() => {
      this.cache.saw(namespace, head);
      return this.#take(namespace, before, head, entry);
    });
  }

  answer(): Shown | undefined {
    return this.#asked.shift()?.();
  }

  #fromFile(
    namespace: Namespace,
    of: Key,
  ): { readonly head: Revision | undefined; readonly entry: Entry | undefined } {
    const { head, entries } = this.#table.point(namespace, of, { keysOnly: false, nowMs: startMs });
    return { head: head?.revision, entry: entries[0] };
  }

  #take(
    namespace: Namespace,
    standing: Standing | undefined,
    head: Revision | undefined,
    entry: Entry | undefined,
  ): Shown | undefined {
    if (head === undefined) return undefined;
    if (entry !== undefined && standing !== undefined) {
      this.cache.keep(namespace, standing, head, entry);
    }
    return { head, value: entry && textOf(entry.value) };
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

/** Of one namespace: what each revision left of each key, and what may not be forgotten any more. */
class Timeline {
  readonly #values: ReadonlyMap<string, string>[] = [new Map()];
  /** The highest revision that was acknowledged or shown. */
  floor = 0n;

  commit(name: string, value: string | undefined): void {
    const next = new Map(this.#values.at(-1));
    if (value === undefined) next.delete(name);
    else next.set(name, value);
    this.#values.push(next);
  }

  get head(): bigint {
    return BigInt(this.#values.length - 1);
  }

  /** What was shown was so at its head, and its head is not older than what was known before. */
  check(name: string, shown: Shown, asked: "now" | "before"): void {
    assert.equal(shown.value, this.#values[Number(shown.head)]?.get(name));
    if (asked === "now") assert.ok(shown.head >= this.floor, "older than what was known");
    if (shown.head > this.floor) this.floor = shown.head;
  }
}

for (const { bytesMax, size } of [
  { bytesMax: 100_000, size: "holds everything" },
  { bytesMax: 16 * 450, size: "holds a few entries" },
  { bytesMax: 0, size: "holds nothing" },
]) {
  test(`a cache that ${size} never shows what is not so, nor what is older than what is known`, async (t) => {
    const scene = openScene(t);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        round++;
        const reader = new Reader(scene.table, bytesMax);
        const times = new Map([0, 1].map((each) => [each, new Timeline()]));
        const asked: { readonly space: number; readonly key: string }[] = [];
        for (const [index, step] of sequence.entries()) {
          if (step.kind === "note") {
            const note = scene.notes.shift();
            if (note === undefined) continue;
            reader.cache.noteCommit(note);
            const time = times.get(Number(note.namespace.at(-1)));
            assert.ok(time !== undefined);
            if (note.last > time.floor) time.floor = note.last;
            continue;
          }
          if (step.kind === "answer") {
            const of = asked.shift();
            const shown = reader.answer();
            if (of !== undefined && shown !== undefined) {
              times.get(of.space)?.check(of.key, shown, "before");
            }
            continue;
          }
          const namespace = `n${String(round)}-${String(step.space)}` as Namespace;
          const time = times.get(step.space);
          assert.ok(time !== undefined);
          if (step.kind === "ask") {
            reader.ask(namespace, keyOf(step.key));
            asked.push(step);
          } else if (step.kind === "read") {
            const shown = reader.read(namespace, keyOf(step.key));
            if (shown !== undefined) time.check(step.key, shown, "now");
            else assert.equal(time.head, 0n);
          } else {
            const before = scene.notes.length;
            const span = { kind: "key", key: keyOf(step.key) } as const;
            await scene.commit(
              namespace,
              step.gone
                ? { kind: "delete", span, returnPrevious: false }
                : putOf(step.key, String(index)),
            );
            // Deleting what is not there is no revision.
            const took = scene.notes.length > before;
            if (took) time.commit(step.key, step.gone ? undefined : String(index));
          }
        }
        scene.notes.length = 0;
      }),
      { numRuns: 200 },
    );
  });
}

test("an entry that was read twice comes from memory the second time", async (t) => {
  const scene = openScene(t);
  const namespace = "test" as Namespace;
  await scene.commit(namespace, putOf("a", "1"));
  const reader = new Reader(scene.table, 100_000);
  assert.equal(reader.read(namespace, keyOf("a"))?.value, "1");
  assert.equal(cached(reader, namespace, "a")?.value.length, 1);
  assert.ok(reader.cache.bytes > 0);
});

test("a commit that nobody was told of and nobody has seen leaves the cache as it is", async (t) => {
  const { scene, reader, namespace } = await withOneKept(t);
  await scene.commit(namespace, putOf("a", "2"));
  assert.deepEqual(reader.read(namespace, keyOf("a")), { head: 1n, value: "1" });
});

test("a commit that a read has shown makes the cache step aside until it is told of it", async (t) => {
  const { scene, reader, namespace } = await withOneKept(t);
  await scene.commit(namespace, putOf("other", "1"));
  assert.equal(reader.read(namespace, keyOf("other"))?.head, 2n);
  assert.equal(reader.cache.current(namespace), undefined);
  for (const note of scene.notes.splice(0)) reader.cache.noteCommit(note);
  assert.equal(reader.cache.current(namespace)?.told, 2n);
  assert.equal(cached(reader, namespace, "a")?.version, 1n);
});

test("what another thread read before a commit was told is not kept after it", async (t) => {
  const { scene, reader, namespace } = await withOneKept(t);
  await scene.commit(namespace, putOf("b", "old"));
  for (const note of scene.notes.splice(0)) reader.cache.noteCommit(note);
  reader.ask(namespace, keyOf("b"));
  await scene.commit(namespace, putOf("b", "new"));
  for (const note of scene.notes.splice(0)) reader.cache.noteCommit(note);
  assert.equal(reader.answer()?.value, "old");
  assert.equal(reader.read(namespace, keyOf("b"))?.value, "new");
});

test("what another thread read of a namespace that has ended since is not kept for its successor", async (t) => {
  const { scene, reader, namespace } = await withOneKept(t);
  reader.ask(namespace, keyOf("a"));
  reader.cache.forgetNamespace(namespace);
  assert.equal(cached(reader, namespace, "a"), undefined);
  reader.answer();
  assert.equal(cached(reader, namespace, "a"), undefined);
  await scene.commit(namespace, putOf("b", "1"));
  for (const note of scene.notes.splice(0)) reader.cache.noteCommit(note);
  assert.equal(cached(reader, namespace, "a"), undefined);
});

test("after a revision that it was never told of the cache trusts nothing that it kept", async (t) => {
  const { scene, reader, namespace } = await withOneKept(t);
  await scene.commit(namespace, putOf("a", "2"));
  scene.notes.length = 0;
  await scene.commit(namespace, putOf("b", "1"));
  for (const note of scene.notes.splice(0)) reader.cache.noteCommit(note);
  assert.equal(reader.read(namespace, keyOf("a"))?.value, "2");
});

test("no entry may take more than its share of the cache", async (t) => {
  const scene = openScene(t);
  const namespace = "test" as Namespace;
  await scene.commit(namespace, putOf("large", new Uint8Array(10_000)));
  const reader = new Reader(scene.table, 100_000);
  reader.read(namespace, keyOf("large"));
  assert.equal(reader.cache.bytes, 0);
});

test("a key counts twice, as it lies in memory twice", async (t) => {
  const scene = openScene(t);
  const namespace = "test" as Namespace;
  const long = "k".repeat(4_000);
  await scene.commit(namespace, putOf(long, "1"));
  const reader = new Reader(scene.table, 1_000_000);
  reader.read(namespace, keyOf(long));
  assert.ok(reader.cache.bytes > 2 * long.length);
});

function cached(reader: Reader, namespace: Namespace, name: string): Entry | undefined {
  const standing = reader.cache.current(namespace);
  return standing && reader.cache.find(standing, keyOf(name));
}

async function withOneKept(
  t: TestContext,
): Promise<{ readonly scene: Scene; readonly reader: Reader; readonly namespace: Namespace }> {
  const scene = openScene(t);
  const namespace = "test" as Namespace;
  await scene.commit(namespace, putOf("a", "1"));
  const reader = new Reader(scene.table, 100_000);
  for (const note of scene.notes.splice(0)) reader.cache.noteCommit(note);
  assert.equal(reader.read(namespace, keyOf("a"))?.value, "1");
  return { scene, reader, namespace };
}
