/** Every command against a real daemon: what it prints where, and how it ends. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Daemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import {
  ended,
  jsonOf,
  type Kvdb,
  kvdbAt,
  kvdbProgram,
  startKvdb,
  succeeding,
} from "./run-kvdb.js";

const directory = tempDirectory({ after });
const socket = join(directory, "kvdb.sock");
const daemon = new Daemon({
  file: join(directory, "kv.db"),
  env: { KVDB_LISTEN: `127.0.0.1:0,unix:${socket}` },
});
let kvdb: Kvdb;
before(async () => {
  const { grpc } = await daemon.ready();
  kvdb = kvdbAt(grpc[0] ?? "");
});
after(async () => {
  await daemon.stop();
});

const done = succeeding(() => kvdb);

test("a value comes back byte for byte, from an argument, a file and standard input", async () => {
  const bytes = Buffer.of(0x00, 0xff, 0x0a, 0x1b);
  const path = join(directory, "value.bin");
  writeFileSync(path, bytes);
  await done("put", "bytes/hex", bytes.toString("hex"), "--value-encoding", "hex");
  await done("put", "bytes/file", "--file", path);
  assert.equal((await kvdb(["put", "bytes/stdin", "-"], { input: bytes })).code, 0);
  for (const name of ["hex", "file", "stdin"]) {
    assert.deepEqual((await done("get", `bytes/${name}`)).stdout, bytes, name);
  }
  const { kv } = jsonOf(await done("get", "bytes/hex", "--json"));
  const shown = kv as Record<string, unknown>;
  assert.deepEqual([shown["value"], shown["valueText"]], [bytes.toString("base64"), undefined]);
  assert.equal(shown["keyText"], "bytes/hex");
});

test("each condition that does not hold ends with its own code and changes nothing", async () => {
  await done("put", "cond", "one", "--if-absent");
  const { kv } = jsonOf(await done("get", "cond", "--json"));
  const revision = String((kv as Record<string, unknown>)["modRevision"]);
  for (const { flags, code, reason } of [
    { flags: ["--if-absent"], code: 4, reason: "KEY_EXISTS" },
    { flags: ["--if-version", "9"], code: 5, reason: "CONDITION_FAILED" },
    { flags: ["--if-revision", "0"], code: 5, reason: "CONDITION_FAILED" },
  ]) {
    const ran = await kvdb(["put", "cond", "two", ...flags]);
    assert.equal(ran.code, code, flags.join(" "));
    assert.match(ran.stderr, new RegExp(`^kvdb: .*\\(${reason}\\)\nhint: .+\n`));
    assert.equal(ran.stdout.length, 0);
  }
  const missing = await kvdb(["put", "cond/none", "x", "--if-present"]);
  assert.equal(missing.code, 3, missing.stderr);
  const { previous } = jsonOf(
    await done("put", "cond", "two", "--if-revision", revision, "--previous", "--json"),
  );
  assert.equal((previous as Record<string, unknown>)["valueText"], "one");
  await done("del", "cond", "--if-version", "2");
  assert.equal((await kvdb(["del", "cond", "--if-present"])).code, 3);
});

test("an absent key ends with 3, as text and as JSON", async () => {
  const plain = await kvdb(["get", "nowhere"]);
  assert.deepEqual([plain.code, plain.stdout.length], [3, 0]);
  assert.match(plain.stderr, /there is no key nowhere\nhint: /);
  const json = await kvdb(["get", "nowhere", "--json"]);
  const { error } = JSON.parse(json.stderr) as { error: Record<string, unknown> };
  assert.equal(error["exit"], 3);
});

test("numbers are added to, renamed keys keep their value, ranges are deleted at once", async () => {
  assert.equal((await done("incr", "n/a", "--initial", "10")).stdout.toString(), "11\n");
  assert.equal((await done("incr", "n/a", "--by=-12")).stdout.toString(), "-1\n");
  await done("rename", "n/a", "n/b");
  assert.equal((await done("get", "n/b")).stdout.toString(), "-1");
  await done("put", "n/c", "word");
  assert.equal((await kvdb(["rename", "n/b", "n/c"])).code, 4);
  assert.equal((await kvdb(["rename", "n/z", "n/y"])).code, 3);
  assert.equal((await kvdb(["incr", "n/c"])).code, 8);
  const deleted = jsonOf(await done("del", "--prefix", "n/", "--json"));
  assert.equal(deleted["deletedCount"], 2);
  assert.equal((await kvdb(["del"])).code, 2);
  assert.equal((await kvdb(["del", "--prefix", "n/", "--all"])).code, 2);
});

test("a request repeated under its id has one effect", async () => {
  const args = ["incr", "once", "--by", "5", "--request-id", "the-same"];
  assert.equal((await done(...args)).stdout.toString(), "5\n");
  assert.equal((await done(...args)).stdout.toString(), "5\n");
  assert.equal((await kvdb(["incr", "once", "--request-id", "the-same"])).code, 5);
});

test("list and scan show a range in order, either way, in pages or at once", async () => {
  const ops = Array.from({ length: 25 }, (_unused, at) => {
    return { put: { key: `page/${String(at).padStart(2, "0")}`, value: `v\t${String(at)}` } };
  });
  const batch = await kvdb(["batch", "-"], { input: JSON.stringify(ops) });
  assert.equal(batch.code, 0, batch.stderr);
  const listed = await done("list", "--prefix", "page/", "--page-size", "10", "--limit", "0");
  const scanned = await done("scan", "--prefix", "page/");
  assert.equal(listed.stdout.toString(), scanned.stdout.toString());
  const lines = listed.stdout.toString().trimEnd().split("\n");
  assert.deepEqual([lines.length, lines[0], lines[24]], [25, "page/00\tv\\t0", "page/24\tv\\t24"]);
  const reversed = await done(
    "list",
    "--prefix",
    "page/",
    "--reverse",
    "--keys-only",
    "--limit",
    "2",
  );
  assert.equal(reversed.stdout.toString(), "page/24\npage/23\n");
  assert.match(reversed.stderr, /there are more/);
  assert.equal((await done("list", "--prefix", "page/", "--count")).stdout.toString(), "25\n");
  assert.equal((await done("scan", "--prefix", "page/", "--count")).stdout.toString(), "25\n");
  const interval = await done("scan", "--start", "page/03", "--end", "page/05", "--json");
  const keys = interval.stdout
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => {
      return (JSON.parse(line) as Record<string, unknown>)["keyText"];
    });
  assert.deepEqual(keys, ["page/03", "page/04"]);
  const { entries, more } = jsonOf(
    await done("list", "--prefix", "page/", "--limit", "3", "--json"),
  );
  assert.deepEqual([(entries as unknown[]).length, more], [3, true]);
});

test("a transaction runs one list or the other, and says which", async () => {
  const path = join(directory, "txn.json");
  const txn = {
    compares: [{ key: "txn/a", relation: "COMPARE_RELATION_EQUAL", version: 0 }],
    success: [{ put: { key: "txn/a", value: "1" } }],
    failure: [{ get: { key: "txn/a" } }],
  };
  writeFileSync(path, JSON.stringify(txn));
  assert.equal(jsonOf(await done("txn", path, "--json"))["succeeded"], true);
  const { succeeded, responses, failedCompares } = jsonOf(await done("txn", path, "--json"));
  assert.deepEqual([succeeded, failedCompares], [false, [0]]);
  assert.match(JSON.stringify(responses), /"valueText":"1"/);
  const misspelt = await kvdb(["txn", "-"], { input: '{"succes":[]}' });
  assert.equal(misspelt.code, 2);
  assert.match(misspelt.stderr, /succes is no field of kvdb\.v1\.TxnRequest/);
});

test("what is exported is loaded back as it was", async () => {
  const path = join(directory, "export.jsonl");
  await done("put", "binary", "00ff", "--value-encoding", "hex", "-n", "from");
  await done("put", "text", "é", "--ttl", "1h", "-n", "from");
  await done("export", "-n", "from", "--file", path);
  await done("load", path, "--format", "entries", "-n", "to");
  const [from, to] = [await done("export", "-n", "from"), await done("export", "-n", "to")].map(
    ({ stdout }) => stdout.toString().trimEnd().split("\n").map(keyValueExpiry),
  );
  assert.equal(from?.length, 2);
  assert.deepEqual(to, from);
  assert.equal(readFileSync(path, "utf8").trimEnd().split("\n").length, 2);
});

test("namespaces are made, shown and listed", async () => {
  await done("namespace", "create", "shop", "--quota-keys", "1");
  assert.equal((await kvdb(["namespace", "create", "shop"])).code, 4);
  assert.equal((await kvdb(["namespace", "get", "nobody"])).code, 3);
  const { namespace } = jsonOf(await done("namespace", "get", "shop", "--json"));
  const { settings } = namespace as { settings: Record<string, unknown> };
  assert.equal(settings["quotaKeys"], "1");
  assert.match((await done("namespace")).stdout.toString(), /^shop\s/m);
  await done("put", "a", "1", "-n", "shop");
  assert.equal((await kvdb(["put", "b", "1", "-n", "shop"])).code, 8);
});

test("the operator's views have facts as JSON and lines for people", async () => {
  const status = jsonOf(await done("status", "--json"));
  assert.equal(status["state"], "ENGINE_STATE_SERVING");
  assert.match(String(status["uptime"]), /^\d+(\.\d+)?s$/);
  const told = (await done("status")).stdout.toString();
  assert.match(told, /^state +serving/);
  assert.match(told, /^scrubber +(resting|walking); .*; nothing found$/m);
  const checkpoint = jsonOf(await done("checkpoint", "--mode", "truncate", "--json"));
  assert.equal(checkpoint["outcome"], "CHECKPOINT_OUTCOME_TRUNCATED");
  const wal = jsonOf(await done("wal", "--json"));
  assert.equal(wal["walBytes"], "0");
  assert.match((await done("wal")).stdout.toString(), /truncated +truncate +manual/);
  const { connections } = jsonOf(await done("pragmas", "--json"));
  assert.match(JSON.stringify(connections), /"CONNECTION_ROLE_WRITER"/);
  assert.match((await done("pragmas")).stdout.toString(), /synchronous +3 +3 +no/);
});

test("an integrity check ends with a verdict, and the last report can be read again", async () => {
  const { verdict, rowsChecked } = jsonOf(await done("integrity", "--all", "--json"));
  assert.equal(verdict, "INTEGRITY_VERDICT_PASSED");
  assert.ok(Number(rowsChecked) > 0);
  assert.match((await done("integrity", "--last")).stdout.toString(), /^verdict +passed/);
  assert.equal((await kvdb(["integrity", "--quick", "--full"])).code, 2);
});

test("a drained daemon refuses, says so in its state, and serves again after resume", async () => {
  await done("drain", "--reason", "for a test");
  const refused = await kvdb(["get", "x", "--timeout", "300ms"]);
  assert.equal(refused.code, 7);
  assert.match(refused.stderr, /\(DRAINING\)/);
  assert.match((await done("status")).stdout.toString(), /draining.*for a test/);
  assert.equal((await done("resume")).stdout.toString(), "serving\n");
  await done("put", "after-drain", "1");
});

test("events of the daemon's life come with their numbers, until the time is up", async () => {
  const { stdout } = await done("events", "--kind", "checkpoint", "--json", "--timeout", "500ms");
  const [first = "{}"] = stdout.toString().split("\n");
  const event = JSON.parse(first) as Record<string, unknown>;
  assert.equal(event["kind"], "ENGINE_EVENT_KIND_CHECKPOINT");
  assert.ok(Number(event["sequence"]) >= 1);
});

test("the log level is set and told", async () => {
  const { level, previousLevel } = jsonOf(await done("log-level", "debug", "--json"));
  assert.deepEqual([level, previousLevel], ["LOG_LEVEL_DEBUG", "LOG_LEVEL_INFO"]);
  assert.equal((await done("log-level", "info")).stdout.toString(), "info, was debug\n");
  assert.equal((await kvdb(["log-level", "loud"])).code, 2);
});

test("any method is called by its name, with JSON in and out", async () => {
  const key = Buffer.from("called").toString("base64");
  const put = JSON.stringify({ key, value: key });
  assert.match((await done("call", "KvService/Put", put)).stdout.toString(), /"revision": "\d+"/);
  const { kv } = jsonOf(await done("call", "Get", JSON.stringify({ key }), "--json"));
  assert.equal((kv as Record<string, unknown>)["value"], key);
  const health = jsonOf(await done("call", "Health/Check", "{}", "--json"));
  assert.equal(health["status"], "SERVING");
  const scan = await done("call", "Scan", '{"range":{"all":true}}', "--json");
  assert.match(scan.stdout.toString(), /"kvs":\[/);
  const chunks = ['{"chunkId":"1","kvs":[]}', '{"chunkId":"2","kvs":[]}'].join("\n");
  const loaded = await kvdb(["call", "BulkLoad", "-", "--json"], { input: chunks });
  assert.equal(loaded.stdout.toString().trimEnd().split("\n").length, 2, loaded.stderr);
  const refused = await kvdb(["call", "Get", '{"key":""}']);
  assert.deepEqual([refused.code, /\(KEY_EMPTY\)/.test(refused.stderr)], [5, true], refused.stderr);
  assert.equal((await kvdb(["call", "Watch"])).code, 2);
  assert.equal((await kvdb(["call", "Get", '{"kee":""}'])).code, 2);
});

test("smoke tries the main operations and leaves no key behind", async () => {
  const { passed, failed } = jsonOf(await done("smoke", "--json"));
  assert.deepEqual([passed, failed], [10, 0]);
  assert.equal((await done("list", "-n", "kvdb-smoke", "--count")).stdout.toString(), "0\n");
  const plain = await done("smoke");
  assert.match(plain.stdout.toString(), /10 of 10 steps passed\n$/);
});

test("a unix socket is an address too, and one where nobody listens ends with 7", async () => {
  await done("--address", `unix:${socket}`, "get", "after-drain");
  const nobody = await kvdb(["get", "x", "--address", "127.0.0.1:1"]);
  assert.equal(nobody.code, 7);
  assert.match(nobody.stderr, /cannot connect to 127\.0\.0\.1:1 \(NOT_CONNECTED\)\nhint: /);
  assert.equal((await kvdb(["get", "x", "--address", "nonsense"])).code, 2);
  // A write that never left is no unknown outcome.
  assert.equal((await kvdb(["put", "x", "y", "--address", "127.0.0.1:1"])).code, 7);
});

test("a reader that has seen enough ends the tool without an error", async () => {
  const big = Array.from({ length: 2_000 }, (_unused, at) =>
    JSON.stringify({ id: at, text: "x".repeat(500) }),
  );
  const path = join(directory, "big.jsonl");
  writeFileSync(path, big.join("\n"));
  await done("load", path, "--key", "big/{id}");
  const { grpc } = await daemon.ready();
  const child = startKvdb(["scan"], { KVDB_ADDRESS: grpc[0] ?? "" });
  child.stdout.once("data", () => child.stdout.destroy());
  const { code, stderr } = await ended(child);
  assert.deepEqual([code, stderr], [0, ""]);
});

test("Ctrl-C ends a stream cleanly", async () => {
  const { grpc } = await daemon.ready();
  const child = startKvdb(["events"], { KVDB_ADDRESS: grpc[0] ?? "" });
  child.stdout.once("data", () => child.kill("SIGINT"));
  const { code, stderr } = await ended(child);
  assert.deepEqual([code, stderr], [0, ""]);
});

test("help and version need no daemon", async () => {
  const help = await kvdbAt("127.0.0.1:1")(["help"]);
  assert.match(help.stdout.toString(), /^kvdb: the command line tool/);
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const shown = await kvdbAt("127.0.0.1:1")(["--version"]);
  assert.equal(shown.stdout.toString(), `kvdb ${version}\n`);
  assert.match((await done("help", "exit-codes")).stdout.toString(), /^12 +A write may/m);
  assert.match((await done("put", "--help")).stdout.toString(), /--if-absent/);
});

function keyValueExpiry(line: string): readonly unknown[] {
  const { key, value, expireTime } = JSON.parse(line) as Record<string, unknown>;
  return [key, value, expireTime];
}

test("output that cannot be written ends with its own exit code, and in one line", async (t) => {
  const full = openSync("/dev/full", "w");
  t.after(() => {
    closeSync(full);
  });
  const child = spawn(process.execPath, [kvdbProgram, "version"], {
    stdio: ["ignore", full, "pipe"],
  });
  let told = "";
  child.stderr?.on("data", (data: Buffer) => {
    told += data.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 7, told);
  assert.match(told, /^kvdb: ENOSPC.*\n$/);
});
