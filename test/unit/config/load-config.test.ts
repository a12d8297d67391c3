/** Settings are read strictly, from the right place, and every mistake is named at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LoadedConfig, loadConfig } from "../../../src/config/load-config.js";
import { socketPathBytesMax } from "../../../src/config/setting-value.js";
import type { Config } from "../../../src/config/settings.js";

interface World {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function load({ args = [], env = {}, files = {} }: World): LoadedConfig {
  return loadConfig({
    args,
    env,
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error("ENOENT: no such file");
      return text;
    },
  });
}

function loaded(world: World): Extract<LoadedConfig, { kind: "loaded" }> {
  const result = load(world);
  assert.equal(result.kind, "loaded", JSON.stringify(result));
  return result;
}

function config(world: World): Config {
  return loaded(world).config;
}

function problems(world: World): readonly string[] {
  const result = load(world);
  return result.kind === "refused" ? result.problems : [];
}

test("without anything set, the settings are complete, safe, frozen and without a warning", () => {
  const { config: all, warnings, sources, action } = loaded({});
  assert.equal(action, "run");
  assert.deepEqual(warnings, []);
  assert.equal(Object.isFrozen(all), true);
  assert.ok(Object.values(sources).every((source) => source === "default"));
  assert.deepEqual(
    { ...all, listen: undefined, httpListen: undefined },
    {
      profile: "production",
      sqliteFile: "./data/kv.db",
      journalMode: "WAL",
      synchronous: "EXTRA",
      checkpointIntervalMs: 60_000,
      integrityCheckOnStartup: "QUICK",
      busyTimeoutMs: 10_000,
      foreignKeys: true,
      nativeBusyTimeoutMs: 50,
      integrityFailurePolicy: "refuse",
      integrityStartupBudgetMs: 5_000,
      verifyChecksumsOnRead: true,
      walSoftLimitBytes: 67_108_864,
      walHardLimitBytes: 536_870_912,
      diskReserveBytes: 16_777_216,
      scrubBytesPerSecond: 4_194_304,
      scrubCpuPercent: 5,
      scrubIntervalMs: 21_600_000,
      cacheBytes: 67_108_864,
      activeTransactionsMax: 10_000,
      valueBytesMax: 1_048_576,
      messageBytesMax: 16_777_216,
      readerThreads: 2,
      snapshotMsMax: 5_000,
      namespaceAutoCreate: true,
      nodeId: undefined,
      listen: undefined,
      httpListen: undefined,
      reflection: true,
      shutdownDrainMs: 10_000,
      slowRpcMs: 300,
      logLevel: "info",
      allowRoot: false,
      allowNetworkFileSystem: false,
      acceptLostWrites: false,
      failpoints: undefined,
    },
  );
  assert.deepEqual(all.listen, [{ kind: "tcp", host: "127.0.0.1", port: 50_051 }]);
  assert.deepEqual(all.httpListen, [{ kind: "tcp", host: "127.0.0.1", port: 9_464 }]);
});

test("a flag wins over the environment, that over the file, that over the profile", () => {
  const name = "KVDB_SQLITE_BUSY_TIMEOUT_MS";
  const flag = ["--sqlite-busy-timeout-ms", "4"];
  const file = { "kv.env": `KVDB_PROFILE=dev\n${name}=2` };
  const args = ["--config", "kv.env"];
  const profile = { args, files: { "kv.env": "KVDB_PROFILE=dev" } };
  const seen = [
    loaded({}),
    loaded(profile),
    loaded({ args, files: file }),
    loaded({ args, files: file, env: { [name]: "3" } }),
    loaded({ args: [...args, ...flag], files: file, env: { [name]: "3" } }),
  ].map(({ config: { busyTimeoutMs }, sources }) => [busyTimeoutMs, sources.busyTimeoutMs]);
  assert.deepEqual(seen, [
    [10_000, "default"],
    [5_000, "profile"],
    [2, "file"],
    [3, "environment"],
    [4, "flag"],
  ]);
});

test("a profile changes defaults and never moves the data", () => {
  const { config: dev, sources } = loaded({ env: { KVDB_PROFILE: "dev" } });
  assert.equal(dev.synchronous, "NORMAL");
  assert.equal(dev.checkpointIntervalMs, 30_000);
  assert.equal(dev.integrityCheckOnStartup, "OFF");
  assert.equal(sources.synchronous, "profile");
  for (const KVDB_PROFILE of ["dev", "staging", "production"]) {
    assert.equal(config({ env: { KVDB_PROFILE } }).sqliteFile, "./data/kv.db");
  }
});

for (const [name, value] of [
  ["KVDB_SQLITE_SYNCHRONOUS", "EXTAR"],
  ["KVDB_SQLITE_SYNCHRONOUS", ""],
  ["KVDB_SQLITE_SYNCHRONOUS", "3"],
  ["KVDB_SQLITE_JOURNAL_MODE", "MEMORY"],
  ["KVDB_SQLITE_JOURNAL_MODE", "DELETE"],
  ["KVDB_SQLITE_BUSY_TIMEOUT_MS", "abc"],
  ["KVDB_SQLITE_BUSY_TIMEOUT_MS", "-1"],
  ["KVDB_SQLITE_BUSY_TIMEOUT_MS", "600001"],
  ["KVDB_SQLITE_BUSY_TIMEOUT_MS", "99999999999999999999"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "-1"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "60s"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "1e12"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "0.5"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "NaN"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "0x100"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "60_000"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", " 60000"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "99"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "2147483648"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", ""],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "   "],
  ["KVDB_SQLITE_FOREIGN_KEYS", "maybe"],
  ["KVDB_SQLITE_FOREIGN_KEYS", "2"],
  ["KVDB_SQLITE_FILE", ""],
  ["KVDB_SQLITE_FILE", "  "],
  ["KVDB_SQLITE_FILE", ":memory:"],
  ["KVDB_SQLITE_FILE", "file:kv.db?mode=ro"],
  ["KVDB_SQLITE_FILE", "kv\n.db"],
  ["KVDB_PROFILE", "prod"],
  ["KVDB_LISTEN", "50051"],
  ["KVDB_LISTEN", "127.0.0.1:65536"],
  ["KVDB_LISTEN", "127.0.0.1:0,"],
  ["KVDB_LISTEN", "off"],
  ["KVDB_LISTEN", "unix:relative"],
  ["KVDB_LISTEN", "unix:/run/kv\0.sock"],
  ["KVDB_LISTEN", "::1:50051"],
  ["KVDB_HTTP_LISTEN", "127.0.0.1:1,127.0.0.1:2"],
  ["KVDB_NODE_ID", "with space"],
  ["KVDB_READER_THREADS", "17"],
  ["KVDB_FAILPOINTS", "after-append=explode"],
  ["KVDB_MAX_VALUE_BYTES", "16777217"],
] as const) {
  test(`${name}=${JSON.stringify(value)} is refused, naming variable, value and what is allowed`, () => {
    const found = problems({ env: { [name]: value } });
    assert.equal(found.length, 1, found.join("\n"));
    const start = `${name}=${JSON.stringify(value)} (environment): must be `;
    assert.ok(found[0]?.startsWith(start) && found[0].length > start.length, found[0]);
  });
}

for (const [id, name, value, expected] of [
  ["foreignKeys", "KVDB_SQLITE_FOREIGN_KEYS", "OFF", false],
  ["foreignKeys", "KVDB_SQLITE_FOREIGN_KEYS", "No", false],
  ["foreignKeys", "KVDB_SQLITE_FOREIGN_KEYS", "false", false],
  ["foreignKeys", "KVDB_SQLITE_FOREIGN_KEYS", "0", false],
  ["allowRoot", "KVDB_ALLOW_ROOT", "yes", true],
  ["allowRoot", "KVDB_ALLOW_ROOT", "TRUE", true],
  ["allowRoot", "KVDB_ALLOW_ROOT", "1", true],
  ["synchronous", "KVDB_SQLITE_SYNCHRONOUS", " full ", "FULL"],
  ["logLevel", "KVDB_LOG_LEVEL", "DEBUG", "debug"],
  ["busyTimeoutMs", "KVDB_SQLITE_BUSY_TIMEOUT_MS", "0", 0],
  ["busyTimeoutMs", "KVDB_SQLITE_BUSY_TIMEOUT_MS", "600000", 600_000],
  ["checkpointIntervalMs", "KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "100", 100],
  ["checkpointIntervalMs", "KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "2147483647", 2_147_483_647],
  ["sqliteFile", "KVDB_SQLITE_FILE", "/a path/kv.db", "/a path/kv.db"],
  ["nodeId", "KVDB_NODE_ID", "node-1.a_b", "node-1.a_b"],
  ["failpoints", "KVDB_FAILPOINTS", "after-append=kill@2", "after-append=kill@2"],
] as const) {
  test(`${name}=${JSON.stringify(value)} is accepted`, () => {
    assert.equal(config({ env: { [name]: value } })[id], expected);
  });
}

/** A path of so many bytes, some of whose characters have more than one. */
function socketPath(bytes: number, character: string): string {
  const start = "/run/é/";
  const count = Math.floor((bytes - Buffer.byteLength(start)) / Buffer.byteLength(character));
  const path = `${start}${character.repeat(count)}`;
  return path + "x".repeat(bytes - Buffer.byteLength(path));
}

