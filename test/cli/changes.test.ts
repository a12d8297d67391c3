/** Changes as they happen, leases, and the care of history: the rest of the commands. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { KvClient, KvError, watchChanges } from "../../src/client/index.js";
import { Daemon, startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { ended, jsonOf, type Kvdb, kvdbAt, startKvdb, succeeding } from "./run-kvdb.js";

const directory = tempDirectory({ after });
const daemon = new Daemon({ file: join(directory, "kv.db") });
let kvdb: Kvdb;
let address = "";
before(async () => {
  address = (await daemon.ready()).grpc[0] ?? "";
  kvdb = kvdbAt(address);
});
after(async () => {
  await daemon.stop();
});

const done = succeeding(() => kvdb);

test("watch shows every change in order, with the reason of each deletion", async () => {
  const args = ["watch", "-n", "seen", "--from", "1", "--json"];
  await done("put", "a/1", "one", "-n", "seen");
  await done("put", "b/1", "elsewhere", "-n", "seen");
  await done("del", "a/1", "-n", "seen");
  const all = await done(...args, "--timeout", "1s");
  const events = all.stdout
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { type, reason, revision, keyText, valueText } = JSON.parse(line) as Record<
        string,
        unknown
      >;
      return [type, reason, revision, keyText, valueText];
    });
  assert.deepEqual(events, [
    ["PUT", undefined, "1", "a/1", "one"],
    ["PUT", undefined, "2", "b/1", "elsewhere"],
    ["DELETE", "CLIENT", "3", "a/1", undefined],
  ]);
  const flags = ["--prefix", "a/", "--only", "delete", "--timeout", "1s"];
  const some = await done("watch", "-n", "seen", "--from", "1", ...flags);
  assert.equal(some.stdout.toString(), "3\tdelete (client)\ta/1\n");
  assert.equal((await kvdb(["watch", "-n", "seen", "--from", "99", "--timeout", "1s"])).code, 5);
});

test("watch shows what happens after it began, until Ctrl-C", async () => {
  const child = startKvdb(["watch", "-n", "live"], { KVDB_ADDRESS: address });
  const ran = ended(child);
  child.stdout.once("data", () => child.kill("SIGINT"));
  // It is not told when the watch stands, so changes are made until one of them is seen.
  for (let count = 0; child.exitCode === null && count < 100; count++) {
    await kvdb(["incr", "n", "-n", "live"]);
  }
  const { code, stdout, stderr } = await ran;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout.toString(), /^\d+\tput\tn\t\d+\n/);
});

test("a watch goes on across a kill of the daemon, without gap or repetition", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const first = startDaemon(t, { file });
  const [listening = ""] = (await first.ready()).grpc;
  const client = KvClient.open({ address: listening });
  t.after(() => {
    client.close();
  });
  const key = Buffer.from("n");
  const range = { range: { $case: "all", value: true } } as const;
  const stopping = new AbortController();
  const seen: bigint[] = [];
  let breaks = 0;
  const onBreak = (): void => {
    breaks += 1;
  };
  const options = { signal: stopping.signal, onBreak };
  await client.kv.increment({ key, delta: 1n });
  for await (const { events } of watchChanges(client, { range, startRevision: 1n }, options)) {
    seen.push(...events.map(({ kv }) => kv?.modRevision ?? 0n));
    const last = Number(seen.at(-1));
    if (last >= 12) break;
    if (last === 6) {
      await first.stop("SIGKILL");
      await startDaemon(t, { file, env: { KVDB_LISTEN: listening } }).ready();
    }
    await client.kv.increment({ key, delta: 1n });
  }
  assert.ok(breaks >= 1);
  assert.deepEqual(
    seen,
    Array.from({ length: 12 }, (_unused, at) => BigInt(at + 1)),
  );
});

test("a watch of what is no longer retained ends with where to begin instead", async () => {
  for (const value of ["1", "2", "3"]) await done("put", "k", value, "-n", "old");
  const { oldestRevision } = jsonOf(await done("compact", "2", "-n", "old", "--json"));
  assert.ok(Number(oldestRevision) > 1, String(oldestRevision));
  const client = KvClient.open({ address });
  const range = { range: { $case: "all", value: true } } as const;
  const seen: bigint[] = [];
  await assert.rejects(
    async () => {
      const request = { namespace: "old", range, startRevision: 1n };
      for await (const { compactedRevision } of watchChanges(client, request)) {
        if (compactedRevision !== undefined) seen.push(compactedRevision);
      }
    },
    (error) => error instanceof KvError && error.reason === "COMPACTED",
  );
  client.close();
  assert.deepEqual(seen, [BigInt(String(oldestRevision))]);
});

test("a lease is granted, shown, kept, bound to keys and revoked with them", async () => {
  const granted = jsonOf(await done("lease", "grant", "7", "--ttl", "1h", "--json"));
  assert.equal((granted["lease"] as Record<string, unknown>)["ttl"], "3600s");
  assert.equal((await kvdb(["lease", "grant", "7", "--ttl", "1h"])).code, 4);
  await done("put", "bound", "x", "--lease", "7");
  assert.match(
    (await done("lease", "get", "7", "--keys")).stdout.toString(),
    /keys: 1\n {2}bound\n/,
  );
  assert.match((await done("lease", "keep", "7")).stdout.toString(), /^left +(1h|59m 59s)/m);
  assert.match((await done("lease")).stdout.toString(), /^ +7 /m);
  assert.equal(jsonOf(await done("lease", "revoke", "7", "--json"))["deletedCount"], 1);
  assert.equal((await kvdb(["get", "bound"])).code, 3);
  for (const action of ["keep", "get", "revoke"]) {
    assert.equal((await kvdb(["lease", action, "7"])).code, 3, action);
  }
  for (const args of [["grant"], ["get"], ["keep", "x"], ["lend"], ["get", "7", "--ttl", "1s"]]) {
    assert.equal((await kvdb(["lease", ...args])).code, 2, args.join(" "));
  }
});

test("a namespace is changed in part and deleted with its keys", async () => {
  await done("namespace", "create", "shop", "--quota-keys", "5");
  await done("namespace", "update", "shop", "--block-writes", "on", "--block-reason", "moving");
  const blocked = await kvdb(["put", "a", "1", "-n", "shop"]);
  assert.deepEqual([blocked.code, /moving/.test(blocked.stderr)], [8, true], blocked.stderr);
  const { namespace } = jsonOf(await done("namespace", "get", "shop", "--json"));
  const { settings } = namespace as { settings: Record<string, unknown> };
  assert.deepEqual([settings["quotaKeys"], settings["blockWrites"]], ["5", true]);
  await done("namespace", "update", "shop", "--block-writes", "off");
  await done("put", "a", "1", "-n", "shop");
  assert.match((await done("namespace", "delete", "shop")).stdout.toString(), /keys: 1/);
  assert.equal((await kvdb(["namespace", "get", "shop"])).code, 3);
  for (const args of [["drop", "x"], ["get"], ["create"]]) {
    assert.equal((await kvdb(["namespace", ...args])).code, 2, args.join(" "));
  }
});

test("a vacuum gives back what deletions left, and says how much", async () => {
  const value = "x".repeat(100_000);
  const ops = Array.from({ length: 20 }, (_unused, at) => ({
    put: { key: `big/${String(at)}`, value },
  }));
  const written = await kvdb(["batch", "-", "-n", "vacuum"], { input: JSON.stringify(ops) });
  assert.equal(written.code, 0, written.stderr);
  await done("namespace", "delete", "vacuum");
  const { done: isDone, freelistBytes } = jsonOf(await done("vacuum", "--json"));
  assert.deepEqual([isDone, freelistBytes], [true, "0"]);
});
