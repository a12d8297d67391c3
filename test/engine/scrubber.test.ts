/**
 * The slow walk over everything stored: it finds what nobody has read yet, in rows and in both
 * directions of an index, goes on behind damage and after a restart, and never takes a write that
 * happens meanwhile for damage.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import type { EngineOptions } from "../../src/engine/index.js";
import { restMs } from "../../src/engine/integrity/scrub-budget.js";
import { ManualClock } from "../../src/foundation/clock.js";
import { scrubPlaceKeptMs } from "../../src/storage/limits.js";
import type { ScrubStatus } from "../../src/storage/maintenance.js";
import { okOf, TempEngine } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";
import { closedStore, keyOfRow } from "./row-store.js";

const rows = 600;
const pageBytes = 4096;
const fast: Partial<EngineOptions> = {
  scrubBytesPerSecond: 1024 * 1024 * 1024,
  scrubCpuPercent: 100,
  scrubIntervalMs: 1_000,
  integrityFailurePolicy: "warn",
};

function scrubOf(temp: TempEngine): ScrubStatus {
  return temp.engine.maintenance.status().scrub;
}

function passEnds(temp: TempEngine, passes = 1): Promise<unknown> {
  return waitFor("a pass of the scrubber to end", () => {
    return temp.log.of("integrity.scrub-completed").length >= passes || undefined;
  });
}

/** Pages of a table or an index that hold its lowest level. */
function leavesOf(file: string, name: string): number[] {
  const database = new Database(file, { readonly: true });
  const found = database
    .prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno")
    .pluck()
    .all(name) as number[];
  database.close();
  return found;
}

function change(file: string, page: number, edit: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  edit(bytes.subarray((page - 1) * pageBytes, page * pageBytes));
  writeFileSync(file, bytes);
}

/** Flips the last bit of this text where it first stands on one of these pages. */
function flipOn(file: string, pages: readonly number[], text: string): void {
  const bytes = readFileSync(file);
  for (const page of pages) {
    const at = bytes.subarray((page - 1) * pageBytes, page * pageBytes).indexOf(text);
    if (at < 0) continue;
    change(file, page, (part) => {
      part.writeUInt8(part.readUInt8(at + text.length - 1) ^ 1, at + text.length - 1);
    });
    return;
  }
  assert.fail(`${text} is on none of the pages`);
}

test("a sound store that is written to all the time has passes without a finding", async (t) => {
  const temp = await closedStore(t, rows);
  await temp.start(fast);
  const load = { on: true };
  const writer = (async () => {
    for (let round = 0; load.on; round++) {
      const key = keyOfRow(round % rows);
      await Promise.all([
        temp.put(key, `other-${String(round)}`.padEnd((round * 37) % 3_000, "w")),
        temp.put(`new-${String(round)}`, "x"),
        temp.delete(keyOfRow((round * 7) % rows)),
        temp.increment(`count-${String(round % 10)}`, 1n, { requestId: `r-${String(round)}` }),
      ]);
    }
  })();
  await passEnds(temp, 3);
  load.on = false;
  await writer;
  assert.equal(scrubOf(temp).findings, 0, JSON.stringify(temp.log.of("integrity.scrub-found")));
  assert.deepEqual(temp.engine.maintenance.status().alarms, []);
  assert.ok(scrubOf(temp).completedAtMs > 0);
  assert.ok(scrubOf(temp).passes >= 3);
  assert.match(await temp.metrics.expose(), /^kvdb_scrub_passes_total [3-9]$/m);
});

const damages = [
  {
    what: "a value that differs",
    damage: (file: string): void => {
      flipOn(file, leavesOf(file, "kv"), `value-${keyOfRow(300)}-`);
    },
    problems: ["the value's checksum differs"],
  },
  {
    what: "an entry of an index that differs",
    damage: (file: string): void => {
      flipOn(file, leavesOf(file, "sqlite_autoindex_kv_1"), keyOfRow(300));
    },
    problems: ["its unique index does not lead to it", "its index names another row"],
  },
  {
    what: "a page of rows that cannot be read",
    damage: (file: string): void => {
      const leaves = leavesOf(file, "kv");
      change(file, leaves[Math.floor(leaves.length / 2)] ?? 0, (page) => page.fill(0));
    },
    problems: ["it cannot be read behind this place (SQLITE_CORRUPT)"],
  },
] as const;

for (const { what, damage, problems } of damages) {
  test(`the scrubber finds ${what}, says where, and comes to its end`, async (t) => {
    const temp = await closedStore(t, rows);
    const pages = leavesOf(temp.file, "kv").map(String);
    damage(temp.file);
    await temp.start(fast);
    await passEnds(temp);
    const found = temp.log.of("integrity.scrub-found");
    const told = found.map(({ msg }) => msg.replace("the scrubber found damage: ", ""));
    for (const problem of problems) assert.ok(told.includes(problem), told.join(" | "));
    assert.equal(found[0]?.fields["table"], "kv");
    // Of an index only its row is named, which is on a page of the table.
    const [page] = found.map(({ fields }) => fields["pages"]);
    assert.ok(typeof page === "string" && pages.includes(page), JSON.stringify(found));
    assert.ok(!JSON.stringify(found).includes("key-0"), "no key is logged");
    assert.ok(scrubOf(temp).rowsDone >= rows, "the rest was looked at too");
    const { alarms, state } = temp.engine.maintenance.status();
    assert.deepEqual(
      alarms.map(({ name }) => name),
      ["INTEGRITY_FAILED"],
    );
    assert.equal(state, "serving");
  });
}

