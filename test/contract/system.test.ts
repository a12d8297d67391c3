/** What stands beside the RPCs, and the states in which they are not served. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { statusCode } from "../../src/rpc/status-code.js";
import { definedPaths } from "../../src/transport/grpc-js/dispatch-table.js";
import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../src/wire/grpc/health/v1/health.js";
import {
  ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../src/wire/grpc/reflection/v1/reflection.js";
import { DrainRequest, type DrainResponse, EngineState } from "../../src/wire/kvdb/v1/admin.js";
import { answer, bytes, type ContractClient, collect, refused, text } from "./client.js";
import { startInProcess } from "./in-process-runner.js";
import { rawCall } from "./raw-call.js";

const key = bytes("k");
const range = { range: { $case: "all", value: true } } as const;

async function healthOf(client: ContractClient, service: string): Promise<number> {
  const { status } = await answer<HealthCheckResponse>((done) =>
    client.health.check({ service }, done),
  );
  return status;
}

const notServing = [
  { state: "opening", code: statusCode.UNAVAILABLE, reason: "NOT_READY" },
  { state: "recovering", code: statusCode.UNAVAILABLE, reason: "NOT_READY" },
  { state: "failed", code: statusCode.UNAVAILABLE, reason: "NOT_READY" },
  { state: "draining", code: statusCode.UNAVAILABLE, reason: "DRAINING" },
] as const;
for (const { state, code, reason } of notServing) {
  test(`while ${state}, calls are ${reason} with a delay, and administration and health answer`, async (ending) => {
    const { client, readiness } = await startInProcess(ending);
    readiness.set(state, "for a test");
    const calls: readonly (() => Promise<unknown>)[] = [
      () => client.get({ key }),
      () => client.put({ key }),
      () => client.scan({ range }),
      () => collect(client.bulkLoad()),
      () =>
        answer((done) => client.namespaces.listNamespaces({ pageSize: 0, pageToken: "" }, done)),
    ];
    for (const call of calls) {
      const refusal = await refused(call());
      assert.deepEqual([refusal.code, refusal.reason], [code, reason]);
      assert.ok((refusal.retryMs ?? 0) > 0);
      assert.equal(refusal.metadata["state"], state);
    }
    assert.equal(await healthOf(client, "kvdb.v1.KvService"), ServingStatus.NOT_SERVING);
    const found = await answer<{ state: number; stateReason: string }>((done) =>
      client.admin.getStatus({}, done),
    );
    assert.equal(found.stateReason, "for a test");
    readiness.set("serving", "");
    await client.put({ key, value: bytes("1") });
    assert.equal(text((await client.get({ key })).kv?.value), "1");
  });
}

test("a drained server refuses new calls until it is resumed, and health follows", async (ending) => {
  const { client } = await startInProcess(ending);
  await client.put({ key, value: bytes("1") });
  const watch = client.health.watch({ service: "" });
  ending.after(() => {
    watch.cancel();
  });
  watch.on("error", () => undefined);
  const statuses: number[] = [];
  watch.on("data", ({ status }: HealthCheckResponse) => statuses.push(status));
  await once(watch, "data");
  const drained = await answer<DrainResponse>((done) =>
    client.admin.drain(DrainRequest.fromPartial({ reason: "maintenance" }), done),
  );
  assert.equal(drained.state, EngineState.ENGINE_STATE_DRAINING);
  const refusal = await refused(client.get({ key }));
  assert.equal(refusal.reason, "DRAINING");
  assert.match(refusal.message, /maintenance/);
  const resumed = await answer<{ state: number }>((done) => client.admin.resume({}, done));
  assert.equal(resumed.state, EngineState.ENGINE_STATE_SERVING);
  assert.equal(text((await client.get({ key })).kv?.value), "1");
  while (statuses.length < 3) await once(watch, "data");
  assert.deepEqual(statuses, [
    ServingStatus.SERVING,
    ServingStatus.NOT_SERVING,
    ServingStatus.SERVING,
  ]);
});

test("a server that is stopping cannot be resumed", async (ending) => {
  const { client, readiness } = await startInProcess(ending);
  readiness.stop("the process ends");
  const resumed = await answer<{ state: number }>((done) => client.admin.resume({}, done));
  assert.equal(resumed.state, EngineState.ENGINE_STATE_DRAINING);
  assert.equal((await refused(client.get({ key }))).reason, "DRAINING");
});

test("health knows every service by name, and says so of those it does not know", async (ending) => {
  const { client } = await startInProcess(ending);
  const services = definedPaths()
    .map((path) => path.slice(1).split("/")[0] ?? "")
    .filter((service) => service.startsWith("kvdb."));
  for (const service of ["", ...new Set(services)]) {
    assert.equal(await healthOf(client, service), ServingStatus.SERVING);
  }
  const refusal = await refused(healthOf(client, "no.such.Service"));
  assert.deepEqual([refusal.code, refusal.reason], [statusCode.NOT_FOUND, "SERVICE_NOT_FOUND"]);
  const watch = client.health.watch({ service: "no.such.Service" });
  watch.on("error", () => undefined);
  const [told] = (await once(watch, "data")) as [HealthCheckResponse];
  assert.equal(told.status, ServingStatus.SERVICE_UNKNOWN);
  watch.cancel();
});

type Question = NonNullable<ServerReflectionRequest["messageRequest"]>;

async function reflect(
  client: ContractClient,
  question: Question,
): Promise<ServerReflectionResponse["messageResponse"][]> {
  const answers: ServerReflectionResponse["messageResponse"][] = [];
  for (const each of [client.reflection, client.reflectionAlpha]) {
    const stream = each.serverReflectionInfo();
    stream.end(ServerReflectionRequest.fromPartial({ messageRequest: question }));
    const [message] = await collect<ServerReflectionResponse>(stream);
    answers.push(message?.messageResponse);
  }
  return answers;
}

test("reflection lists the services, and gives the file of a symbol with all its imports", async (ending) => {
  const { client } = await startInProcess(ending);
  for (const found of await reflect(client, { $case: "listServices", value: "" })) {
    assert.ok(found?.$case === "listServicesResponse");
    const names = found.value.service.map(({ name }) => name);
    for (const name of ["kvdb.v1.KvService", "kvdb.v1.AdminService", "grpc.health.v1.Health"]) {
      assert.ok(names.includes(name), `${name} is listed`);
    }
  }
  const symbols = [
    "kvdb.v1.KvService.Get",
    "kvdb.v1.PutRequest",
    "kvdb.v1.PutRequest.ttl",
    "google.rpc.ErrorInfo",
  ];
  for (const value of symbols) {
    for (const found of await reflect(client, { $case: "fileContainingSymbol", value })) {
      assert.ok(found?.$case === "fileDescriptorResponse", value);
      assert.ok(found.value.fileDescriptorProto.length > 0);
    }
  }
  const [file] = await reflect(client, { $case: "fileByFilename", value: "kvdb/v1/kv.proto" });
  assert.ok(file?.$case === "fileDescriptorResponse");
  const first = Buffer.from(file.value.fileDescriptorProto[0] ?? []);
  assert.ok(first.includes("kvdb/v1/kv.proto"), "the file that was asked for comes first");
  assert.ok(file.value.fileDescriptorProto.length >= 4);
  for (const value of ["kvdb.v1.Nothing", ""]) {
    for (const found of await reflect(client, { $case: "fileContainingSymbol", value })) {
      assert.ok(found?.$case === "errorResponse");
      assert.equal(found.value.errorCode, statusCode.NOT_FOUND);
    }
  }
});

test("every method that is defined is served: none answers a bare UNIMPLEMENTED", async (ending) => {
  const { address } = await startInProcess(ending);
  for (const path of definedPaths()) {
    const body = path.endsWith("/Watch") || path.endsWith("Info") || path.endsWith("WatchEvents");
    if (body) continue;
    const trailers = await rawCall(address, path, Buffer.alloc(5));
    const bare =
      trailers["grpc-status"] === "12" && trailers["grpc-status-details-bin"] === undefined;
    assert.ok(!bare, `${path} is served`);
  }
});

const garbage: readonly { readonly what: string; readonly body: Buffer }[] = [
  { what: "no message at all", body: Buffer.alloc(0) },
  { what: "half a prefix", body: Buffer.from([0, 0]) },
  { what: "a message shorter than its prefix says", body: Buffer.from([0, 0, 0, 0, 9, 1]) },
  { what: "a prefix of 4 GiB", body: Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]) },
  { what: "a compression that was not agreed on", body: Buffer.from([1, 0, 0, 0, 1, 0]) },
  { what: "a field with an unknown wire type", body: Buffer.from([0, 0, 0, 0, 1, 0x0f]) },
  { what: "a length that never ends", body: Buffer.from([0, 0, 0, 0, 3, 0x0a, 0xff, 0xff]) },
  { what: "two messages for one call", body: Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) },
  { what: "random bytes", body: Buffer.from("0000000005deadbeef99", "hex") },
];
test("garbage in calls and on connections leaves the server serving", async (ending) => {
  const { client, address, log } = await startInProcess(ending);
  for (const { what, body } of garbage) {
    for (const method of ["Get", "Put", "Scan", "BulkLoad"]) {
      const trailers = await rawCall(address, `/kvdb.v1.KvService/${method}`, body);
      // The library takes a stream that ends within a message for one that ends before it.
      if (method === "BulkLoad") assert.match(String(trailers["grpc-status"]), /^\d+$/, what);
      else assert.notEqual(trailers["grpc-status"], "0", `${what} to ${method}`);
    }
  }
  const [host = "", port = ""] = address.split(":");
  for (const bytesSent of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.alloc(1000, 0xff)]) {
    const socket = connect({ host, port: Number(port) });
    socket.on("error", () => undefined);
    socket.end(bytesSent);
    socket.resume();
    await once(socket, "close");
  }
  await client.put({ key, value: bytes("still here") });
  assert.equal(text((await client.get({ key })).kv?.value), "still here");
  assert.deepEqual(log.of("rpc.handler-failed"), []);
});

test("an upload is taken in less than one round trip per 64 KiB", async (ending) => {
  const { client, server } = await startInProcess(ending);
  assert.equal(server.windowsRaised, true);
  await client.put({ key, value: new Uint8Array(1024 * 1024) });
  const { kv } = await client.get({ key });
  assert.equal(kv?.value.length, 1024 * 1024);
});

test("calls are counted and timed by method and status", async (ending) => {
  const { client, metrics } = await startInProcess(ending);
  for (let at = 0; at < 5; at++) await client.put({ key });
  await refused(client.put({ key: new Uint8Array(0) }));
  await client.scan({ range });
  const exposed = await metrics.expose();
  for (const line of [
    'kvdb_operations_total{rpc="KvService/Put",status="OK"} 5',
    'kvdb_operations_total{rpc="KvService/Put",status="INVALID_ARGUMENT"} 1',
    'kvdb_errors_total{code="INVALID_ARGUMENT"} 1',
    'kvdb_operations_total{rpc="KvService/Scan",status="OK"} 1',
    'kvdb_operation_duration_seconds_count{rpc="KvService/Put"} 6',
    "kvdb_active_streams 0",
    "kvdb_connected_clients 1",
  ]) {
    assert.ok(exposed.split("\n").includes(line), line);
  }
});
