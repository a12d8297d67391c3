/** What kvdbd answers without opening anything, and how it takes wrong settings. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { root } from "../tools/source-files.js";

const version = (
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string }
).version;

interface Call {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

async function run(ending: Ending, { flags = [], env = {} }: Call): Promise<Daemon> {
  const file = join(tempDirectory(ending), "kv.db");
  const daemon = startDaemon(ending, { file, flags, env });
  await daemon.ended;
  assert.equal(existsSync(file), false, "nothing may be created");
  return daemon;
}

test("kvdbd --version prints the version of the package", async (t) => {
  const daemon = await run(t, { flags: ["--version"] });
  assert.deepEqual(await daemon.ended, { code: 0, signal: null });
  assert.deepEqual(daemon.stdout, [`kvdbd ${version}`]);
});

test("kvdbd --help names every flag with its variable", async (t) => {
  const daemon = await run(t, { flags: ["--help"] });
  assert.deepEqual(await daemon.ended, { code: 0, signal: null });
  const text = daemon.stdout.join("\n");
  for (const word of ["--sqlite-file", "KVDB_SQLITE_FILE", "--listen", "--check-config"]) {
    assert.ok(text.includes(word), word);
  }
});

test("kvdbd --print-config prints a file that --config reads back to the same", async (t) => {
  const env = { KVDB_SQLITE_BUSY_TIMEOUT_MS: "1234" };
  const first = await run(t, { flags: ["--print-config"], env });
  assert.ok(first.stdout.includes("KVDB_SQLITE_BUSY_TIMEOUT_MS=1234"));
  const file = join(tempDirectory(t), "kvdb.env");
  writeFileSync(file, first.stdout.join("\n"));
  const second = await run(t, { flags: ["--config", file, "--print-config"] });
  const settings = (daemon: Daemon): readonly string[] => {
    // Each call has a database of its own in the environment, which wins over the file.
    return daemon.stdout.filter((line) => /^KVDB_(?!SQLITE_FILE)/.test(line));
  };
  assert.deepEqual(settings(second), settings(first));
});

test("kvdbd --check-config accepts good settings and refuses bad ones with 78", async (t) => {
  const good = await run(t, { flags: ["--check-config"] });
  assert.deepEqual(await good.ended, { code: 0, signal: null });
  const env = { KVDB_SQLITE_SYNCHRONOUS: "EXTAR" };
  const bad = await run(t, { flags: ["--check-config"], env });
  assert.deepEqual(await bad.ended, { code: 78, signal: null });
});

/** Variable, value, and a word of what the line must say is allowed. */
const badValues: readonly (readonly [string, string, string])[] = [
  ["KVDB_SQLITE_SYNCHRONOUS", "EXTAR", "EXTRA"],
  ["KVDB_SQLITE_SYNCHRONOUS", "OFF", "production"],
  ["KVDB_SQLITE_JOURNAL_MODE", "DELETE", "WAL"],
  ["KVDB_SQLITE_BUSY_TIMEOUT_MS", "abc", "600000"],
  ["KVDB_SQLITE_BUSY_TIMEOUT_MS", "NaN", "600000"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "-1", "100"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "60s", "100"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "1e12", "100"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "0.5", "100"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "99", "100"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "", "100"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "  ", "100"],
  ["KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP", "SOMETIMES", "QUICK"],
  ["KVDB_SQLITE_FOREIGN_KEYS", "maybe", "on"],
  ["KVDB_SQLITE_FILE", "", "path"],
  ["KVDB_SQLITE_FIEL", "x", "KVDB_SQLITE_FILE"],
  ["KVDB_LISTEN", "nowhere", "host:port"],
];

test("every wrong value ends with 78 and a line naming variable, value and what is allowed", async (t) => {
  // Started side by side: each one is a process that ends at once.
  await Promise.all(
    badValues.map(async ([name, value, allowed]) => {
      const daemon = await run(t, { env: { [name]: value } });
      const what = `${name}=${JSON.stringify(value)}`;
      assert.deepEqual(await daemon.ended, { code: 78, signal: null }, what);
      const lines = daemon.stderr.filter((line) => line.includes(name));
      assert.equal(lines.length, 1, `${what}: ${daemon.stderr.join("\n")}`);
      assert.ok(lines[0]?.includes(allowed), `${what}: ${lines[0] ?? ""}`);
      assert.deepEqual(daemon.stdout, []);
    }),
  );
});

test("all wrong values are told at once", async (t) => {
  const env = {
    KVDB_SQLITE_SYNCHRONOUS: "EXTAR",
    KVDB_SQLITE_BUSY_TIMEOUT_MS: "abc",
    KVDB_SQLITE_FOREIGN_KEYS: "maybe",
  };
  const daemon = await run(t, { env });
  assert.deepEqual(await daemon.ended, { code: 78, signal: null });
  for (const name of Object.keys(env)) {
    assert.equal(daemon.stderr.filter((line) => line.includes(name)).length, 1, name);
  }
});
