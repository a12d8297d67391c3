/** The unit file: systemd accepts it without a word, and it gives away as little as it can. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { settingRows } from "../../src/config/settings.js";
import { needProgram } from "../support/debian-package.js";
import { daemonProgram } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { readText } from "../tools/source-files.js";

const unit = readText("deploy/systemd/kvdbd.service");
const exposureMax = 2.0;
const baseline = [
  "KVDB_SQLITE_FILE",
  "KVDB_SQLITE_JOURNAL_MODE",
  "KVDB_SQLITE_SYNCHRONOUS",
  "KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS",
  "KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP",
  "KVDB_SQLITE_BUSY_TIMEOUT_MS",
  "KVDB_SQLITE_FOREIGN_KEYS",
];

/** The unit with a program that exists here, because systemd looks whether it does. */
function installedUnit(ending: Ending): string {
  needProgram({ check: ["systemd-analyze", "--version"], packages: ["systemd"] });
  const path = join(tempDirectory(ending), "kvdbd.service");
  const command = `ExecStart=${process.execPath} ${daemonProgram}`;
  writeFileSync(path, unit.replace(/^ExecStart=.*$/m, command));
  return path;
}

test("systemd-analyze verify has nothing to say", (t) => {
  const { stdout, stderr } = spawnSync("systemd-analyze", ["verify", installedUnit(t)], {
    encoding: "utf8",
  });
  // Its exit status is 0 even when it complains, so what counts is that it is silent.
  assert.equal(stdout + stderr, "");
});

test("systemd-analyze security rates the exposure at 2.0 or less", (t) => {
  const flags = ["security", "--offline=true", "--no-pager", installedUnit(t)];
  const { stdout } = spawnSync("systemd-analyze", flags, { encoding: "utf8" });
  const rating = /Overall exposure level for \S+: (\d+\.\d+)/.exec(stdout)?.[1];
  assert.ok(rating !== undefined, stdout);
  assert.ok(Number(rating) <= exposureMax, rating);
  t.diagnostic(`exposure ${rating}`);
});

test("every variable in the unit is a setting, and the seven of the baseline are there", () => {
  const variables = [...unit.matchAll(/^Environment=([A-Z0-9_]+)=/gm)].map(
    ([, name]) => name ?? "",
  );
  const known = settingRows.map(([, row]) => row.env as string);
  assert.deepEqual(
    variables.filter((name) => !known.includes(name)),
    [],
  );
  assert.deepEqual(
    baseline.filter((name) => !variables.includes(name)),
    [],
  );
});

/** What the operator relies on, as the unit has to say it. */
const lines: readonly (readonly [string, string])[] = [
  ["[Unit]", "StartLimitIntervalSec=600"],
  ["[Unit]", "StartLimitBurst=3"],
  ["[Service]", "Type=notify"],
  ["[Service]", "Restart=always"],
  ["[Service]", "RestartSec=10"],
  ["[Service]", "TimeoutStopSec=30"],
  ["[Service]", "KillSignal=SIGTERM"],
  ["[Service]", "LimitNOFILE=65536"],
  ["[Service]", "UMask=0077"],
  ["[Service]", "StateDirectoryMode=0700"],
];

for (const [section, line] of lines) {
  test(`the unit says ${line} in its section ${section}`, () => {
    const from = unit.indexOf(section);
    const next = unit.indexOf("\n[", from + 1);
    assert.ok(unit.slice(from, next).split("\n").includes(line));
  });
}
