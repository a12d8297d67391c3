/** The table of settings agrees with the store's bounds, with itself, and with what is made of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { helpText, printConfig } from "../../../src/config/config-text.js";
import { loadConfig } from "../../../src/config/load-config.js";
import { nearestName } from "../../../src/config/nearest-name.js";
import { profileNames } from "../../../src/config/profiles.js";
import type { SettingRow } from "../../../src/config/setting-row.js";
import {
  parseSetting,
  printSetting,
  type SettingValue,
} from "../../../src/config/setting-value.js";
import { flagOf, settingRows, settings } from "../../../src/config/settings.js";
import * as limits from "../../../src/storage/limits.js";

/** Texts that a row accepts. */
function textOf(row: SettingRow): fc.Arbitrary<string> {
  switch (row.kind) {
    case "integer":
      return fc.integer({ min: row.min, max: row.max }).map(String);
    case "boolean":
      return fc.constantFrom("on", "off", "true", "NO");
    case "enum":
      return fc.constantFrom(...row.choices);
    case "text":
      return fc.constantFrom(...(row.env === settings.nodeId.env ? ["a.b-1"] : ["a=kill;b=error"]));
    case "path":
      return fc.constantFrom("kv.db", "/var/lib/my data/kv.db", "/with # and 'quote'/kv.db");
    case "addresses":
      return row.optional
        ? fc.constantFrom("off", "[::1]:1", "unix:/run/x.sock")
        : fc.constantFrom("127.0.0.1:1,[::1]:2", "0.0.0.0:0", "unix:/run/x.sock,localhost:9");
  }
}

for (const [id, row] of settingRows) {
  test(`${row.env}: every accepted value prints to a text that means the same`, () => {
    fc.assert(
      fc.property(textOf(row), (text) => {
        const parsed = parseSetting(row, text);
        assert.equal(parsed.kind, "value", text);
        const printed = printSetting(parsed.value);
        assert.ok(printed !== undefined);
        assert.deepEqual(parseSetting(row, printed), parsed);
      }),
      { numRuns: 25 },
    );
  });

  test(`${row.env}: defaults are allowed, and production does not refuse its own`, () => {
    const values: SettingValue[] = row.kind === "text" ? [] : [row.fallback];
    const ofProfiles = row.kind === "integer" || row.kind === "enum" ? row.profiles : undefined;
    for (const profile of profileNames) values.push(ofProfiles?.[profile]);
    for (const value of values) {
      const text = printSetting(value);
      if (text !== undefined) assert.equal(parseSetting(row, text).kind, "value", text);
    }
    assert.match(row.env, /^KVDB_[A-Z0-9]+(?:_[A-Z0-9]+)*$/);
    assert.match(row.doc, /\.$/, `${id}: whole sentences`);
    assert.ok(!/^KVDB_(?:PORT$|SERVICE_)/.test(row.env), "container platforms inject these names");
  });
}

test("bounds that the store has too are the store's", () => {
  assert.equal(settings.valueBytesMax.fallback, limits.valueBytesDefault);
  assert.equal(settings.valueBytesMax.max, limits.valueBytesCeiling);
  assert.equal(settings.messageBytesMax.fallback, limits.messageBytesDefault);
  assert.ok(settings.messageBytesMax.max >= limits.valueBytesCeiling + limits.messageOverheadBytes);
  assert.equal(settings.walSoftLimitBytes.fallback, limits.walSoftLimitBytesDefault);
  assert.equal(settings.walHardLimitBytes.fallback, limits.walHardLimitBytesDefault);
  assert.equal(settings.diskReserveBytes.fallback, limits.diskReserveBytesDefault);
  assert.equal(settings.activeTransactionsMax.fallback, limits.writeQueueRequestsDefault);
  assert.equal(settings.readerThreads.max, limits.readerThreadsMax);
  assert.equal(settings.snapshotMsMax.max, limits.snapshotLifetimeMsMax);
});

test("flags and variables are unique, and the seven baseline variables are there", () => {
  const rows = settingRows.map(([, row]) => row);
  assert.equal(new Set(rows.map(flagOf)).size, rows.length);
  assert.deepEqual(
    rows.map(({ env }) => env).filter((env) => env.startsWith("KVDB_SQLITE_")),
    [
      "KVDB_SQLITE_FILE",
      "KVDB_SQLITE_JOURNAL_MODE",
      "KVDB_SQLITE_SYNCHRONOUS",
      "KVDB_SQLITE_WAL_CHECKPOINT_INTERVAL_MS",
      "KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP",
      "KVDB_SQLITE_BUSY_TIMEOUT_MS",
      "KVDB_SQLITE_FOREIGN_KEYS",
    ],
  );
});

test("the printed configuration reads back as itself", () => {
  const all = fc.record(
    Object.fromEntries(settingRows.map(([, row]) => [row.env, fc.option(textOf(row))])),
  );
  let read = 0;
  fc.assert(
    fc.property(all, (given) => {
      const env = Object.fromEntries(
        Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== null),
      );
      const first = loadConfig({ args: [], env, readFile: () => "" });
      // Values that do not fit together, or not production, are another test's matter.
      if (first.kind !== "loaded") return;
      read++;
      const printed = printConfig(first);
      const again = loadConfig({ args: ["--config", "x"], env: {}, readFile: () => printed });
      assert.equal(again.kind, "loaded", JSON.stringify(again));
      assert.deepEqual(again.config, first.config);
    }),
    { numRuns: 300 },
  );
  assert.ok(read > 10, "too few of the configurations were acceptable to prove anything");
});

test("the help text names every flag, variable and default, and fits a terminal", () => {
  const help = helpText();
  for (const [, row] of settingRows) {
    assert.ok(help.includes(`  ${flagOf(row)}  (${row.env})\n`), row.env);
  }
  assert.ok(help.includes("60000 (30000 in dev)"));
  for (const line of help.split("\n")) assert.ok(line.length <= 100, line);
});

test("the nearest name is the one with the fewest changed characters", () => {
  const known = ["KVDB_LISTEN", "KVDB_LOG_LEVEL", "KVDB_PROFILE"];
  assert.equal(nearestName("KVDB_LISEN", known), "KVDB_LISTEN");
  assert.equal(nearestName("KVDB_LOGLEVEL", known), "KVDB_LOG_LEVEL");
  assert.equal(nearestName("KVDB_PROFILE", known), "KVDB_PROFILE");
});