for (const character of ["x", "ä", "€", "😀"]) {
  for (const name of ["KVDB_LISTEN", "KVDB_HTTP_LISTEN"] as const) {
    test(`${name} takes the path of a socket up to its limit in bytes, made of ${character}`, () => {
      const longest = socketPath(socketPathBytesMax, character);
      const { listen, httpListen } = config({ env: { [name]: `unix:${longest}` } });
      const found = name === "KVDB_LISTEN" ? listen : httpListen;
      assert.deepEqual(found, [{ kind: "unix", path: longest }]);
      const tooLong = `unix:${socketPath(socketPathBytesMax + 1, character)}`;
      const [problem, ...others] = problems({ env: { [name]: tooLong } });
      assert.deepEqual(others, []);
      assert.match(problem ?? "", /must be host:port.*unix:\/path \(at most 107 bytes\)/);
    });
  }
}

test("addresses are read with their kinds", () => {
  const { listen, httpListen } = config({
    env: { KVDB_LISTEN: "localhost:0, [::1]:50051,unix:/run/kv.sock", KVDB_HTTP_LISTEN: "Off" },
  });
  assert.deepEqual(listen, [
    { kind: "tcp", host: "localhost", port: 0 },
    { kind: "tcp", host: "::1", port: 50_051 },
    { kind: "unix", path: "/run/kv.sock" },
  ]);
  assert.deepEqual(httpListen, []);
});

