/**
 * The server as a stranger's tool sees it: buf knows nothing of us but what reflection tells it. Its
 * exit code is eight times the gRPC code.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ProtoSchema } from "../../src/client/index.js";
import { environmentWithoutSettings } from "../../src/config/client-environment.js";
import { ErrorInfo } from "../../src/wire/google/rpc/error_details.js";
import { Daemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { root } from "../tools/source-files.js";

const program = join(root, "node_modules/.bin/buf");
const directory = tempDirectory({ after });
const socket = join(directory, "kvdb.sock");
const daemon = new Daemon({
  file: join(directory, "kv.db"),
  env: { KVDB_LISTEN: `127.0.0.1:0,unix:${socket}` },
});
let address = "";
before(async () => {
  address = (await daemon.ready()).grpc[0] ?? "";
});
after(async () => {
  await daemon.stop();
});

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** No deadline flag in buf itself, so the process has one. */
function curl(path: string, flags: readonly string[], input: string = ""): Promise<Answer> {
  const usual = ["curl", "--http2-prior-knowledge", "--protocol", "grpc", ...flags];
  return new Promise((resolve) => {
    const options = { timeout: 30_000, env: environmentWithoutSettings(), cwd: directory };
    const url = `http://${address}${path}`;
    const child = execFile(program, [...usual, url], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

async function call(method: string, request: object): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await curl(`/kvdb.v1.${method}`, [
    "-d",
    JSON.stringify(request),
  ]);
  assert.equal(code, 0, `${method}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

for (const protocol of ["grpc-v1", "grpc-v1alpha"]) {
  test(`reflection ${protocol} lists every method of the contract`, async () => {
    const { code, stdout, stderr } = await curl("", [
      "--list-methods",
      "--reflect-protocol",
      protocol,
    ]);
    assert.equal(code, 0, stderr);
    const listed = stdout.trim().split("\n").sort();
    const { methods: all } = await ProtoSchema.load();
    const methods = all.map(({ name }) => name);
    const missing = methods.filter((name) => name.startsWith("kvdb.") && !listed.includes(name));
    assert.deepEqual(missing, []);
    assert.ok(listed.includes("grpc.health.v1.Health/Check"));
  });
}

test("unary calls, streams in both directions and a unix socket work through reflection", async () => {
  const key = Buffer.from("stranger").toString("base64");
  await call("KvService/Put", { key, value: key, condition: { ifAbsent: true } });
  const { kv } = await call("KvService/Get", { key });
  assert.equal((kv as Record<string, unknown>)["value"], key);
  const { kvs } = await call("KvService/Scan", { range: { all: true } });
  assert.equal((kvs as unknown[]).length, 1);
  assert.equal((await call("AdminService/GetStatus", {}))["state"], "ENGINE_STATE_SERVING");
  const chunks = [1, 2].map((id) => JSON.stringify({ chunkId: id, kvs: [{ key, value: key }] }));
  const path = "/kvdb.v1.KvService/BulkLoad";
  const loaded = await curl(path, ["-d", "@-"], chunks.join("\n"));
  assert.equal(loaded.code, 0, loaded.stderr);
  assert.equal(loaded.stdout.match(/"chunkId"/g)?.length, 2);
  const { stdout } = await curl("/grpc.health.v1.Health/Check", [
    "--unix-socket",
    socket,
    "-d",
    "{}",
  ]);
  assert.match(stdout, /SERVING/);
});

for (const { what, method, request, code, reason } of [
  { what: "a bad argument", method: "KvService/Get", request: {}, code: 3, reason: "KEY_EMPTY" },
  {
    what: "a key that must exist",
    method: "KvService/Rename",
    request: { key: "bm9uZQ==", newKey: "b3RoZXI=" },
    code: 5,
    reason: "KEY_NOT_FOUND",
  },
  {
    what: "a condition that does not hold",
    method: "KvService/Put",
    request: { key: "bm9uZQ==", condition: { ifVersion: "7" } },
    code: 10,
    reason: "CONDITION_FAILED",
  },
]) {
  test(`${what} is refused with code ${String(code)}, the reason and a hint`, async () => {
    const flags = ["-d", JSON.stringify(request)];
    const answer = await curl(`/kvdb.v1.${method}`, flags);
    assert.equal(answer.code, code * 8, answer.stderr);
    const { details } = JSON.parse(answer.stderr) as {
      readonly details: readonly { readonly type: string; readonly value: string }[];
    };
    const encoded = details.find(({ type }) => type === "google.rpc.ErrorInfo")?.value ?? "";
    const info = ErrorInfo.decode(Buffer.from(encoded, "base64"));
    assert.deepEqual([info.reason, info.domain], [reason, "kvdb"]);
    assert.notEqual(info.metadata.get("hint") ?? "", "");
  });
}
