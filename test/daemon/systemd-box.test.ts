/**
 * The unit file under a real systemd: it is told when the daemon is ready, notices one that hangs,
 * starts again what can be helped by it and leaves down what cannot, stops in order, and shuts the
 * daemon in. Two units that lack what the real one has show that the tests would tell.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SystemdBox } from "../support/systemd-box.js";
import { readText } from "../tools/source-files.js";

const unit = readText("deploy/systemd/kvdbd.service");
const daemon = "/opt/node /opt/kvdb/dist/src/kvdbd.js";
/** Short waits; everything else is as it is delivered. */
const soon = "[Service]\nRestartSec=200ms\nWatchdogSec=10\n";

interface Variant {
  readonly name: string;
  readonly port: number;
  /** Instead of the daemon as it is. */
  readonly command?: string;
  readonly lines?: readonly string[];
  readonly without?: RegExp;
  /** Its user and its directories are those of the real one. */
  readonly shares?: boolean;
}

const variants: readonly Variant[] = [
  // What the unit would be without what is tested: the tests must tell.
  {
    name: "unready",
    port: 50_101,
    command: `/usr/bin/env -u NOTIFY_SOCKET ${daemon}`,
    lines: ["TimeoutStartSec=5", "Restart=no"],
  },
  { name: "unwatched", port: 50_111, without: /^WatchdogSec=.*$/m },
  { name: "second", port: 50_151, shares: true },
  // Reasons to end, of which some can be helped by a start.
  {
    name: "failed-sync",
    port: 50_121,
    lines: ['Environment="KVDB_FAILPOINTS=before-commit=error:SQLITE_IOERR_FSYNC@2"'],
  },
  { name: "misconfigured", port: 50_131, lines: ["Environment=KVDB_SQLITE_SYNCHRONOUS=OFF"] },
  { name: "hopeless", port: 50_141, command: '/bin/sh -c "exit 74"' },
];

/** The unit under another name, with directories, a user and a port of its own. */
function variant({ name, port, command = daemon, lines = [], without, shares }: Variant) {
  const owned = unit
    .replace(/^(User|StateDirectory|RuntimeDirectory|ConfigurationDirectory)=kvdb$/gm, `$1=${name}`)
    .replaceAll("/var/lib/kvdb", `/var/lib/${name}`);
  const own = (shares === true ? unit : owned)
    .replace(/^ExecStart=.*$/m, `ExecStart=${command}`)
    .replace("127.0.0.1:50051", `127.0.0.1:${port}`)
    .replace("127.0.0.1:9464", `127.0.0.1:${port + 1}`)
    .replace(/^RestartSec=.*$/m, "RestartSec=200ms");
  const cut = without === undefined ? own : own.replace(without, "");
  return cut.replace(/^\[Install\]$/m, `${lines.join("\n")}\n\n[Install]`);
}

/** Writes and reads inside, with the tool that is delivered beside the daemon. */
class Inside {
  readonly #box: SystemdBox;
  readonly #address: string;

  constructor(box: SystemdBox, port: number) {
    this.#box = box;
    this.#address = `127.0.0.1:${port}`;
  }

  put(key: string, value: string): number | null {
    return this.#kvdb("put", key, value).status;
  }

  get(key: string): string {
    return this.#kvdb("get", key).stdout.trim();
  }

  #kvdb(...words: readonly string[]) {
    const flags = ["/opt/kvdb/dist/src/kvdb.js", ...words, "--address", this.#address];
    return this.#box.run("/opt/node", flags);
  }
}

test("under systemd: ready, watched, started again or left down, stopped in order, and shut in", async (t) => {
  const box = await SystemdBox.boot(
    t,
    new Map([
      ["kvdbd.service", unit.replace(/^ExecStart=.*$/m, `ExecStart=${daemon}`)],
      ["kvdbd.service.d/soon.conf", soon],
      ...variants.map((each) => [`${each.name}.service`, variant(each)] as const),
    ]),
  );
  for (const [name, check] of checks) {
    // What follows builds on it, so the first that fails is the last.
    await check(box).catch((cause: unknown) => {
      throw new Error(`not so: ${name}: ${String(cause)}`, { cause });
    });
    t.diagnostic(name);
  }
});

/** In this order: each begins where the one before ended. */
const checks: readonly (readonly [name: string, check: (box: SystemdBox) => Promise<void>])[] = [
  ["systemd hears that it is ready, and what it serves on", isReady],
  [
    "it runs as a user of its own, without privileges, behind a filter, within its limits",
    isShutIn,
  ],
  ["a process that was killed is started again, and has what it acknowledged", isRevived],
  ["a process that hangs is started again by the watchdog, and by nothing else", isWatched],
  ["a stop drains, ends cleanly, leaves no WAL, and the next start has everything", isStopped],
  ["a second daemon on the same directory stays down", isAlone],
  ["after a failed sync it is started again, after a wrong setting it is not", endsByReason],
  ["one that fails again and again is left down", isGivenUp],
  ["a daemon that never says that it is ready is not taken for ready", unreadyIsFound],
];

async function isReady(box: SystemdBox): Promise<void> {
  const { status, stderr } = box.systemctl("start", "kvdbd");
  assert.equal(status, 0, `${stderr}${journal(box, "kvdbd")}`);
  await box.becomes("kvdbd", "ActiveState", "active");
  assert.match(box.property("kvdbd", "StatusText"), /^serving on 127\.0\.0\.1:50051/);
}

