/** A daemon that starts: what it says, where it listens, and what its HTTP side answers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
} from "../../src/wire/grpc/health/v1/health.js";
import { answerTo, connectTo, type TestClient } from "../support/grpc-client.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

const groupAndOthers = 0o077;

async function healthOf(client: TestClient): Promise<HealthCheckResponse["status"]> {
  const request = HealthCheckRequest.fromPartial({});
  const answer = await answerTo<HealthCheckResponse>((done) => client.health.check(request, done));
  return answer.status;
}

test("the ready line names the ports that were taken, and they answer", async (t) => {
  const daemon = startDaemon(t, { file: join(tempDirectory(t), "kv.db") });
  const ready = await daemon.ready();
  assert.equal(ready.event, "ready");
  assert.equal(ready.pid, daemon.process.pid);
  assert.match(ready.version, /^\d+\.\d+\.\d+/);
  assert.match(ready.grpc[0] ?? "", /^127\.0\.0\.1:[1-9]\d*$/);
  assert.match(ready.http ?? "", /^127\.0\.0\.1:[1-9]\d*$/);
  const client = connectTo(t, ready.grpc[0] ?? "");
  assert.equal(await healthOf(client), HealthCheckResponse_ServingStatus.SERVING);
  await client.put("a", "1");
  assert.deepEqual(await client.get("a"), new TextEncoder().encode("1"));
  assert.equal(await client.get("b"), undefined);
  assert.equal(daemon.stdout.length, 1, "stdout carries the ready line and nothing else");
});

test("the store's files and directory are for their owner alone", async (t) => {
  const directory = join(tempDirectory(t), "data");
  const daemon = startDaemon(t, { file: join(directory, "kv.db") });
  const { grpc } = await daemon.ready();
  await connectTo(t, grpc[0] ?? "").put("a", "1");
  for (const name of ["", "kv.db", "kv.db-wal", "kv.db-shm"]) {
    const { mode } = statSync(join(directory, name));
    assert.equal(mode & groupAndOthers, 0, `${name}: ${mode.toString(8)}`);
  }
});

test("several addresses are served at once, a Unix socket among them", async (t) => {
  // A socket's path may have 107 bytes at most, so it does not go below the test's own directory.
  const directory = mkdtempSync(join(tmpdir(), "kvdb-"));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const socket = join(directory, "s");
  const daemon = startDaemon(t, {
    file: join(tempDirectory(t), "kv.db"),
    env: { KVDB_LISTEN: `127.0.0.1:0,unix:${socket}` },
  });
  const { grpc } = await daemon.ready();
  assert.equal(grpc.length, 2);
  assert.equal(grpc[1], `unix:${socket}`);
  assert.equal(statSync(socket).mode & groupAndOthers, 0);
  await connectTo(t, `unix:${socket}`).put("over", "socket");
  const value = await connectTo(t, grpc[0] ?? "").get("over");
  assert.deepEqual(value, new TextEncoder().encode("socket"));
});

test("a Unix socket that a killed daemon left behind does not stop the next one", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kvdb-"));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const file = join(tempDirectory(t), "kv.db");
  const env = {
    KVDB_LISTEN: `unix:${join(directory, "grpc")}`,
    KVDB_HTTP_LISTEN: `unix:${join(directory, "http")}`,
  };
  const first = startDaemon(t, { file, env });
  await first.ready();
  await first.stop("SIGKILL");
  const second = startDaemon(t, { file, env });
  const { http } = await second.ready();
  assert.equal(http, env.KVDB_HTTP_LISTEN);
});

test("the HTTP side tells live, ready, versions and metrics that move", async (t) => {
  const daemon = startDaemon(t, { file: join(tempDirectory(t), "kv.db") });
  const { grpc, http, version } = await daemon.ready();
  const page = async (path: string): Promise<{ status: number; body: string }> => {
    const response = await fetch(`http://${http ?? ""}${path}`);
    return { status: response.status, body: await response.text() };
  };
  assert.equal((await page("/livez")).status, 200);
  const ready = await page("/readyz?verbose");
  assert.equal(ready.status, 200);
  assert.match(ready.body, /\[\+\] state: serving/);
  assert.match(ready.body, /\[\+\] store: /);
  const versions = JSON.parse((await page("/version")).body) as Record<string, string>;
  assert.equal(versions["kvdb"], version);
  assert.equal(versions["node"], process.versions.node);
  assert.match(versions["sqlite"] ?? "", /^3\.\d+\.\d+$/);

  const metric = async (line: RegExp): Promise<number> => {
    const found = line.exec((await page("/metrics")).body);
    assert.ok(found !== null, String(line));
    return Number(found[1]);
  };
  const puts = /^kvdb_operations_total\{[^}]*rpc="KvService\/Put"[^}]*status="OK"[^}]*\} (\d+)$/m;
  const before = await metric(puts);
  const walBefore = await metric(/^sqlite_wal_file_size_bytes (\d+)$/m);
  const client = connectTo(t, grpc[0] ?? "");
  for (let at = 0; at < 20; at++) await client.put(`key-${String(at)}`, "x".repeat(1_000));
  assert.equal(await metric(puts), before + 20);
  assert.ok((await metric(/^sqlite_wal_file_size_bytes (\d+)$/m)) > walBefore);
  assert.equal(await metric(/^kvdb_records\{namespace="default"\} (\d+)$/m), 20);
  assert.equal(await metric(/^kvdb_build_info\{[^}]+\} (\d+)$/m), 1);
  assert.ok((await metric(/^kvdb_memory_rss_bytes (\d+)$/m)) > 0);
});

test("while the store is being opened the daemon is alive, not ready, and says so to every caller", async (t) => {
  // The first commit of a start takes this long; the main thread is free meanwhile.
  const env = { KVDB_FAILPOINTS: "before-commit=delay:4000@1" };
  const daemon = startDaemon(t, { file: join(tempDirectory(t), "kv.db"), env });
  const bound = async (phrase: string): Promise<string> => {
    const line = await waitFor(phrase, () => daemon.logged(phrase)[0]);
    return String(line["address"]);
  };
  const client = connectTo(t, await bound("listening for gRPC calls"));
  const http = await bound("listening for HTTP requests");
  assert.equal(await healthOf(client), HealthCheckResponse_ServingStatus.NOT_SERVING);
  await assert.rejects(client.put("a", "1"), /UNAVAILABLE/);
  assert.equal((await fetch(`http://${http}/livez`)).status, 200);
  const ready = await fetch(`http://${http}/readyz`);
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /recovering/);
  assert.deepEqual(daemon.stdout, [], "all that was before the ready line");
  await daemon.ready();
  assert.equal(await healthOf(client), HealthCheckResponse_ServingStatus.SERVING);
  await client.put("a", "1");
});

test("the HTTP side can be switched off", async (t) => {
  const daemon = startDaemon(t, {
    file: join(tempDirectory(t), "kv.db"),
    env: { KVDB_HTTP_LISTEN: "off" },
  });
  const ready = await daemon.ready();
  assert.equal(ready.http, undefined);
});
