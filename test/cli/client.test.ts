/** The client against a real daemon: retries that have one effect, streams that pause, clear errors. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { compareRows, isAsPromised } from "../../src/cli/demo/verify-rows.js";
import {
  type BulkChunk,
  bulkLoad,
  isCancelled,
  KvClient,
  KvError,
} from "../../src/client/index.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { pause } from "../support/wait.js";

const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8");

async function clientOf(t: TestContext, address: string): Promise<KvClient> {
  const client = KvClient.open({ address });
  t.after(() => {
    client.close();
  });
  await client.connect();
  return client;
}

async function served(t: TestContext): Promise<KvClient> {
  const daemon = startDaemon(t, { file: join(tempDirectory(t), "kv.db") });
  return await clientOf(t, (await daemon.ready()).grpc[0] ?? "");
}

function kvError(check: (error: KvError) => boolean): (error: unknown) => boolean {
  return (error) => error instanceof KvError && check(error);
}

test("a refusal has its reason, its hint and its facts, and says that nothing happened", async (t) => {
  const client = await served(t);
  await client.kv.put({ key: bytes("k"), value: bytes("v") });
  const condition = { condition: { $case: "ifVersion", value: 9n } } as const;
  await assert.rejects(
    client.kv.put({ key: bytes("k"), value: bytes("w"), condition }),
    kvError(({ status, reason, hint, mayHaveHappened }) => {
      assert.deepEqual([status, reason, mayHaveHappened], ["ABORTED", "CONDITION_FAILED", false]);
      return hint !== "";
    }),
  );
  await assert.rejects(
    client.kv.put({ key: Buffer.alloc(5_000), value: bytes("w") }),
    kvError(
      ({ reason, violations }) => reason === "KEY_TOO_LARGE" && violations[0]?.field === "key",
    ),
  );
});

test("calls wait for a daemon that is restarting, and mutations among them happen once", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const first = startDaemon(t, { file });
  const address = (await first.ready()).grpc[0] ?? "";
  const env = { KVDB_LISTEN: address };
  const client = await clientOf(t, address);
  const key = bytes("counter");
  await client.kv.increment({ key, delta: 1n });
  await first.stop("SIGKILL");
  const counting = Array.from({ length: 20 }, () => client.kv.increment({ key, delta: 1n }));
  await startDaemon(t, { file, env }).ready();
  const answers = await Promise.all(counting);
  assert.equal(new Set(answers.map(({ value }) => value)).size, 20);
  const { kv } = await client.kv.get({ key });
  assert.equal(Buffer.from(kv?.value ?? []).toString(), "21");
});

test("a write that got no answer is said to be unknown, and its id makes the retry one effect", async (t) => {
  const daemon = startDaemon(t, { file: join(tempDirectory(t), "kv.db") });
  const client = await clientOf(t, (await daemon.ready()).grpc[0] ?? "");
  const request = { key: bytes("n"), delta: 5n, requestId: client.newRequestId() };
  await client.kv.get({ key: request.key });
  daemon.process.kill("SIGSTOP");
  const limits = { timeoutMs: 300 };
  const unanswered = (mayHaveHappened: boolean): ((error: unknown) => boolean) => {
    return kvError((error) => {
      return error.status === "DEADLINE_EXCEEDED" && error.mayHaveHappened === mayHaveHappened;
    });
  };
  await assert.rejects(client.kv.increment(request, limits), unanswered(true));
  await assert.rejects(client.kv.get({ key: request.key }, limits), unanswered(false));
  daemon.process.kill("SIGCONT");
  const answers = [await client.kv.increment(request), await client.kv.increment(request)];
  assert.deepEqual(
    answers.map(({ value }) => value),
    [5n, 5n],
  );
});

test("where nobody listens a mutation is refused as never sent, after its time or at once", async (t) => {
  const client = KvClient.open({ address: "127.0.0.1:1", timeoutMs: 300 });
  t.after(() => {
    client.close();
  });
  const neverSent = kvError(({ reason, mayHaveHappened }) => {
    return reason === "NOT_CONNECTED" && !mayHaveHappened;
  });
  await assert.rejects(client.kv.put({ key: bytes("k"), value: bytes("v") }), neverSent);
  await assert.rejects(client.connect({ mode: "fail-fast" }), neverSent);
  await assert.rejects(client.kv.scan({}).next(), neverSent);
});

test("a reader that leaves a scan ends it, one that pauses gets every entry", async (t) => {
  const client = await served(t);
  const value = Buffer.alloc(100_000, "x");
  const keys = Array.from({ length: 60 }, (_unused, at) => `row/${String(at).padStart(3, "0")}`);
  for (const key of keys) await client.kv.put({ key: bytes(key), value });
  const range = { range: { $case: "all", value: true } } as const;
  const seen: string[] = [];
  for await (const { kvs } of client.kv.scan({ range })) {
    seen.push(...kvs.map(({ key }) => Buffer.from(key).toString()));
    await pause(5);
  }
  assert.deepEqual(seen, keys);
  for await (const { kvs } of client.kv.scan({ range })) {
    assert.ok(kvs.length > 0);
    break;
  }
  const stopping = new AbortController();
  await assert.rejects(async () => {
    for await (const part of client.kv.scan({ range }, { signal: stopping.signal })) {
      assert.ok(part.kvs.length > 0);
      stopping.abort();
    }
  }, isCancelled);
  const { kv } = await client.kv.get({ key: bytes("row/000") });
  assert.equal(kv?.value.length, value.length);
});

function chunk(id: number, rows: number): BulkChunk {
  const entries = Array.from({ length: rows }, (_unused, at) => {
    return {
      key: bytes(`${String(id)}/${String(at)}`),
      value: bytes(`value ${String(id)} ${String(at)}`),
    };
  });
  return { id: BigInt(id), entries };
}

async function* chunks(count: number): AsyncGenerator<BulkChunk, void, undefined> {
  for (let id = 1; id <= count; id++) {
    // A source that is not always ready, as a file is.
    await new Promise((resolve) => setImmediate(resolve));
    yield chunk(id, 10);
  }
}

test("a bulk load acknowledges every chunk in order, also across a kill of the server", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const first = startDaemon(t, { file });
  const address = (await first.ready()).grpc[0] ?? "";
  const env = { KVDB_LISTEN: address };
  const client = await clientOf(t, address);
  const acknowledged: bigint[] = [];
  let breaks = 0;
  const options = {
    namespace: "bulk",
    loadId: "one-load",
    onBreak: () => {
      breaks += 1;
    },
  };
  for await (const { chunkId } of bulkLoad(client, chunks(100), options)) {
    acknowledged.push(chunkId);
    if (chunkId !== 40n) continue;
    await first.stop("SIGKILL");
    await startDaemon(t, { file, env }).ready();
  }
  assert.ok(breaks > 0);
  assert.equal(acknowledged.at(-1), 100n);
  assert.ok(acknowledged.every((id, at) => at === 0 || id > (acknowledged[at - 1] ?? 0n)));
  const entries = Array.from({ length: 100 }, (_unused, at) => chunk(at + 1, 10).entries).flat();
  const { signal } = new AbortController();
  const found = await compareRows(client, "bulk", entries, entries.length, signal);
  assert.deepEqual(found, { promised: 1_000, missing: 0, wrong: 0, unpromised: 0, strange: 0 });
});

test("a source that fails ends the load with its own error", async (t) => {
  const client = await served(t);
  async function* failing(): AsyncGenerator<BulkChunk, void, undefined> {
    yield* chunks(2);
    throw new RangeError("the disk with the rows is gone");
  }
  await assert.rejects(async () => {
    for await (const answer of bulkLoad(client, failing(), { namespace: "", loadId: "l" })) {
      assert.ok(answer.chunkId > 0n);
    }
  }, RangeError);
});

test("a chunk that is refused ends the load with the server's reason", async (t) => {
  const client = await served(t);
  async function* bad(): AsyncGenerator<BulkChunk, void, undefined> {
    yield* chunks(1);
    yield { id: 2n, entries: [{ key: bytes(""), value: bytes("a key has at least one byte") }] };
  }
  await assert.rejects(
    async () => {
      for await (const { chunkId } of bulkLoad(client, bad(), { namespace: "", loadId: "l" })) {
        assert.equal(chunkId, 1n);
      }
    },
    kvError(({ reason }) => reason === "KEY_EMPTY"),
  );
});

test("the comparison of the demonstration sees a missing, a wrong and a strange row", async (t) => {
  const client = await served(t);
  const rows = ["a", "b", "c", "d"].map((name) => ({ key: bytes(name), value: bytes(name) }));
  const { signal } = new AbortController();
  for (const name of ["b", "d", "e"]) await client.kv.put({ key: bytes(name), value: bytes(name) });
  await client.kv.put({ key: bytes("c"), value: bytes("damaged") });
  const found = await compareRows(client, "", rows, 3, signal);
  assert.deepEqual(found, { promised: 3, missing: 1, wrong: 1, unpromised: 1, strange: 1 });
  assert.equal(isAsPromised(found), false);
  assert.equal(isAsPromised({ ...found, missing: 0, wrong: 0, strange: 0 }), true);
});