test("all problems are told at once", () => {
  const found = problems({
    args: ["--slow-rpc-ms", "x", "--nonsense", "stray", "--listen"],
    env: { KVDB_SQLITE_SYNCHRONOUS: "EXTAR", KVDB_SQLITE_FIEL: "x" },
  });
  assert.equal(found.length, 6);
});

test("an unknown KVDB_SQLITE_ name is an error that names the nearest one", () => {
  assert.deepEqual(problems({ env: { KVDB_SQLITE_SYNCHRONUS: "FULL" } }), [
    "KVDB_SQLITE_SYNCHRONUS (environment): unknown; the nearest is KVDB_SQLITE_SYNCHRONOUS",
  ]);
});

test("another unknown KVDB_ name is a warning without its value, and KVDB_ADDRESS is none", () => {
  const env = {
    KVDB_PORT: "tcp://10.0.0.1:1",
    KVDB_SERVICE_HOST: "x",
    KVDB_ADDRESS: "h:1",
    A: "1",
  };
  assert.deepEqual(loaded({ env }).warnings, [
    { event: "config.unknown-variable", variable: "KVDB_PORT" },
    { event: "config.unknown-variable", variable: "KVDB_SERVICE_HOST" },
  ]);
});

test("in a file of our own an unknown name is an error, other programs' names are not", () => {
  const args = ["--config", "kv.env"];
  assert.deepEqual(problems({ args, files: { "kv.env": "KVDB_SLOW_RPC=1" } }), [
    "KVDB_SLOW_RPC (file): unknown; the nearest is KVDB_SLOW_RPC_MS",
  ]);
  assert.deepEqual(problems({ args, files: { "kv.env": "NODE_ENV=production" } }), []);
});

test("the full-text check of the seed system may only be off", () => {
  const name = "KVDB_SQLITE_FTS5_INTEGRITY_CHECK_ON_STARTUP";
  assert.deepEqual(loaded({ env: { [name]: "off" } }).warnings, [
    { event: "config.ignored-variable", variable: name },
  ]);
  for (const value of ["QUICK", "FULL", ""]) {
    assert.match(problems({ env: { [name]: value } })[0] ?? "", /must be OFF/);
  }
});

for (const [name, value] of [
  ["KVDB_SQLITE_SYNCHRONOUS", "OFF"],
  ["KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS", "0"],
  ["KVDB_INTEGRITY_FAILURE_POLICY", "warn"],
] as const) {
  test(`production refuses ${name}=${value}, staging does not`, () => {
    const found = problems({ env: { [name]: value } });
    assert.equal(found.length, 1);
    assert.ok(found[0]?.startsWith(`${name}=${value}: refused by the production profile: `));
    assert.deepEqual(loaded({ env: { KVDB_PROFILE: "staging", [name]: value } }).warnings, []);
  });
}

