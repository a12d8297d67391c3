/**
 * Damage that a read meets: believed only when a second look sees it too, named, and contained: what
 * is not damaged goes on being served.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type ServiceError, status } from "@grpc/grpc-js";
import Database from "better-sqlite3";
import { buildRecorder, recordedEnvironment } from "../../src/prove/recording/recorder.js";
import { EngineError } from "../../src/storage/errors.js";
import { ListRequest } from "../../src/wire/kvdb/v1/kv.js";
import { answerTo, connectTo } from "../support/grpc-client.js";
import type { FaultySighting } from "../support/read-faults-process.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { okOf, refusalOf, type TempEngine, testNamespace } from "../support/temp-engine.js";
import { closedStore, keyOfRow } from "./row-store.js";

const rows = 400;
const pageBytes = 4096;

/** Zeroes a leaf of the table in the middle; returns it, and how many of its rows it held. */
function zeroLeaf(file: string): { readonly page: number; readonly rows: number } {
  const database = new Database(file, { readonly: true });
  const leaves = database
    .prepare("SELECT pageno, ncell FROM dbstat WHERE name = 'kv' AND pagetype = 'leaf'")
    .all() as { readonly pageno: number; readonly ncell: number }[];
  database.close();
  const leaf = leaves[Math.floor(leaves.length / 2)];
  assert.ok(leaf !== undefined);
  const bytes = readFileSync(file);
  bytes.fill(0, (leaf.pageno - 1) * pageBytes, leaf.pageno * pageBytes);
  writeFileSync(file, bytes);
  return { page: leaf.pageno, rows: leaf.ncell };
}

/** The pages of the file that hold a text, as they are told. */
function leavesWith(file: string, text: string): string[] {
  const bytes = readFileSync(file);
  const pages: string[] = [];
  for (let page = 1; page * pageBytes <= bytes.length; page++) {
    const content = bytes.subarray((page - 1) * pageBytes, page * pageBytes);
    if (content.includes(text)) pages.push(String(page));
  }
  return pages;
}

function flipIn(file: string, text: string): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(text);
  assert.ok(at >= 0, `${text} is in the file`);
  // The table's row, and where else the text stands: the log, which no read of keys asks.
  for (let found = at; found >= 0; found = bytes.indexOf(text, found + 1)) {
    const last = found + text.length - 1;
    bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last);
  }
  writeFileSync(file, bytes);
}

async function ends(temp: TempEngine): Promise<{ readonly served: number; readonly lost: number }> {
  let [served, lost] = [0, 0];
  for (let row = 0; row < rows; row++) {
    try {
      const text = await temp.text(keyOfRow(row));
      assert.ok(text?.startsWith(`value-${keyOfRow(row)}-`));
      served++;
    } catch (error) {
      assert.ok(error instanceof EngineError && error.kind === "corrupt", String(error));
      lost++;
    }
  }
  return { served, lost };
}

test("a damaged row is named to its reader, told once, and everything else is served", async (t) => {
  const temp = await closedStore(t, rows);
  const key = keyOfRow(123);
  flipIn(temp.file, `value-${key}-`);
  await temp.start({});
  const read = temp.get(key);
  const error: unknown = await read.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof EngineError && error.kind === "corrupt");
  assert.equal(Buffer.from(error.facts["key"] ?? "", "base64").toString(), key);
  assert.equal(error.facts["table"], "kv");
  assert.match(error.facts["row_id"] ?? "", /^\d+$/);
  assert.ok(
    leavesWith(temp.file, `value-${key.slice(0, -1)}`).includes(error.facts["pages"] ?? ""),
  );
  await assert.rejects(temp.get(key));
  await assert.rejects(temp.list({ rowsMax: rows }), { kind: "corrupt" });
  assert.deepEqual(await ends(temp), { served: rows - 1, lost: 1 });
  const lines = temp.log.of("integrity.row-damaged");
  assert.equal(lines.length, 1, "a place is told once");
  assert.equal(lines[0]?.fields["key_hash"], error.facts["key_hash"]);
  assert.equal(lines[0]?.fields["pages"], error.facts["pages"]);
  assert.ok(!JSON.stringify(temp.log.lines).includes(key), "no key is logged");
  const { alarms, state } = temp.engine.maintenance.status();
  assert.deepEqual(
    alarms.map(({ name }) => name),
    ["DAMAGED_ROWS"],
  );
  assert.equal(state, "serving");
  assert.match(await temp.metrics.expose(), /^kvdb_row_checksum_errors_total [4-9]$/m);
  okOf(await temp.put("other", "1"));
  const refused = await temp.increment(key, 1n);
  assert.ok(refused.kind === "refused" && refused.refusal.kind === "corrupt");
  assert.equal(refused.refusal.facts["pages"], error.facts["pages"], "a write is told where too");
});

const policies = [
  { policy: "warn", state: "serving", write: "ok" },
  { policy: "readonly", state: "read_only", write: "read-only" },
] as const;

for (const { policy, state, write } of policies) {
  test(`a damaged page that a read meets follows the policy ${policy}`, async (t) => {
    const temp = await closedStore(t, rows);
    const damaged = zeroLeaf(temp.file);
    await temp.start({ integrityFailurePolicy: policy });
    await assert.rejects(temp.list({ rowsMax: rows }), { name: "EngineError", kind: "corrupt" });
    const status = temp.engine.maintenance.status();
    assert.equal(status.state, state);
    assert.deepEqual(
      status.alarms.map(({ name }) => name),
      ["INTEGRITY_FAILED"],
    );
    assert.equal(await refusalOf(() => temp.put("other", "1")), write);
    assert.match(
      status.alarms[0]?.message ?? "",
      new RegExp(`\\(page ${String(damaged.page)}\\)$`),
    );
    assert.deepEqual(temp.faults, []);
    assert.deepEqual(await ends(temp), { served: rows - damaged.rows, lost: damaged.rows });
  });
}

test("a damaged page that a read meets ends the daemon under the policy refuse", async (t) => {
  const temp = await closedStore(t, rows);
  zeroLeaf(temp.file);
  const env = {
    KVDB_INTEGRITY_FAILURE_POLICY: "refuse",
    KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP: "OFF",
    KVDB_PROFILE: "staging",
  };
  const daemon = startDaemon(t, { file: temp.file, env });
  const client = connectTo(t, (await daemon.ready()).grpc[0] ?? "");
  const request = ListRequest.fromPartial({
    namespace: testNamespace,
    range: { range: { $case: "all", value: true } },
    pageSize: rows,
  });
  const listed = answerTo((done) => client.kv.list(request, done));
  await assert.rejects(listed, (error: ServiceError) => {
    return error.code === status.DATA_LOSS || error.code === status.UNAVAILABLE;
  });
  assert.equal((await daemon.ended).code, 10);
});

test("a read that fails once is repeated and nobody notices but the log", (t) => {
  const directory = realpathSync(tempDirectory(t));
  const recorder = buildRecorder(directory);
  const program = fileURLToPath(new URL("../support/read-faults-process.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--enable-source-maps", program, directory],
    {
      env: recordedEnvironment({ recorder, directory, log: join(directory, "operations") }),
      encoding: "utf8",
    },
  );
  assert.equal(status, 0, stderr);
  const seen = JSON.parse(stdout) as FaultySighting;
  assert.deepEqual([seen.wrong, seen.refused, seen.alarms, seen.faults], [[], [], [], 0]);
  assert.ok(seen.repeated >= seen.attempts / 3, `${String(seen.repeated)} reads were repeated`);
});
