/**
 * What every pair of a commit log and a state machine keeps, whatever stands behind them. Another
 * implementation adds a line to `implementations`; one that needs an exception changes its `caps`.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { compareBytes } from "../../src/foundation/bytes.js";
import type { CommitLog, Tenure } from "../../src/storage/commit-log.js";
import type { LogEntry } from "../../src/storage/log-entry.js";
import type { Namespace, Operation, RequestId, Revision } from "../../src/storage/model.js";
import type { StateMachine } from "../../src/storage/state-machine.js";
import { memberOf, StateOnFile } from "../support/state-on-file.js";
import { keyOf, putOf, textOf } from "../support/temp-engine.js";

interface Pair {
  readonly log: CommitLog;
  readonly state: StateMachine;
  readonly tenure: Tenure;
  /** Opened again on what is durable, with a new tenure. */
  reopen(): Pair;
}

function local(t: TestContext, file?: string): Pair {
  const store = StateOnFile.open(t, file === undefined ? {} : { file });
  const { log, state, tenure } = store.store;
  return {
    log,
    state,
    tenure,
    reopen: () => {
      store.close();
      return local(t, store.file);
    },
  };
}

const implementations: readonly {
  readonly name: string;
  readonly open: (t: TestContext) => Pair;
}[] = [{ name: "the local log", open: local }];

const [one, two] = ["one", "two"] as Namespace[] as [Namespace, Namespace];

interface Wish {
  readonly namespace?: Namespace;
  readonly requestId?: string;
  readonly success: readonly Operation[];
}

function prepare({ state, tenure }: Pair, ...wishes: Wish[]): ReturnType<StateMachine["prepare"]> {
  return state.prepare(
    wishes.map(({ namespace = one, requestId, success }) =>
      memberOf({
        namespace,
        principal: undefined,
        requestId: requestId as RequestId | undefined,
        body: { compares: [], success, failure: [] },
      }),
    ),
    tenure,
  );
}

async function commit(pair: Pair, ...wishes: Wish[]): Promise<readonly LogEntry[]> {
  const { entries } = prepare(pair, ...wishes);
  assert.equal(await pair.log.append(entries, pair.tenure), "committed");
  pair.state.commitPrepared();
  return entries;
}

/** What a read finds, without leaving anything behind. */
function read(pair: Pair, key: string, namespace = one): string | undefined {
  const { outcomes } = prepare(pair, { namespace, success: [{ kind: "get", key: keyOf(key) }] });
  pair.state.abortPrepared();
  const [outcome] = outcomes;
  assert.ok(outcome?.kind === "ok");
  const [response] = outcome.value.responses;
  assert.ok(response?.kind === "got");
  return response.entry === undefined ? undefined : textOf(response.entry.value);
}

