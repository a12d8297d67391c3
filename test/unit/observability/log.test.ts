/** Log lines are events with safe fields, and the phrases that operators search for are verbatim. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../../../src/foundation/clock.js";
import {
  describeError,
  isLevelOn,
  phraseOf,
  printableFields,
} from "../../../src/observability/log.js";
import { type LogEventRow, logEvents } from "../../../src/observability/log-events.js";
import { openLog } from "../../../src/observability/winston-log.js";

interface Line {
  readonly level: string;
  readonly event: string;
  readonly connection?: number;
  readonly db?: string;
  readonly role?: string;
}

function opened(level: "error" | "warn" | "info" | "debug") {
  const lines: Line[] = [];
  const write = (line: string): void => {
    assert.ok(line.endsWith("\n") && line.indexOf("\n") === line.length - 1, "one line each");
    lines.push(JSON.parse(line) as Line);
  };
  const clock = new ManualClock(Date.parse("2024-02-29T12:00:00.500Z"));
  return { log: openLog({ level, clock, write }), lines };
}

test("a line is one JSON object with time, level, phrase, event and fields in snake case", () => {
  const { log, lines } = opened("info");
  log.event("checkpoint.incomplete", { busy: 1, walBytesBefore: 4096n, pinnedBy: undefined });
  assert.deepEqual(lines, [
    {
      ts: "2024-02-29T12:00:00.500Z",
      level: "warn",
      msg: "periodic-checkpoint incomplete: checkpoint returned busy=1",
      event: "checkpoint.incomplete",
      busy: 1,
      wal_bytes_before: 4096,
    },
  ]);
});

test("a line below the level is not written, and the level can change while running", () => {
  const { log, lines } = opened("warn");
  const child = log.child({ connection: 7 });
  child.event("daemon.ready");
  assert.equal(child.isOn("info"), false);
  log.setLevel("info");
  child.event("daemon.ready");
  child.setLevel("error");
  log.event("daemon.ready");
  assert.deepEqual(
    lines.map((line) => [line.event, line.connection]),
    [["daemon.ready", 7]],
  );
});

test("a child adds its fields to every line, and its own win over its parent's", () => {
  const { log, lines } = opened("info");
  const child = log.child({ db: "a", role: "writer" }).child({ role: "reader" });
  child.event("daemon.ready", { db: "b" });
  assert.deepEqual([lines[0]?.db, lines[0]?.role], ["b", "reader"]);
});

test("no field can pose as one of the four that every line has", () => {
  const { log, lines } = opened("info");
  log.event("daemon.ready", { ts: "x", level: "x", msg: "x", event: "x" });
  assert.deepEqual([lines[0]?.event, lines[0]?.level], ["daemon.ready", "info"]);
});

test("a log writes to stderr, and goes on when nobody reads it any more", async () => {
  const module = (path: string): string => {
    return JSON.stringify(new URL(`../../../src/${path}.js`, import.meta.url).href);
  };
  const program = `
    import { systemClock } from ${module("foundation/clock")};
    import { openLog } from ${module("observability/winston-log")};
    const log = openLog({ level: "info", clock: systemClock() });
    log.event("daemon.ready");
    process.stdin.once("data", () => {
      log.event("daemon.ready");
      setTimeout(() => process.exit(7), 50);
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
  const [line] = (await once(child.stderr, "data")) as [Buffer];
  assert.equal((JSON.parse(line.toString()) as Line).event, "daemon.ready");
  child.stderr.destroy();
  child.stdin.write("go on");
  assert.deepEqual(await once(child, "exit"), [7, null]);
});

for (const name of ["key", "newKey", "keys", "value", "previousValue", "token", "sharedSecret"]) {
  test(`a field called ${name} is never printed, at any depth`, () => {
    const printed = JSON.stringify(printableFields({ [name]: "s3cret", at: { [name]: "s3cret" } }));
    assert.ok(!printed.includes("s3cret"), printed);
  });
}

test("bytes are printed as their length", () => {
  const fields = printableFields({ start: Uint8Array.of(1, 2), list: [Uint8Array.of(3)] });
  assert.deepEqual(fields, { start: "[2 bytes]", list: ["[1 bytes]"] });
});

test("large numbers are printed exactly", () => {
  const revision = 2n ** 63n;
  assert.deepEqual(printableFields({ revision, small: 5n }), {
    revision: "9223372036854775808",
    small: 5,
  });
});

test("any fields can be printed as JSON", () => {
  const field = fc.oneof(fc.string(), fc.double(), fc.bigInt(), fc.boolean(), fc.uint8Array());
  const fields = fc.dictionary(fc.string(), fc.oneof(field, fc.array(field)));
  fc.assert(
    fc.property(fields, (any) => {
      JSON.parse(JSON.stringify(printableFields(any)));
    }),
  );
});

test("a list in a phrase is joined, and a missing field is seen as missing", () => {
  const problems = ["page 3", "page 9"];
  assert.equal(
    phraseOf("integrity.startup-quick-failed", { problems }),
    "startup quick_check failed: page 3 | page 9",
  );
  assert.equal(phraseOf("integrity.startup-quick-failed", {}), "startup quick_check failed: ?");
});

test("an error is described with its code and its causes, in one line", () => {
  const cause = Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" });
  const error = new RangeError("commit failed", { cause });
  assert.equal(
    describeError(error),
    "RangeError: commit failed, because of Error: disk I/O error (SQLITE_IOERR_FSYNC)",
  );
  assert.equal(describeError("text"), "text");
});

test("each level lets through itself and what is worse", () => {
  const levels = ["error", "warn", "info", "debug"] as const;
  for (const [at, threshold] of levels.entries()) {
    assert.deepEqual(
      levels.filter((level) => isLevelOn(level, threshold)),
      levels.slice(0, at + 1),
    );
  }
});

// What operators and the seed guide search for, with the level it must have.
for (const [phrase, level] of [
  ["startup detected WAL residue", "warn"],
  ["startup-recovery checkpoint completed", "info"],
  ["startup-recovery checkpoint failed", "error"],
  ["startup quick_check passed", "info"],
  ["startup full_check passed", "info"],
  ["startup quick_check failed", "error"],
  ["startup full_check failed", "error"],
  ["startup integrity check failed", "error"],
  ["periodic-checkpoint completed", "info"],
  ["periodic-checkpoint incomplete", "warn"],
  ["periodic-checkpoint failed", "error"],
  ["manual checkpoint completed", "info"],
  ["manual checkpoint incomplete", "warn"],
  ["manual checkpoint failed", "error"],
  ["closeDatabase checkpoint completed", "info"],
  ["closeDatabase checkpoint failed", "error"],
  ["closeDatabase close failed", "error"],
  ["effective configuration", "info"],
] as const) {
  test(`"${phrase}" belongs to exactly one event, of level ${level}`, () => {
    const rows: readonly LogEventRow[] = Object.values(logEvents);
    assert.deepEqual(
      rows.filter((row) => row.msg.startsWith(phrase)).map((row) => row.level),
      [level],
    );
  });
}

test("every incomplete checkpoint says what it returned", () => {
  const incomplete = Object.values(logEvents).filter(({ msg }) => msg.includes("incomplete"));
  assert.equal(incomplete.length, 3);
  for (const { msg } of incomplete) assert.match(msg, /checkpoint returned busy=\{busy\}$/);
});

test("every failure of a checkpoint is found by one search", () => {
  const failures = Object.entries(logEvents).filter(([name]) =>
    /^checkpoint\..*failed$/.test(name),
  );
  assert.equal(failures.length, 4);
  for (const [, { msg }] of failures) assert.ok(msg.includes("checkpoint failed"), msg);
});

test("names of events are lower case with one dot, and every row tells what to do", () => {
  for (const [name, row] of Object.entries(logEvents)) {
    assert.match(name, /^[a-z]+\.[a-z-]+$/);
    assert.ok(row.doc.length > 5, name);
  }
});
