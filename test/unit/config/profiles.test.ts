/** The profile files do what the requirements' table of profiles says, read as the daemon reads. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseEnvFile } from "../../../src/config/env-file.js";
import { loadConfig } from "../../../src/config/load-config.js";
import { profiles } from "../../../src/config/profiles.js";

const deployEnv = new URL("../../../../deploy/env/", import.meta.url);

// Written out by hand: what was agreed, not what the table of settings happens to say.
const agreed = {
  dev: { nodeEnv: "development", rest: ["./kv.db", "WAL", "NORMAL", 30_000, "OFF", 5_000, true] },
  staging: {
    nodeEnv: "production",
    rest: ["/var/lib/kvdb/kv.db", "WAL", "EXTRA", 60_000, "QUICK", 10_000, true],
  },
  production: {
    nodeEnv: "production",
    rest: ["/var/lib/kvdb/kv.db", "WAL", "EXTRA", 60_000, "QUICK", 10_000, true],
  },
} as const;

for (const profile of ["dev", "staging", "production"] as const) {
  const name = profiles[profile].file;
  const text = readFileSync(new URL(name, deployEnv), "utf8");

  test(`${name} gives the agreed values of ${profile}`, () => {
    const result = loadConfig({ args: ["--config", name], env: {}, readFile: () => text });
    assert.equal(result.kind, "loaded", JSON.stringify(result));
    const { config } = result;
    assert.equal(config.profile, profile);
    assert.deepEqual(result.warnings, []);
    assert.deepEqual(
      [
        config.sqliteFile,
        config.journalMode,
        config.synchronous,
        config.checkpointIntervalMs,
        config.integrityCheckOnStartup,
        config.busyTimeoutMs,
        config.foreignKeys,
      ],
      agreed[profile].rest,
    );
  });

  test(`${name} sets all seven baseline variables and NODE_ENV in plain sight`, () => {
    const { values, problems } = parseEnvFile(text);
    assert.deepEqual(problems, []);
    assert.equal(values.get("NODE_ENV"), agreed[profile].nodeEnv);
    const own = [...values.keys()].filter((key) => key.startsWith("KVDB_SQLITE_"));
    assert.equal(own.length, 7);
  });
}
