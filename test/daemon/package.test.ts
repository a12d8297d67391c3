/**
 * What `npm pack` makes can be installed elsewhere and runs there. The native module is taken from
 * this checkout instead of being compiled again; everything else comes as a user would get it.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { connectTo } from "../support/grpc-client.js";
import { plainEnvironment, type ReadyLine } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { readText, root } from "../tools/source-files.js";

const nativeBuild = "node_modules/better-sqlite3/build";

test("the packed daemon installs elsewhere, tells its version and keeps a value", async (t) => {
  const directory = tempDirectory(t);
  // Without scripts: the build that is being tested is the one that is packed.
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", directory], {
    cwd: root,
  });
  const [tarball] = readdirSync(directory);
  assert.match(tarball ?? "", /^kvdb-\d+\.\d+\.\d+.*\.tgz$/);
  const home = join(directory, "elsewhere");
  mkdirSync(home);
  const flags = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
  execFileSync("npm", ["install", "--prefix", home, ...flags, join(directory, tarball ?? "")], {
    cwd: home,
    stdio: ["ignore", "ignore", "inherit"],
  });
  cpSync(join(root, nativeBuild), join(home, nativeBuild), { recursive: true });

  const installed = join(home, "node_modules/kvdb");
  for (const part of ["proto/kvdb/v1/kv.proto", "deploy/systemd/kvdbd.service", "README.md"]) {
    assert.ok(existsSync(join(installed, part)), part);
  }
  assert.equal(existsSync(join(installed, "dist/test")), false, "tests are not shipped");
  const program = (name: string): string => join(home, "node_modules/.bin", name);
  const { version } = JSON.parse(readText("package.json")) as { readonly version: string };
  const told = execFileSync(program("kvdbd"), ["--version"], { encoding: "utf8" });
  assert.equal(told, `kvdbd ${version}\n`);
  assert.match(execFileSync(program("kvdb"), ["--version"], { encoding: "utf8" }), /\d+\.\d+\.\d+/);

  const daemon = spawn(program("kvdbd"), ["--listen", "127.0.0.1:0", "--http-listen", "off"], {
    cwd: home,
    env: { ...plainEnvironment(), KVDB_ALLOW_ROOT: "on" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => daemon.kill("SIGKILL"));
  const ready = await new Promise<ReadyLine>((resolve, reject) => {
    createInterface({ input: daemon.stdout }).once("line", (line) => {
      resolve(JSON.parse(line) as ReadyLine);
    });
    daemon.once("exit", () => {
      reject(new Error("the installed daemon did not start"));
    });
  });
  const client = connectTo(t, ready.grpc[0] ?? "");
  await client.put("packed", "value");
  assert.deepEqual(await client.get("packed"), new TextEncoder().encode("value"));
  const ended = new Promise<number | null>((resolve) => daemon.once("exit", resolve));
  daemon.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.ok(existsSync(join(home, "data/kv.db")));
});