test("what the scrubber finds meets the policy", async (t) => {
  const temp = await closedStore(t, rows);
  flipOn(temp.file, leavesOf(temp.file, "kv"), `value-${keyOfRow(300)}-`);
  await temp.start({ ...fast, integrityFailurePolicy: "readonly" });
  await waitFor("the store to be read-only", () => {
    return temp.engine.maintenance.status().state === "read_only" || undefined;
  });
  assert.equal(await temp.text(keyOfRow(1)), `value-${keyOfRow(1)}-`.padEnd(300, "v"));
});

test("a restart goes on where the scrubber was, and remembers its last pass", async (t) => {
  const temp = await closedStore(t, rows);
  await temp.start({ ...fast, scrubBytesPerSecond: 100_000 });
  await waitFor("a slice", () => scrubOf(temp).rowsDone > 0 || undefined);
  const before = scrubOf(temp);
  assert.equal(before.state, "walking");
  assert.match(before.phase, /^rows of /);
  assert.ok(before.step >= 1 && before.step <= before.steps);
  const reopenedAtMs = temp.clock.wallMs();
  await temp.reopen(fast);
  await passEnds(temp);
  const [ended] = temp.log.of("integrity.scrub-completed");
  const durationMs = Number(ended?.fields["duration_ms"]);
  assert.ok(durationMs >= reopenedAtMs - before.passStartedAtMs, "it was the same pass");
  assert.ok(Number(ended?.fields["rows"]) >= before.rowsDone + rows);
  assert.ok(scrubOf(temp).completedAtMs >= reopenedAtMs);
});

const foreignPlaces = {
  "a step that this version does not have": { step: "rows of yesterday", after: ["i1"] },
  "fewer columns than the index has": { step: "index of kv", after: ["i1"] },
  "a row id that is none": { step: "rows of kv", after: ["x01"] },
  "a step by its number": { step: 7, after: [] },
} as const;

for (const [what, place] of Object.entries(foreignPlaces)) {
  test(`a place that names ${what} means a pass from the beginning`, async (t) => {
    const temp = await closedStore(t, rows);
    const counts = { rows: 5, bytes: 5, passStartedAtMs: 1, completedAtMs: 0 };
    writeFileSync(`${temp.file}.scrub`, JSON.stringify({ ...counts, place }), { mode: 0o600 });
    await temp.start(fast);
    await passEnds(temp);
    const [ended] = temp.log.of("integrity.scrub-completed");
    assert.ok(Number(ended?.fields["rows"]) > rows, "everything was looked at");
    assert.deepEqual(temp.log.of("integrity.scrub-paused"), []);
  });
}

test("a slice that is refused again and again leaves no thread behind", async (t) => {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock, options: fast });
  okOf(await temp.put("key", "value"));
  const threads = (): number => readdirSync("/proc/self/task").length;
  const before = threads();
  // Whoever has the file open keeps it; who opens it now finds none.
  renameSync(temp.file, `${temp.file}.away`);
  for (let refused = 1; refused <= 3; refused++) {
    await waitFor("a slice to be refused", () => {
      clock.advance(scrubPlaceKeptMs);
      return temp.log.of("integrity.scrub-paused").length >= refused || undefined;
    });
  }
  assert.equal(scrubOf(temp).state, "paused");
  assert.notEqual(scrubOf(temp).pausedReason, "");
  renameSync(`${temp.file}.away`, temp.file);
  await waitFor("the threads to end", () => threads() <= before + 1 || undefined);
  await waitFor("a pass to end", () => {
    clock.advance(scrubPlaceKeptMs);
    return temp.log.of("integrity.scrub-completed").length > 0 || undefined;
  });
  await waitFor("it to rest", () => {
    return ["resting", "walking"].includes(scrubOf(temp).state) || undefined;
  });
  assert.equal(scrubOf(temp).pausedReason, "");
});

test("a scrubber that is not asked to look says so", async (t) => {
  const temp = await closedStore(t, rows);
  await temp.start({ scrubBytesPerSecond: 0 });
  const { state, step, phase, passes } = scrubOf(temp);
  assert.deepEqual({ state, step, phase, passes }, { state: "off", step: 0, phase: "", passes: 0 });
});

test("the rests keep both budgets, whatever a slice took", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.double({ min: 0.01, max: 1_000, noNaN: true }),
      fc.integer({ min: 4_096, max: 1_000_000_000 }),
      fc.integer({ min: 1, max: 100 }),
      (bytes, busyMs, bytesPerSecond, cpuPercent) => {
        const wholeMs = busyMs + restMs({ bytes, busyMs }, { bytesPerSecond, cpuPercent });
        assert.ok((bytes * 1_000) / wholeMs <= bytesPerSecond * 1.000_001);
        assert.ok((busyMs * 100) / wholeMs <= cpuPercent * 1.000_001);
      },
    ),
  );
});
