/** Checks as processes: one at a time, killable, reported whatever becomes of them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CheckChild } from "../../src/engine/integrity/check-child.js";
import { IntegrityChecker } from "../../src/engine/integrity/integrity-check.js";
import { type Connection, openConnection } from "../../src/engine/sqlite/connection.js";
import { CheckpointRunner } from "../../src/engine/sqlite/raw-checkpoint.js";
import { migrate } from "../../src/engine/sqlite/schema.js";
import { WalIndexReader } from "../../src/engine/wal/wal-index.js";
import { systemClock } from "../../src/foundation/clock.js";
import { EngineEvents } from "../../src/observability/events.js";
import { Metrics } from "../../src/observability/metrics.js";
import type {
  IntegrityMode,
  IntegrityProgress,
  IntegrityReport,
} from "../../src/storage/maintenance.js";
import { type RecordingLog, recordingLog } from "../support/recording-log.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

/** Enough rows that SQLite is busy with them for a while. */
const manyRows = 400_000;
const clock = systemClock();

interface Fixture {
  readonly checker: IntegrityChecker;
  readonly log: RecordingLog;
  readonly metrics: Metrics;
  readonly counted: () => number;
}

function checkerOf(file: string, countFailure?: () => Promise<void>): Fixture {
  const log = recordingLog();
  const metrics = new Metrics();
  let counted = 0;
  const checker = new IntegrityChecker({
    file,
    clock,
    log,
    metrics,
    events: new EngineEvents(clock, 10),
    failuresBefore: 3,
    countFailure:
      countFailure ??
      (() => {
        counted++;
        return Promise.resolve();
      }),
  });
  return { checker, log, metrics, counted: () => counted };
}

/** A store's file with its writer's connection, and on request a table that takes time to check. */
function openStore(ending: Ending, rows: number): { file: string; writer: Connection } {
  const file = join(tempDirectory(ending), "kv.db");
  const writer = openConnection({
    file,
    role: "writer",
    pragmas: {
      synchronous: "OFF",
      foreignKeys: true,
      nativeBusyTimeoutMs: 50,
      cacheBytes: 32 * 1024 * 1024,
    },
  });
  ending.after(() => {
    writer.close();
  });
  migrate(writer);
  writer.exec(`CREATE TABLE bulk (id INTEGER PRIMARY KEY, text TEXT UNIQUE);
    INSERT INTO bulk (text) SELECT printf('%08d', value * 7919 % ${String(rows + 1)}) FROM
      (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n
        WHERE value < ${String(rows)}) SELECT value FROM n) WHERE true
    ON CONFLICT DO NOTHING`);
  return { file, writer };
}

async function lastOf(
  items: AsyncIterable<IntegrityProgress | IntegrityReport>,
): Promise<IntegrityReport> {
  const all: (IntegrityProgress | IntegrityReport)[] = [];
  for await (const item of items) all.push(item);
  const last = all.at(-1);
  assert.ok(last?.kind === "report", "the last item is the report");
  return last;
}

function run(checker: IntegrityChecker, mode: IntegrityMode): Promise<IntegrityReport> {
  return lastOf(checker.check(mode, new AbortController().signal));
}

test("a check tells its progress, ends with a report, and the report is kept", async (t) => {
  const { checker, log } = checkerOf(openStore(t, 10).file);
  assert.equal(checker.lastReport(), undefined);
  const kinds: string[] = [];
  for await (const { kind } of checker.check("all", new AbortController().signal)) kinds.push(kind);
  assert.equal(kinds.at(-1), "report");
  assert.equal(kinds.filter((kind) => kind === "report").length, 1);
  assert.equal(checker.lastReport()?.verdict, "passed");
  assert.equal(log.lines.at(-1)?.msg, "integrity check passed");
});

test("two checks that are asked for at once run one after the other", async (t) => {
  const { checker } = checkerOf(openStore(t, 10).file);
  const reports = await Promise.all([run(checker, "quick"), run(checker, "full")]);
  assert.deepEqual(
    reports.map(({ mode, verdict }) => [mode, verdict]),
    [
      ["quick", "passed"],
      ["full", "passed"],
    ],
  );
  const [first, second] = reports;
  assert.ok(first.startedAtMs <= second.startedAtMs);
  assert.equal(checker.lastReport(), second);
});

for (const [mode, phrase] of [
  ["quick", "startup quick_check passed"],
  ["full", "startup full_check passed"],
] as const) {
  test(`the ${mode} check of a start says "${phrase}"`, async (t) => {
    const { checker, log, counted } = checkerOf(openStore(t, 10).file);
    assert.equal((await checker.checkAtStart(mode)).verdict, "passed");
    assert.equal(log.lines.at(-1)?.msg, phrase);
    assert.equal(log.lines.at(-1)?.level, "info");
    assert.equal(counted(), 0);
  });
}

test("a check that cannot be made is an error, is said so, and counts as a failure", async (t) => {
  const { checker, log, metrics, counted } = checkerOf(join(tempDirectory(t), "missing.db"));
  const report = await checker.checkAtStart("quick");
  assert.equal(report.verdict, "error");
  assert.equal(report.messages.length, 1);
  const [line] = log.of("integrity.startup-not-run");
  assert.match(line?.msg ?? "", /^startup integrity check failed: ./);
  assert.equal(counted(), 1);
  assert.match(await metrics.expose(), /sqlite_integrity_check_failures 4/);
});

