/**
 * The contract as other languages meet it: clients generated from proto/ with Debian's own compilers
 * and libraries, built in a temporary directory, against a spawned daemon.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { environmentWithoutSettings } from "../../src/config/client-environment.js";
import { Daemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { root } from "../tools/source-files.js";
import { expectedAnswers, type PolyglotAnswer } from "./cases.js";
import { needPackages } from "./debian-packages.js";

const proto = join(root, "proto");
const clients = join(root, "test/polyglot");
const directory = tempDirectory({ after });
const daemon = new Daemon({ file: join(directory, "kv.db") });
after(async () => {
  await daemon.stop();
});

/** The contract's own files; in Python also the errors', which Debian has no package of. */
function definitions(...folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) => {
    const files = readdirSync(join(proto, folder)).filter((file) => file.endsWith(".proto"));
    return files.map((file) => join(folder, file));
  });
}

async function run(
  program: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { env: { ...environmentWithoutSettings(), ...env }, cwd: directory };
  const { stdout } = await promisify(execFile)(program, flags, options);
  return stdout;
}

async function expectAnswers(
  namespace: string,
  program: string,
  flags: readonly string[],
): Promise<void> {
  const { grpc } = await daemon.ready();
  const printed = await run(program, [...flags, grpc[0] ?? "", namespace]);
  const answers = printed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as PolyglotAnswer);
  assert.deepEqual(answers, expectedAnswers(namespace));
}

test("a client in Python is answered as the contract says, errors with their details", async () => {
  needPackages([
    "protobuf-compiler",
    "protobuf-compiler-grpc",
    "python3-grpcio",
    "python3-protobuf",
  ]);
  const generated = join(directory, "python");
  mkdirSync(generated);
  const outputs = [`--python_out=${generated}`, `--grpc_python_out=${generated}`];
  const plugin = "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin";
  const files = definitions("kvdb/v1", "google/rpc");
  await run("/usr/bin/protoc", ["-I", proto, ...outputs, plugin, ...files]);
  await expectAnswers("python", "/usr/bin/python3", [join(clients, "python/client.py"), generated]);
});

test("a client in Go is answered as the contract says, errors with their details", async () => {
  needPackages([
    "protobuf-compiler",
    "golang-go",
    "golang-google-grpc-dev",
    "protoc-gen-go",
    "protoc-gen-go-grpc",
    "golang-github-golang-protobuf-1-5-dev",
    "golang-google-protobuf-dev",
  ]);
  const workspace = join(directory, "go");
  const source = join(workspace, "src");
  const program = join(source, "polyglot");
  mkdirSync(program, { recursive: true });
  copyFileSync(join(clients, "go/client.go"), join(program, "client.go"));
  const outputs = [`--go_out=${source}`, `--go-grpc_out=${source}`];
  await run("/usr/bin/protoc", ["-I", proto, ...outputs, ...definitions("kvdb/v1")]);
  const built = join(directory, "go-client");
  // No modules and no proxy: everything comes from Debian's packages.
  await run("/usr/bin/go", ["build", "-o", built, "polyglot"], {
    GO111MODULE: "off",
    GOPATH: `${workspace}:/usr/share/gocode`,
    GOFLAGS: "",
  });
  await expectAnswers("go", built, []);
});