for (const { name, open } of implementations) {
  test(`${name}: an entry begins at the tail + 1, and moves the tail to its last revision`, async (t) => {
    const pair = open(t);
    assert.equal(await pair.log.tail(one), 0n);
    const first = await commit(
      pair,
      { success: [putOf("a", "1")] },
      { success: [putOf("b", "1")] },
    );
    assert.deepEqual(
      first.map((entry) => [entry.namespace, entry.first, entry.last]),
      [[one, 1n, 2n]],
    );
    const second = await commit(pair, { success: [putOf("a", "2")] });
    assert.deepEqual(
      second.map((entry) => [entry.first, entry.last]),
      [[3n, 3n]],
    );
    assert.equal(await pair.log.tail(one), 3n);
  });

  test(`${name}: the state is never ahead of the log, and level with it after a commit`, async (t) => {
    const pair = open(t);
    assert.equal(pair.state.applied(one), 0n);
    prepare(pair, { success: [putOf("a", "1")] });
    pair.state.abortPrepared();
    assert.deepEqual([pair.state.applied(one), await pair.log.tail(one)], [0n, 0n]);
    await commit(pair, { success: [putOf("a", "1")] });
    assert.deepEqual([pair.state.applied(one), await pair.log.tail(one)], [1n, 1n]);
  });

  test(`${name}: what was prepared and forgotten leaves nothing, and its revisions are used again`, async (t) => {
    const pair = open(t);
    await commit(pair, { success: [putOf("a", "1")] });
    prepare(
      pair,
      { success: [putOf("a", "2")], requestId: "id" },
      { namespace: two, success: [putOf("a", "1")] },
    );
    pair.state.abortPrepared();
    pair.state.abortPrepared();
    assert.deepEqual([read(pair, "a"), read(pair, "a", two)], ["1", undefined]);
    const wish = { success: [putOf("a", "2")], requestId: "id" };
    const { outcomes, entries } = prepare(pair, wish);
    const [outcome] = outcomes;
    assert.ok(outcome?.kind === "ok");
    assert.deepEqual([outcome.value.replayed, entries[0]?.first], [false, 2n]);
    pair.state.abortPrepared();
  });

  test(`${name}: an entry that leaves a gap, or covers what is there, is a bug and changes nothing`, async (t) => {
    const pair = open(t);
    await commit(pair, { success: [putOf("a", "1")] });
    for (const off of [-1n, 1n]) {
      const { entries } = prepare(pair, { success: [putOf("a", "2")] });
      const moved = entries.map((entry) => ({
        ...entry,
        first: (entry.first + off) as Revision,
        last: (entry.last + off) as Revision,
      }));
      await assert.rejects(async () => pair.log.append(moved, pair.tenure), {
        name: "AssertionError",
      });
      pair.state.abortPrepared();
    }
    assert.deepEqual([await pair.log.tail(one), read(pair, "a")], [1n, "1"]);
  });

  test(`${name}: an entry of another tenure is a bug and changes nothing`, async (t) => {
    const pair = open(t);
    const { entries } = prepare(pair, { success: [putOf("a", "1")] });
    const other = { ...pair.tenure, epoch: (pair.tenure.epoch + 1n) as typeof pair.tenure.epoch };
    await assert.rejects(async () => pair.log.append(entries, other), { name: "AssertionError" });
    pair.state.abortPrepared();
    assert.equal(await pair.log.tail(one), 0n);
  });

  test(`${name}: a group over several namespaces is one entry each, all or none`, async (t) => {
    const pair = open(t);
    assert.equal(pair.log.caps.groupSpansNamespaces, true);
    const entries = await commit(
      pair,
      { namespace: one, success: [putOf("a", "1")] },
      { namespace: two, success: [putOf("a", "2")] },
      { namespace: one, success: [putOf("b", "3")] },
    );
    assert.deepEqual(
      entries.map((entry) => [entry.namespace, entry.first, entry.last, entry.batches.length]),
      [
        [one, 1n, 2n, 2],
        [two, 1n, 1n, 1],
      ],
    );
    assert.deepEqual([read(pair, "a"), read(pair, "b"), read(pair, "a", two)], ["1", "3", "2"]);
  });

  test(`${name}: a request is one revision with at most one change per key, as an effect`, async (t) => {
    const pair = open(t);
    await commit(pair, { success: [putOf("gone", "1"), putOf("n", "1")] });
    const span = { kind: "key", key: keyOf("gone") } as const;
    const [entry] = await commit(pair, {
      success: [
        { kind: "increment", key: keyOf("n"), delta: 4n, initial: 0n },
        { kind: "increment", key: keyOf("n"), delta: 5n, initial: 0n },
        { kind: "delete", span, returnPrevious: false },
        putOf("made", "1"),
        { kind: "delete", span: { kind: "key", key: keyOf("made") }, returnPrevious: false },
      ],
    });
    const changes = [...(entry?.batches[0]?.changes ?? [])].sort((a, b) =>
      compareBytes(a.key, b.key),
    );
    assert.deepEqual(
      changes.map(({ key, value, version, cause }) => [
        textOf(key),
        value === null ? null : textOf(value),
        version,
        cause,
      ]),
      [
        ["gone", null, 0n, "client"],
        ["n", "10", 2n, "client"],
      ],
    );
  });

  test(`${name}: a request sees what the earlier ones of its group did, and no refused one`, (t) => {
    const pair = open(t);
    const get = { kind: "get", key: keyOf("a") } as const;
    const { outcomes, entries } = prepare(
      pair,
      { success: [putOf("a", "1")] },
      {
        success: [
          putOf("a", "2"),
          { kind: "increment", key: keyOf("t"), delta: 1n, initial: 2n ** 63n - 1n },
        ],
      },
      { success: [get] },
    );
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ["ok", "refused", "ok"],
    );
    const last = outcomes[2];
    assert.ok(last?.kind === "ok");
    const [response] = last.value.responses;
    assert.equal(
      response?.kind === "got" && textOf(response.entry?.value ?? new Uint8Array()),
      "1",
    );
    assert.deepEqual(entries[0]?.batches.length, 1);
    pair.state.abortPrepared();
  });

  test(`${name}: a group that only reads or is refused has no entries`, (t) => {
    const pair = open(t);
    const span = { kind: "key", key: keyOf("none") } as const;
    const { entries } = prepare(
      pair,
      { success: [{ kind: "get", key: keyOf("a") }] },
      { success: [{ kind: "delete", span, returnPrevious: false }] },
      { success: [{ kind: "rename", from: keyOf("a"), to: keyOf("b"), overwrite: false }] },
    );
    assert.deepEqual(entries, []);
    pair.state.abortPrepared();
  });

  test(`${name}: after a new start everything is there, and a higher epoch goes on above the tail`, async (t) => {
    const before = open(t);
    await commit(before, { success: [putOf("a", "1")], requestId: "id" });
    prepare(before, { success: [putOf("a", "lost")] });
    before.state.abortPrepared();
    const after = before.reopen();
    assert.ok(after.tenure.epoch > before.tenure.epoch);
    assert.deepEqual([await after.log.tail(one), after.state.applied(one)], [1n, 1n]);
    assert.equal(read(after, "a"), "1");
    const retry = prepare(after, { success: [putOf("a", "1")], requestId: "id" });
    assert.deepEqual(retry.entries, []);
    after.state.abortPrepared();
    const [entry] = await commit(after, { success: [putOf("a", "2")] });
    assert.deepEqual([entry?.first, entry?.epoch], [2n, after.tenure.epoch]);
  });

  test(`${name}: every entry has a nonce and a time of its own, which never steps back`, async (t) => {
    const pair = open(t);
    const entries = [];
    for (let round = 0; round < 5; round++) {
      entries.push(...(await commit(pair, { success: [putOf("a", String(round))] })));
    }
    assert.equal(new Set(entries.map(({ nonce }) => nonce)).size, entries.length);
    const times = entries.map(({ timeMs }) => timeMs);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
  });
}
