/** The set-up that `npm start` and `npm test` begin with: what it says when it cannot go on. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { root } from "../tools/source-files.js";

const executable = 0o755;

/** A checkout with one package to install, and a PATH that holds these programs and no others. */
function checkout(ending: Ending, programs: Readonly<Record<string, string>>) {
  const home = tempDirectory(ending);
  mkdirSync(join(home, "bin"));
  cpSync(join(root, "deploy/setup.mjs"), join(home, "deploy/setup.mjs"));
  const packages = { "": {}, "node_modules/thing": { version: "1.0.0" } };
  writeFileSync(join(home, "package-lock.json"), JSON.stringify({ packages }));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(home, "bin", name), `#!/bin/sh\n${script}\n`, { mode: executable });
  }
  return spawnSync(process.execPath, [join(home, "deploy/setup.mjs")], {
    encoding: "utf8",
    env: { PATH: join(home, "bin") },
  });
}

test("without a compiler the set-up names the Debian packages, before and after", (t) => {
  const { status, stderr } = checkout(t, { npm: "exit 1", make: "exit 0" });
  assert.equal(status, 1);
  const hint = "python3, g++ not found; on Debian: apt-get install -y python3 g++";
  assert.equal(stderr.split(hint).length - 1, 2, stderr);
});

test("with a compiler a failed installation points at npm's own words", (t) => {
  const tools = { python3: "exit 0", make: "exit 0", "g++": "exit 0" };
  const { status, stderr } = checkout(t, { npm: "echo no network >&2; exit 1", ...tools });
  assert.equal(status, 1);
  assert.match(stderr, /no network/);
  assert.match(stderr, /npm ci did not finish \(status 1\)/);
  assert.doesNotMatch(stderr, /apt-get/);
});

test("an installation that brings no native module is not taken for one that worked", (t) => {
  const { status, stderr } = checkout(t, { npm: "exit 0" });
  assert.equal(status, 1);
  assert.match(stderr, /npm ci did not finish/);
});
