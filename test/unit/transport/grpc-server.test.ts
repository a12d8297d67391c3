/** Listening, connections, limits and the ordered end, on real sockets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { statusCode } from "../../../src/rpc/status-code.js";
import { ListenError, parseListenAddress } from "../../../src/transport/listeners.js";
import {
  GetRequest,
  GetResponse,
  KvServiceClient,
  PutRequest,
  PutResponse,
  WatchRequest,
  WatchResponse,
} from "../../../src/wire/kvdb/v1/kv.js";
import { answer, readRefusal } from "../../contract/client.js";
import { type Ending, tempDirectory } from "../../support/temp-directory.js";
import { accepts, gate, type Rows, serve, waitUntil } from "./serving.js";

const getPath = "/kvdb.v1.KvService/Get";
const request = GetRequest.fromPartial({ key: new Uint8Array([1]) });
const emptyAnswer = GetResponse.fromPartial({});
const answersGet = (rows: Rows): ReturnType<Rows["unary"]>[] => [
  rows.unary(getPath, () => emptyAnswer),
];

function clientOf(ending: Ending, address: string): KvServiceClient {
  const client = new KvServiceClient(address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
  });
  ending.after(() => {
    client.close();
  });
  return client;
}

test("a server listens on several addresses and names the ports that were bound", async (ending) => {
  const path = join(tempDirectory(ending), "deep", "kvdb.sock");
  const { server } = await serve(ending, answersGet, {
    listen: ["127.0.0.1:0", "[::1]:0", `unix:${path}`],
  });
  const [first = "", second = "", third = ""] = server.addresses;
  assert.match(first, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.match(second, /^\[::1\]:[1-9]\d*$/);
  assert.equal(third, `unix:${path}`);
  for (const address of [first, second, third]) {
    const client = clientOf(ending, address);
    assert.deepEqual(await answer((done) => client.get(request, done)), emptyAnswer);
  }
});

test("a Unix socket and the directory made for it belong to the owner alone", async (ending) => {
  const directory = join(tempDirectory(ending), "run");
  const path = join(directory, "kvdb.sock");
  await serve(ending, answersGet, { listen: [`unix:${path}`] });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

test("a socket that a dead process left behind is replaced", async (ending) => {
  const path = join(tempDirectory(ending), "kvdb.sock");
  await leaveSocketBehind(path);
  assert.equal(await accepts(`unix:${path}`), false);
  await serve(ending, answersGet, { listen: [`unix:${path}`] });
  assert.equal(await accepts(`unix:${path}`), true);
});

test("a socket that answers, and a file that is none, are left alone", async (ending) => {
  const directory = tempDirectory(ending);
  const taken = join(directory, "taken.sock");
  const other = createServer().listen(taken);
  ending.after(() => {
    other.close();
  });
  await once(other, "listening");
  const file = join(directory, "notes.txt");
  writeFileSync(file, "keep me");
  for (const path of [taken, file]) {
    await assert.rejects(serve(ending, answersGet, { listen: [`unix:${path}`] }), ListenError);
  }
  assert.equal(await accepts(`unix:${taken}`), true);
  assert.equal(statSync(file).size, "keep me".length);
});

test("when one address is taken, none is listened on", async (ending) => {
  const path = join(tempDirectory(ending), "kvdb.sock");
  const { address } = await serve(ending, answersGet);
  const listen = [`unix:${path}`, address];
  await assert.rejects(serve(ending, answersGet, { listen }), (error: unknown) => {
    assert.ok(error instanceof ListenError);
    assert.equal(error.address, address);
    return true;
  });
  assert.equal(await accepts(`unix:${path}`), false);
});

const addresses = [
  { text: "127.0.0.1:50051", is: { kind: "tcp", host: "127.0.0.1", port: 50051 } },
  { text: "localhost:0", is: { kind: "tcp", host: "localhost", port: 0 } },
  { text: "[::]:65535", is: { kind: "tcp", host: "::", port: 65535 } },
  { text: "unix:/run/kvdb.sock", is: { kind: "unix", path: "/run/kvdb.sock" } },
  { text: "127.0.0.1", is: undefined },
  { text: "127.0.0.1:65536", is: undefined },
  { text: "::1:50051", is: undefined },
  { text: "unix:", is: undefined },
  { text: "", is: undefined },
];
for (const { text, is } of addresses) {
  test(`"${text}" is ${is === undefined ? "refused" : "understood"} as an address`, () => {
    if (is === undefined) assert.throws(() => parseListenAddress(text), ListenError);
    else assert.deepEqual(parseListenAddress(text), is);
  });
}

test("a drain lets running calls finish, ends subscriptions and refuses new connections", async (ending) => {
  const started = gate();
  const finish = gate();
  const { server, client, address, readiness } = await serve(ending, (rows) => [
    rows.unary(getPath, async () => {
      started.open();
      await finish.opened;
      return emptyAnswer;
    }),
    rows.serverStream(
      "/kvdb.v1.KvService/Watch",
      async (_request: WatchRequest, out, call) => {
        await out.write(WatchResponse.fromPartial({ progress: true }));
        await once(call.signal(), "abort");
      },
      { endless: true },
    ),
  ]);
  const running = answer((done) => client.get(request, done));
  const watching = clientOf(ending, address).watch(WatchRequest.fromPartial({}));
  const ended = once(watching, "error");
  await once(watching, "data");
  await started.opened;
  readiness.set("draining", "for a test");
  const drained = server.drain(30_000);
  const refusal = readRefusal((await ended)[0] as ServiceError);
  assert.equal(refusal.code, statusCode.UNAVAILABLE);
  assert.equal(refusal.reason, "DRAINING");
  assert.ok((refusal.retryMs ?? 0) > 0);
  assert.equal(await accepts(address), false);
  finish.open();
  assert.deepEqual(await running, emptyAnswer);
  assert.deepEqual(await drained, { cut: 0 });
});

test("a drain cuts what is still busy when the grace time is up", async (ending) => {
  const started = gate();
  const { server, client } = await serve(ending, (rows) => [
    rows.unary(getPath, async (_request: GetRequest, call) => {
      started.open();
      await once(call.signal(), "abort");
      return emptyAnswer;
    }),
  ]);
  const running = answer((done) => client.get(request, done));
  const failed = assert.rejects(running);
  await started.opened;
  assert.deepEqual(await server.drain(50), { cut: 1 });
  await failed;
});

test("a close cuts every connection, and twice is fine", async (ending) => {
  const { server, client, address, metrics } = await serve(ending, answersGet);
  await answer((done) => client.get(request, done));
  assert.match(await metrics.expose(), /^kvdb_connected_clients 1$/m);
  await server.close();
  await server.close();
  assert.equal(await accepts(address), false);
  assert.match(await metrics.expose(), /^kvdb_connected_clients 0$/m);
});

test("the receive windows are raised, so that this version of the library still allows it", async (ending) => {
  const { server } = await serve(ending, answersGet);
  assert.equal(server.windowsRaised, true);
});

test("a message at the limit is taken, and one byte more is refused", async (ending) => {
  const maxMessageBytes = 64 * 1024;
  const { address } = await serve(
    ending,
    (rows) => [rows.unary("/kvdb.v1.KvService/Put", () => PutResponse.fromPartial({}))],
    { maxMessageBytes },
  );
  const client = clientOf(ending, address);
  const sized = (bytes: number): PutRequest => {
    const empty = PutRequest.fromPartial({ value: new Uint8Array(bytes) });
    const overhead = PutRequest.encode(empty).finish().length - bytes;
    return PutRequest.fromPartial({ value: new Uint8Array(bytes - overhead) });
  };
  await answer((done) => client.put(sized(maxMessageBytes), done));
  await assert.rejects(
    answer((done) => client.put(sized(maxMessageBytes + 1), done)),
    { code: statusCode.RESOURCE_EXHAUSTED },
  );
  await answer((done) => client.put(sized(1024), done));
});

test("connections beyond the bound are closed, and the others are served on", async (ending) => {
  const { address, client } = await serve(ending, answersGet, { limits: { connectionsMax: 1 } });
  await answer((done) => client.get(request, done));
  const late = clientOf(ending, address);
  await assert.rejects(
    answer((done) => late.get(request, done)),
    { code: statusCode.UNAVAILABLE },
  );
  await answer((done) => client.get(request, done));
});

test("calls that were refused, failed or cancelled leave nothing behind", async (ending) => {
  const { client, admission } = await serve(ending, (rows) => [
    rows.unary(getPath, async ({ keysOnly }: GetRequest, call) => {
      if (keysOnly) throw new Error("a bug");
      await once(call.signal(), "abort");
      return emptyAnswer;
    }),
  ]);
  await assert.rejects(answer((done) => client.get({ ...request, keysOnly: true }, done)));
  const cancelled = answer((done) => {
    const call = client.get(request, done);
    void waitUntil("the call to be in progress", () => admission.running.calls === 1).then(() => {
      call.cancel();
    });
  });
  await assert.rejects(cancelled, { code: statusCode.CANCELLED });
  await waitUntil("the call to leave", () => admission.running.calls === 0);
  assert.deepEqual(admission.running, { calls: 0, streams: 0, bytes: 0 });
});

/** A socket file whose owner is gone: the library unlinks its own, so the file is renamed away first. */
async function leaveSocketBehind(path: string): Promise<void> {
  const { renameSync } = await import("node:fs");
  const server = createServer();
  mkdirSync(join(path, ".."), { recursive: true });
  server.listen(`${path}.first`);
  await once(server, "listening");
  renameSync(`${path}.first`, path);
  server.close();
  await once(server, "close");
}