async function isShutIn(box: SystemdBox): Promise<void> {
  const status = box.proc("kvdbd", "status");
  assert.doesNotMatch(status, /^Uid:\s+0\b/m);
  for (const line of [
    /^NoNewPrivs:\s+1$/m,
    /^CapEff:\s+0+$/m,
    /^CapBnd:\s+0+$/m,
    /^Seccomp:\s+2$/m,
  ]) {
    assert.match(status, line);
  }
  // A container cannot give more than it was given.
  const given = openFilesMax(readFileSync("/proc/self/limits", "utf8"));
  assert.equal(openFilesMax(box.proc("kvdbd", "limits")), Math.min(65_536, given));
  const state = box.run("stat", ["-L", "-c", "%a %u", "/var/lib/kvdb"]).stdout.trim();
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? "";
  assert.equal(state, `700 ${uid}`);
  assert.match(box.proc("kvdbd", "mountinfo"), / \/usr ro[, ]/);
  await Promise.resolve();
}

async function isRevived(box: SystemdBox): Promise<void> {
  const inside = new Inside(box, 50_051);
  assert.equal(inside.put("k", "before the kill"), 0);
  box.systemctl("kill", "--signal=KILL", "--kill-whom=main", "kvdbd");
  await box.becomes("kvdbd", "NRestarts", "1");
  await box.becomes("kvdbd", "ActiveState", "active");
  assert.equal(inside.get("k"), "before the kill");
}

async function isWatched(box: SystemdBox): Promise<void> {
  const inside = new Inside(box, 50_051);
  assert.equal(inside.put("k", "before the hang"), 0);
  box.systemctl("start", "unwatched");
  await box.becomes("unwatched", "ActiveState", "active");
  // The one without a watchdog first: it has hung for longer when the other one is found.
  for (const name of ["unwatched", "kvdbd"]) {
    box.systemctl("kill", "--signal=STOP", "--kill-whom=main", name);
  }
  await box.becomes("kvdbd", "NRestarts", "2");
  assert.equal(box.property("unwatched", "NRestarts"), "0");
  assert.equal(box.property("unwatched", "ActiveState"), "active");
  await box.becomes("kvdbd", "ActiveState", "active");
  assert.equal(inside.get("k"), "before the hang");
  assert.match(journal(box, "kvdbd"), /Watchdog timeout/);
}

async function isStopped(box: SystemdBox): Promise<void> {
  const inside = new Inside(box, 50_051);
  assert.equal(inside.put("k", "before the stop"), 0);
  box.systemctl("stop", "kvdbd");
  assert.equal(box.property("kvdbd", "Result"), "success");
  assert.equal(box.property("kvdbd", "ExecMainStatus"), "0");
  assert.match(journal(box, "kvdbd"), /draining/);
  const files = box.run("ls", ["/var/lib/kvdb/"]).stdout;
  assert.match(files, /^kv\.db$/m);
  assert.doesNotMatch(files, /^kv\.db-wal$/m);
  box.systemctl("reset-failed", "kvdbd");
  box.systemctl("start", "kvdbd");
  await box.becomes("kvdbd", "ActiveState", "active");
  assert.equal(inside.get("k"), "before the stop");
}

async function isAlone(box: SystemdBox): Promise<void> {
  box.systemctl("start", "--no-block", "second");
  await box.becomes("second", "ExecMainStatus", "75");
  assert.equal(box.property("second", "NRestarts"), "0");
  assert.equal(box.property("kvdbd", "ActiveState"), "active");
}

async function endsByReason(box: SystemdBox): Promise<void> {
  box.systemctl("start", "--no-block", "failed-sync", "misconfigured");
  await box.becomes("failed-sync", "ActiveState", "active");
  const inside = new Inside(box, 50_121);
  while (inside.put("k", "v") === 0) await Promise.resolve();
  // The tool has tried again, and met the same fault in the next life perhaps.
  const restarts = ["show", "failed-sync", "-p", "NRestarts", "--value"];
  await box.until("systemctl", restarts, /^[1-9]/);
  assert.match(journal(box, "failed-sync"), /status=74/);
  await box.becomes("misconfigured", "ActiveState", "failed");
  assert.equal(box.property("misconfigured", "ExecMainStatus"), "78");
  assert.equal(box.property("misconfigured", "NRestarts"), "0");
}

async function isGivenUp(box: SystemdBox): Promise<void> {
  box.systemctl("start", "--no-block", "hopeless");
  await box.becomes("hopeless", "ActiveState", "failed");
  assert.equal(box.property("hopeless", "NRestarts"), "3");
  assert.match(journal(box, "hopeless"), /Start request repeated too quickly/);
}

async function unreadyIsFound(box: SystemdBox): Promise<void> {
  assert.notEqual(box.systemctl("start", "unready").status, 0);
  assert.equal(box.property("unready", "Result"), "timeout");
  assert.match(journal(box, "unready"), /kvdbd is ready/, "it did serve, and nobody was told");
  await Promise.resolve();
}

/** The hard limit. */
function openFilesMax(limits: string): number {
  return Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1]);
}

function journal(box: SystemdBox, name: string): string {
  return box.run("journalctl", ["-u", name, "--no-pager", "-o", "cat"]).stdout;
}
