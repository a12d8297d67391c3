/** Every way in which a group can end, and what is left behind by each. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { type GroupEnd, groupCommit } from "../../../../src/engine/commit/group-commit.js";
import type { TxnRequest } from "../../../../src/storage/model.js";
import { memberOf, StateOnFile } from "../../../support/state-on-file.js";
import { putOf, testNamespace } from "../../../support/temp-engine.js";

function put(value: string): TxnRequest {
  const body = { compares: [], success: [putOf("a", value)], failure: [] };
  return { namespace: testNamespace, principal: undefined, requestId: undefined, body };
}

function commit({ store }: StateOnFile, value: string): Promise<GroupEnd> {
  return groupCommit(store.state, store.log, [memberOf(put(value))], store.tenure);
}

/** The first commit is the new epoch of the start, so the second is the first group. */
function storeThatFails(t: TestContext, code: string, point = "before-commit"): StateOnFile {
  return StateOnFile.open(t, { failpoints: `${point}=error:${code}@2` });
}

const definite: readonly { readonly code: string; readonly kind: GroupEnd["kind"] }[] = [
  { code: "SQLITE_FULL", kind: "disk-full" },
  { code: "SQLITE_BUSY", kind: "busy" },
  { code: "SQLITE_BUSY_SNAPSHOT", kind: "busy" },
  { code: "SQLITE_LOCKED", kind: "busy" },
];

for (const { code, kind } of definite) {
  test(`${code} at the COMMIT ends "${kind}", leaves nothing, and the next group is written`, async (t) => {
    const scene = storeThatFails(t, code);
    const { store } = scene;
    const before = store.commitSequence;
    assert.deepEqual(await commit(scene, "1"), { kind, code });
    assert.equal(store.connection.inTransaction, false);
    assert.deepEqual(store.log.takeAppended(), []);
    assert.equal(store.commitSequence, before);
    const next = await commit(scene, "2");
    assert.equal(next.kind, "done");
    assert.deepEqual(
      store.log.takeAppended().map(({ first, last }) => [first, last]),
      [[1n, 1n]],
    );
    assert.equal(store.commitSequence, before + 1n);
    assert.equal(store.state.applied(testNamespace), 1n);
  });
}

const latching: readonly { readonly code: string; readonly kind: "io" | "damaged" }[] = [
  { code: "SQLITE_IOERR_FSYNC", kind: "io" },
  { code: "SQLITE_IOERR_WRITE", kind: "io" },
  { code: "SQLITE_CORRUPT", kind: "io" },
  { code: "SQLITE_READONLY", kind: "io" },
  { code: "SQLITE_NOTADB", kind: "damaged" },
];

for (const { code, kind } of latching) {
  test(`${code} at the COMMIT latches with an unknown outcome, and nothing is rolled back`, async (t) => {
    const scene = storeThatFails(t, code);
    const end = await commit(scene, "1");
    assert.ok(end.kind === "latched");
    assert.deepEqual(
      [end.fault.kind, end.fault.code, end.fault.outcomeUnknown],
      [kind, code, true],
    );
    assert.equal(scene.store.connection.inTransaction, true);
  });
}

test("an error after the COMMIT is an unknown outcome too, of a group that is on disk", async (t) => {
  const scene = storeThatFails(t, "SQLITE_IOERR_FSYNC", "after-commit");
  const end = await commit(scene, "1");
  assert.ok(end.kind === "latched" && end.fault.outcomeUnknown);
  assert.equal(scene.store.log.tail(testNamespace), 1n);
});

test("a group that cannot begin ends busy", async (t) => {
  const scene = StateOnFile.open(t);
  const other = new Database(scene.file);
  other.exec("BEGIN IMMEDIATE");
  const end = await commit(scene, "1");
  assert.equal(end.kind, "busy");
  other.exec("ROLLBACK");
  other.close();
  assert.equal((await commit(scene, "1")).kind, "done");
});

test("a bug is thrown, after its transaction was rolled back", async (t) => {
  const scene = storeThatFails(t, "SQLITE_MISUSE");
  await assert.rejects(commit(scene, "1"), { code: "SQLITE_MISUSE" });
  assert.equal(scene.store.connection.inTransaction, false);
  assert.equal((await commit(scene, "2")).kind, "done");
});

test("a group that only reads commits nothing", async (t) => {
  const scene = StateOnFile.open(t);
  const before = scene.store.commitSequence;
  const [operation] = [{ kind: "get", key: putOf("a", "1").key } as const];
  const body = { compares: [], success: [operation], failure: [] };
  const member = memberOf({ ...put("1"), body });
  const { state, log, tenure } = scene.store;
  const end = await groupCommit(state, log, [member], tenure);
  assert.equal(end.kind, "done");
  assert.deepEqual([scene.store.commitSequence, log.takeAppended()], [before, []]);
  assert.equal(scene.store.connection.inTransaction, false);
});
