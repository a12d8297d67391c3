/** The HTTP side answers machines that watch, and nothing a client does can hold it up. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { OpsServer, type OpsSources, type ReadinessCheck } from "../../../src/ops/ops-server.js";
import { type RecordingLog, recordingLog } from "../../support/recording-log.js";
import { type Ending, tempDirectory } from "../../support/temp-directory.js";

const healthy: OpsSources = {
  metrics: () => Promise.resolve({ text: "a 1\n", contentType: "text/plain; version=0.0.4" }),
  live: () => true,
  readiness: () => [{ name: "engine", ok: true, detail: "serving" }],
  version: () => ({ kvdb: "0.1.0", node: "20" }),
};

interface Opened {
  readonly server: OpsServer;
  readonly log: RecordingLog;
  readonly get: (
    path: string,
    init?: RequestInit,
  ) => Promise<{ status: number; type: string; body: string }>;
}

async function open(ending: Ending, sources: Partial<OpsSources> = {}): Promise<Opened> {
  const log = recordingLog();
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const server = await OpsServer.open(address, { ...healthy, ...sources }, log);
  ending.after(() => server.close());
  return {
    server,
    log,
    async get(path, init) {
      const response = await fetch(`http://${server.address}${path}`, init);
      const type = response.headers.get("content-type") ?? "";
      return { status: response.status, type, body: await response.text() };
    },
  };
}

test("a free port is taken and named", async (t) => {
  const { server, log } = await open(t);
  assert.match(server.address, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.deepEqual(log.of("ops.listening")[0]?.fields, { address: server.address });
});

test("metrics come as they are made, with their content type", async (t) => {
  const { get } = await open(t);
  assert.deepEqual(await get("/metrics"), {
    status: 200,
    type: "text/plain; version=0.0.4",
    body: "a 1\n",
  });
});

test("versions come as JSON", async (t) => {
  const { get } = await open(t);
  const { status, body } = await get("/version");
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), { kvdb: "0.1.0", node: "20" });
});

test("liveness follows its source", async (t) => {
  let live = true;
  const { get } = await open(t, { live: () => live });
  assert.deepEqual(await get("/livez"), {
    status: 200,
    type: "text/plain; charset=utf-8",
    body: "ok\n",
  });
  live = false;
  assert.equal((await get("/livez")).status, 503);
});

test("readiness names what fails, and everything when asked", async (t) => {
  const checks: ReadinessCheck[] = [
    { name: "engine", ok: true, detail: "serving" },
    { name: "pragmas", ok: true, detail: "as configured" },
  ];
  const { get } = await open(t, { readiness: () => checks });
  assert.deepEqual([(await get("/readyz")).status, (await get("/readyz")).body], [200, "ready\n"]);
  checks[1] = { name: "pragmas", ok: false, detail: "synchronous is 1" };
  const brief = await get("/readyz");
  assert.equal(brief.status, 503);
  assert.equal(brief.body, "[-] pragmas: synchronous is 1\nnot ready\n");
  for (const query of ["?verbose", "?verbose=1", "?a=b&verbose"]) {
    assert.equal(
      (await get(`/readyz${query}`)).body,
      "[+] engine: serving\n[-] pragmas: synchronous is 1\nnot ready\n",
    );
  }
});

test("HEAD gets the status without the page", async (t) => {
  const { get } = await open(t);
  assert.deepEqual(await get("/livez", { method: "HEAD" }), {
    status: 200,
    type: "text/plain; charset=utf-8",
    body: "",
  });
});

for (const { path, method, status } of [
  { path: "/", method: "GET", status: 404 },
  { path: "/metrics/", method: "GET", status: 404 },
  { path: "/nope", method: "POST", status: 404 },
  { path: "/__proto__", method: "GET", status: 404 },
  { path: "/metrics", method: "POST", status: 405 },
  { path: "/readyz", method: "DELETE", status: 405 },
]) {
  test(`${method} ${path} is answered ${String(status)} with a sentence`, async (t) => {
    const { get } = await open(t);
    const answer = await get(path, { method, ...(method === "POST" ? { body: "x" } : {}) });
    assert.equal(answer.status, status);
    assert.match(answer.body, /\S \S.*\n$/);
  });
}

test("a source that fails is answered 500 without inner text, and logged", async (t) => {
  const { get, log } = await open(t, { metrics: () => Promise.reject(new Error("inner")) });
  const answer = await get("/metrics");
  assert.equal(answer.status, 500);
  assert.ok(!answer.body.includes("inner"));
  assert.equal(log.of("ops.request-failed")[0]?.fields["cause"], "Error: inner");
  assert.equal((await get("/livez")).status, 200);
});

test("requests that are no HTTP do no harm", async (t) => {
  const { server, get } = await open(t);
  const port = Number(server.address.split(":")[1]);
  for (const bytes of [
    "\0\0\0",
    "GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n",
    `GET /${"x".repeat(20_000)}`,
  ]) {
    await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
      socket
        .on("error", resolve)
        .on("close", resolve)
        .on("data", () => socket.destroy());
    });
  }
  assert.equal((await get("/livez")).status, 200);
});

test("closing ends idle connections at once, and twice is fine", async (t) => {
  const { server } = await open(t);
  const port = Number(server.address.split(":")[1]);
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  const ended = new Promise((resolve) => socket.on("error", resolve).on("close", resolve));
  await Promise.all([server.close(), server.close()]);
  await ended;
  await server.close();
});

test("an address that is taken is refused with the system's reason", async (t) => {
  const { server, log } = await open(t);
  const port = Number(server.address.split(":")[1]);
  await assert.rejects(OpsServer.open({ kind: "tcp", host: "127.0.0.1", port }, healthy, log), {
    code: "EADDRINUSE",
  });
});

test("a unix socket works as well", async (t) => {
  const path = join(tempDirectory(t), "ops.sock");
  const server = await OpsServer.open({ kind: "unix", path }, healthy, recordingLog());
  t.after(() => server.close());
  assert.equal(server.address, `unix:${path}`);
  const status = await new Promise((resolve, reject) => {
    request({ socketPath: path, path: "/livez" }, (response) => {
      resolve(response.resume().statusCode);
    })
      .on("error", reject)
      .end();
  });
  assert.equal(status, 200);
});
