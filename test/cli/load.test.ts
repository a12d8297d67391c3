/** A load of many rows: it survives the daemon, it goes on where it was, and it says how far it is. */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";
import { ended, jsonOf, kvdbAt, startKvdb } from "./run-kvdb.js";

const rows = 4_000;
const chunkRows = "20";
const template = "row/{id}";

function writeRows(directory: string): string {
  const path = join(directory, "rows.json");
  const all = Array.from({ length: rows }, (_unused, id) => ({ id, text: `row ${String(id)}` }));
  writeFileSync(path, JSON.stringify(all));
  return path;
}

async function serving(daemon: Daemon): Promise<string> {
  return (await daemon.ready()).grpc[0] ?? "";
}

test("a load goes on by itself when the daemon was killed and comes back, and writes nothing twice", async (t) => {
  const directory = tempDirectory(t);
  const path = writeRows(directory);
  const file = join(directory, "kv.db");
  const first = startDaemon(t, { file });
  const address = await serving(first);
  const env = { KVDB_LISTEN: address };
  const load = startKvdb(["load", path, "--key", template, "--chunk-rows", chunkRows, "--json"], {
    KVDB_ADDRESS: address,
  });
  const ran = ended(load);
  const kvdb = kvdbAt(address);
  await waitFor("some chunks on disk", async () => {
    const { stdout } = await kvdb(["list", "--count"]);
    return Number(stdout) > 0 ? true : undefined;
  });
  await first.stop("SIGKILL");
  await serving(startDaemon(t, { file, env }));
  const { code, stdout, stderr } = await ran;
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout.toString("utf8")) as Record<string, number>;
  assert.equal(result["rows"], rows);
  const { count, header } = jsonOf(await kvdb(["scan", "--count", "--json"]));
  assert.equal(count, rows);
  // Each chunk is one revision: a chunk that was sent again under its id got no second one.
  const chunks = rows / Number(chunkRows);
  assert.equal((header as Record<string, unknown>)["revision"], String(chunks));
  const { kv } = jsonOf(await kvdb(["get", `row/${String(rows - 1)}`, "--json"]));
  const { valueText, version } = kv as Record<string, unknown>;
  assert.deepEqual(
    [valueText, version],
    [`{"id":${String(rows - 1)},"text":"row ${String(rows - 1)}"}`, "1"],
  );
});

test("a load that was interrupted is gone on with by the same command, and forgets it at the end", async (t) => {
  const directory = tempDirectory(t);
  const path = writeRows(directory);
  const address = await serving(startDaemon(t, { file: join(directory, "kv.db") }));
  const args = ["load", path, "--key", template, "--chunk-rows", "5"];
  const interrupted = startKvdb(args, { KVDB_ADDRESS: address });
  // The first line of progress says that the first chunk was acknowledged.
  interrupted.stderr.once("data", () => interrupted.kill("SIGINT"));
  const { code, stderr } = await ended(interrupted);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /interrupted.*\nhint: run the same command again/);
  assert.equal(readdirSync(directory).filter((name) => name.endsWith(".kvdb-load")).length, 1);
  const kvdb = kvdbAt(address);
  const again = await kvdb([...args, "--json"]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /going on after [\d ]+ rows acknowledged before/);
  const result = jsonOf(again);
  assert.equal(result["rows"], rows);
  assert.ok(Number(result["runRows"]) < rows);
  assert.equal(jsonOf(await kvdb(["list", "--count", "--json"]))["count"], rows);
  assert.equal(readdirSync(directory).filter((name) => name.endsWith(".kvdb-load")).length, 0);
});

test("a row without a key field ends the load with its number; what came before stays", async (t) => {
  const directory = tempDirectory(t);
  const path = join(directory, "rows.jsonl");
  writeFileSync(path, '{"id":1}\n{"id":2}\n{"ident":3}\n');
  const kvdb = kvdbAt(await serving(startDaemon(t, { file: join(directory, "kv.db") })));
  const ran = await kvdb(["load", path, "--key", "{id}", "--chunk-rows", "1"]);
  assert.equal(ran.code, 5);
  assert.match(ran.stderr, /row 3 of .* has no field id.*\nhint: its fields: ident/);
  for (const { args, says } of [
    { args: ["load", path], says: /rows need --key/ },
    { args: ["load", "--key", "{id}"], says: /needs one source/ },
    { args: ["load", path, "--npm", "x", "--key", "{id}"], says: /needs one source/ },
    { args: ["load", "--npm", "--flag=x", "--key", "{id}"], says: /npm/ },
    {
      args: ["load", path, "--key", "{id}", "--chunk-rows", "0"],
      says: /--chunk-rows is out of range/,
    },
    { args: ["load", path, "--key", "{id}", "--format", "entries"], says: /keys of their own/ },
  ]) {
    const refused = await kvdb(args);
    assert.equal(refused.code, 2, args.join(" "));
    assert.match(refused.stderr, says);
  }
  assert.equal((await kvdb(["load", join(directory, "none"), "--key", "{id}"])).code, 7);
});

test("the demonstration kills its own daemon, finds every row, and leaves nothing behind", async (t) => {
  const directory = tempDirectory(t);
  const path = writeRows(directory);
  const run = kvdbAt("127.0.0.1:1");
  const options = { env: { TMPDIR: directory, KVDB_SQLITE_FILE: "/no/such/place" } };
  const ran = await run(["demo", path, "--key", template, "--chunk-rows", "50", "--json"], options);
  assert.equal(ran.code, 0, ran.stderr);
  const { kept, scanned, afterKill, atEnd, acknowledgedAtKill } = jsonOf(ran);
  assert.deepEqual([kept, scanned], [true, rows]);
  assert.ok(Number(acknowledgedAtKill) >= rows / 2 && Number(acknowledgedAtKill) < rows);
  const none = { missing: 0, wrong: 0, strange: 0 };
  for (const found of [
    ...(afterKill as { found: object }[]).map((row) => row.found),
    atEnd as object,
  ]) {
    assert.deepEqual({ ...found, ...none }, found);
  }
  assert.deepEqual(readdirSync(directory), ["rows.json"]);
});