test("a failure that cannot be remembered is reported all the same", async (t) => {
  const refuse = (): Promise<void> => Promise.reject(new Error("the writer is gone"));
  const { checker, log, metrics } = checkerOf(join(tempDirectory(t), "missing.db"), refuse);
  assert.equal((await run(checker, "quick")).verdict, "error");
  assert.equal(log.lines.at(-1)?.fields["not_counted"], "Error: the writer is gone");
  assert.match(await metrics.expose(), /sqlite_integrity_check_failures 4/);
});

test("a process that dies in the middle leaves a report that says how", async (t) => {
  const child = CheckChild.start({ file: openStore(t, 10).file, mode: "full" });
  process.kill(child.pid ?? 0, "SIGSEGV");
  let end = await child.next();
  while (end.kind === "progress") end = await child.next();
  await child.gone;
  assert.equal(end.kind, "impossible");
  assert.match(end.reason, /SIGSEGV/);
});

test("a check that hangs is killed, and the caller is told why", async (t) => {
  const child = CheckChild.start({ file: openStore(t, 10).file, mode: "full" });
  // Stopped before it has begun: as deaf as one that sits in the kernel.
  process.kill(child.pid ?? 0, "SIGSTOP");
  child.kill("the test is over");
  assert.deepEqual(await child.next(), { kind: "killed", reason: "the test is over" });
  await child.gone;
});

test("a running check pins the WAL under its name, and aborting it frees the WAL", async (t) => {
  const { file, writer } = openStore(t, manyRows);
  const { checker, counted } = checkerOf(file);
  const index = WalIndexReader.open(`${file}-shm`);
  const runner = new CheckpointRunner({
    connection: writer,
    walFile: `${file}-wal`,
    clock,
    nativeBusyTimeoutMs: 50,
  });
  const aborting = new AbortController();
  const checking = lastOf(checker.check("full", aborting.signal));
  const reader = await waitFor("the check to read", () => index.foreignReaders()[0]);
  process.kill(reader.pid, "SIGSTOP");
  assert.equal(checker.nameOfProcess(reader.pid), "integrity check");
  assert.equal(checker.nameOfProcess(1), undefined);
  const pinned = runner.run("truncate", 1);
  assert.equal(pinned.kind === "ran" ? pinned.row.busy : -1, 1);
  aborting.abort();
  const report = await checking;
  assert.equal(report.verdict, "cancelled");
  assert.equal(checker.lastReport(), undefined, "a cancelled check says nothing about the file");
  assert.equal(counted(), 0);
  const freed = runner.run("truncate", 1);
  assert.deepEqual(freed.kind === "ran" ? freed.row : freed, { busy: 0, log: 0, checkpointed: 0 });
  assert.equal(checker.nameOfProcess(reader.pid), undefined);
  index.close();
});

test("leaving the iteration kills the check, and the next one may run", async (t) => {
  const { checker } = checkerOf(openStore(t, 10).file);
  for await (const item of checker.check("all", new AbortController().signal)) {
    if (item.kind === "progress") break;
  }
  assert.equal((await run(checker, "quick")).verdict, "passed");
});

test("when the WAL needs it the running check is ended, and later ones are not", async (t) => {
  const { checker } = checkerOf(openStore(t, 10).file);
  assert.equal(checker.cancel("nothing runs"), 0);
  const items = checker.check("full", new AbortController().signal);
  const first = items.next();
  await waitFor("the check to begin", () =>
    checker.cancel("the WAL is full") > 0 ? true : undefined,
  );
  let item = await first;
  while (item.done !== true && item.value.kind === "progress") item = await items.next();
  assert.ok(item.done !== true && item.value.kind === "report");
  assert.equal(item.value.verdict, "cancelled");
  assert.deepEqual(item.value.messages, ["the WAL is full"]);
  await items.return();
  assert.equal((await run(checker, "quick")).verdict, "passed");
});

test("after close no check begins, and a caller that went away before its turn gets none", async (t) => {
  const { checker } = checkerOf(openStore(t, 10).file);
  const gone = await lastOf(checker.check("quick", AbortSignal.abort()));
  assert.equal(gone.verdict, "cancelled");
  await checker.close();
  await checker.close();
  assert.equal((await run(checker, "quick")).verdict, "cancelled");
});

test("a check does not outlive a daemon that was killed", async (t) => {
  const { file } = openStore(t, 10);
  const module = new URL("../../src/engine/integrity/check-child.js", import.meta.url).href;
  const program = `
    import { CheckChild } from ${JSON.stringify(module)};
    console.log(CheckChild.start(${JSON.stringify({ file, mode: "full" })}).pid);
    setInterval(() => undefined, 1000);
  `;
  const daemon = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => {
    daemon.kill("SIGKILL");
  });
  const [output] = (await once(daemon.stdout, "data")) as [Buffer];
  const pid = Number(output.toString());
  daemon.kill("SIGKILL");
  await waitFor("the check to end", () => (isGone(pid) ? true : undefined));
});

/** Gone, or dead and not yet buried by whoever inherited it. */
function isGone(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${String(pid)}/stat`, "utf8"));
  } catch {
    // There is no such process any more.
    return true;
  }
}