for (const [name, value, risk] of [
  ["KVDB_SQLITE_SYNCHRONOUS", "NORMAL", "acknowledged writes may be lost on power failure"],
  ["KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP", "OFF", "structural damage is noticed only"],
  ["KVDB_LISTEN", "0.0.0.0:50051", "neither encrypted nor authenticated"],
] as const) {
  test(`production warns of ${name}=${value}, dev does not`, () => {
    const { warnings } = loaded({ env: { [name]: value } });
    assert.equal(warnings.length, 1);
    assert.equal(warnings[0]?.event, "config.risky-value");
    assert.equal(warnings[0].variable, name);
    assert.ok(warnings[0].risk?.includes(risk));
    assert.deepEqual(loaded({ env: { KVDB_PROFILE: "dev", [name]: value } }).warnings, []);
  });
}

test("the mitigation of the seed guide is accepted, with warnings", () => {
  const env = {
    KVDB_SQLITE_SYNCHRONOUS: "NORMAL",
    KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS: "30000",
    KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP: "OFF",
  };
  assert.equal(loaded({ env }).warnings.length, 2);
});

test("a message must hold the largest value and 1 MiB more", () => {
  const fits = { KVDB_MAX_VALUE_BYTES: "2097152", KVDB_MAX_MESSAGE_BYTES: "3145728" };
  assert.deepEqual(problems({ env: fits }), []);
  assert.deepEqual(problems({ env: { ...fits, KVDB_MAX_MESSAGE_BYTES: "3145727" } }), [
    "KVDB_MAX_MESSAGE_BYTES=3145727: must be at least 3145728 (KVDB_MAX_VALUE_BYTES + 1 MiB)",
  ]);
});

test("the soft limit of the WAL must be below the hard one", () => {
  const env = { KVDB_WAL_SOFT_LIMIT_BYTES: "1000000", KVDB_WAL_HARD_LIMIT_BYTES: "1000000" };
  assert.equal(problems({ env }).length, 1);
  assert.deepEqual(problems({ env: { ...env, KVDB_WAL_SOFT_LIMIT_BYTES: "999999" } }), []);
});

test("a stop that may outlast the patience of a supervisor is warned of", () => {
  const env = { KVDB_SHUTDOWN_DRAIN_MS: "20001" };
  assert.match(loaded({ env }).warnings[0]?.risk ?? "", /longer than 30 s/);
  assert.deepEqual(loaded({ env: { KVDB_SHUTDOWN_DRAIN_MS: "20000" } }).warnings, []);
});

test("flags take their value as the next word or after =, booleans only after =", () => {
  const all = config({
    args: ["--sqlite-file=a.db", "--slow-rpc-ms", "7", "--allow-root", "--reflection=off"],
  });
  assert.equal(all.sqliteFile, "a.db");
  assert.equal(all.slowRpcMs, 7);
  assert.equal(all.allowRoot, true);
  assert.equal(all.reflection, false);
  assert.equal(config({ args: ["--slow-rpc-ms", "1", "--slow-rpc-ms", "2"] }).slowRpcMs, 2);
});

for (const { args, expected } of [
  { args: ["--reader-treads=3"], expected: /unknown flag --reader-treads.*--reader-threads/ },
  { args: ["-v"], expected: /unknown flag -v/ },
  { args: ["serve"], expected: /unexpected argument "serve"/ },
  { args: ["--listen"], expected: /--listen needs a value/ },
  { args: ["--listen", "--reflection"], expected: /--listen needs a value before --reflection/ },
  { args: ["--config"], expected: /--config needs a value/ },
  { args: ["--config", "gone.env"], expected: /--config gone\.env: cannot be read: ENOENT/ },
  { args: ["--print-config=x"], expected: /--print-config takes no value/ },
  { args: ["--slow-rpc-ms="], expected: /KVDB_SLOW_RPC_MS="" \(flag\): must be / },
]) {
  test(`the arguments ${args.join(" ")} are refused with a reason`, () => {
    assert.ok(
      problems({ args }).some((problem) => expected.test(problem)),
      problems({ args }).join("\n"),
    );
  });
}

test("what is asked for besides running is told apart, and help is given even to the confused", () => {
  assert.equal(loaded({ args: ["--print-config"] }).action, "print-config");
  assert.equal(loaded({ args: ["--check-config"] }).action, "check-config");
  assert.deepEqual(load({ args: ["--version"] }), { kind: "show", action: "version" });
  assert.deepEqual(load({ args: ["--nonsense", "--help"], env: { KVDB_SQLITE_FILE: "" } }), {
    kind: "show",
    action: "help",
  });
});
