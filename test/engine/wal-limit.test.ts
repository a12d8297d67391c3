/**
 * The hard limit of the WAL holds against any reader: scans that follow each other without a gap,
 * and a reader of another process. Writes are shed as what they are, everything else is served, and
 * it ends with its cause.
 */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { EngineOptions } from "../../src/engine/index.js";
import { okOf, refusalOf, TempEngine } from "../support/temp-engine.js";
import { pause, waitFor } from "../support/wait.js";

const mebibyte = 1024 * 1024;
const limits: Partial<EngineOptions> = {
  walSoftLimitBytes: 4 * mebibyte,
  walHardLimitBytes: 12 * mebibyte,
  readerThreads: 2,
};
const valueBytes = 60_000;
/** A value in the table and in the log, and the pages that lead to them. */
const groupBytes = 40 * 4 * valueBytes;

function walBytes(temp: TempEngine): number {
  return statSync(temp.walFile, { throwIfNoEntry: false })?.size ?? 0;
}

/** Puts until told to stop; how each ended, counted, and how large the WAL became. */
async function load(
  temp: TempEngine,
  goOn: () => boolean,
): Promise<{ readonly ends: ReadonlyMap<string, number>; readonly largest: number }> {
  const ends = new Map<string, number>();
  let largest = 0;
  for (let round = 0; goOn(); round++) {
    const puts = Array.from({ length: 20 }, (_none, index) => {
      const value = new Uint8Array(valueBytes).fill(round % 251);
      return refusalOf(() => temp.put(`key-${String(index)}`, value));
    });
    for (const end of await Promise.all(puts)) ends.set(end, (ends.get(end) ?? 0) + 1);
    largest = Math.max(largest, walBytes(temp));
    // As a client does that is told to come back later.
    if (ends.has("wal-limit")) await pause(10);
  }
  return { ends, largest };
}

test("scans that overlap without a gap do not make the WAL grow beyond its limit", async (t) => {
  const temp = await TempEngine.open(t, { options: limits });
  await load(temp, rounds(2));
  const work = { on: true };
  let scanned = 0;
  const scanners = Array.from({ length: 4 }, async () => {
    while (work.on) {
      try {
        scanned += (await temp.scan()).entries.length;
      } catch (error) {
        assert.equal((error as { readonly kind?: string }).kind, "snapshot-expired");
      }
    }
  });
  const { ends, largest } = await load(temp, rounds(120));
  work.on = false;
  await Promise.all(scanners);
  assert.ok((ends.get("ok") ?? 0) > 100, JSON.stringify([...ends]));
  // A slow machine may also be told that writes wait too long.
  const expected = ["ok", "wal-limit", "overloaded"];
  const others = [...ends.keys()].filter((end) => !expected.includes(end));
  assert.deepEqual(others, [], JSON.stringify([...ends]));
  assert.ok(scanned > 0);
  assert.ok(largest <= 12 * mebibyte + groupBytes, `the WAL had ${String(largest)} bytes`);
  await waitFor(
    "a write",
    async () => (await refusalOf(() => temp.put("a", "1"))) === "ok" || undefined,
  );
  assert.deepEqual(temp.faults, []);
});

test("a reader of another process makes writes wait at the limit, and its end lets them go on", async (t) => {
  const temp = await TempEngine.open(t, { options: limits });
  okOf(await temp.put("read", "1"));
  // Its lock is this process's own, so nobody can name it; the effect is that of any other reader.
  const foreign = new Database(temp.file, { readonly: true });
  foreign.exec("BEGIN");
  foreign.prepare("SELECT count(*) FROM kv").get();
  const shed = { seen: 0 };
  const { ends, largest } = await load(temp, () => {
    if (temp.engine.maintenance.wal().limitState === "hard") shed.seen++;
    return shed.seen < 5;
  });
  assert.ok((ends.get("wal-limit") ?? 0) > 0, JSON.stringify([...ends]));
  assert.ok(largest <= 12 * mebibyte + groupBytes, `the WAL had ${String(largest)} bytes`);
  assert.equal(await temp.text("read"), "1");
  assert.ok((await temp.list()).entries.length > 1);
  const alarms = temp.engine.maintenance.status().alarms.map(({ name }) => name);
  assert.deepEqual(alarms, ["WAL_GROWTH"]);
  foreign.close();
  await waitFor(
    "a write",
    async () => (await refusalOf(() => temp.put("a", "1"))) === "ok" || undefined,
  );
  await waitFor("the alarm to end", () => {
    return temp.engine.maintenance.status().alarms.length === 0 || undefined;
  });
  assert.ok(walBytes(temp) < 12 * mebibyte);
  assert.deepEqual(temp.faults, []);
});

function rounds(count: number): () => boolean {
  let left = count;
  return () => left-- > 0;
}
