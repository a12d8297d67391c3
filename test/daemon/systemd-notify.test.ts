/** What a service manager hears from the daemon, on a real socket, from the start to the stop. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { needProgram } from "../support/debian-package.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

/** Node has no datagram sockets for this family; perl is part of every Debian. */
const receiver =
  'use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0); bind(S, sockaddr_un($ARGV[0])) or die; $| = 1; print "bound\\n"; ' +
  'while (defined recv(S, $m, 4096, 0)) { print "$m\\n" }';

async function supervisor(
  ending: Ending,
): Promise<{ readonly socket: string; readonly heard: readonly string[] }> {
  needProgram({ check: ["perl", "-MSocket", "-e", "1"], packages: ["perl-base"] });
  needProgram({ check: ["systemd-notify", "--version"], packages: ["systemd"] });
  const directory = mkdtempSync(join(tmpdir(), "kvdb-"));
  const socket = join(directory, "notify");
  const child: ChildProcess = spawn("perl", ["-e", receiver, socket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  ending.after(() => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });
  const heard: string[] = [];
  assert.ok(child.stdout !== null);
  createInterface({ input: child.stdout }).on("line", (line) => heard.push(line));
  await waitFor("the receiver", () => (heard.includes("bound") ? true : undefined));
  return { socket, heard };
}

test("the manager hears ready, a watchdog that is fed, and stopping, in this order", async (t) => {
  const { socket, heard } = await supervisor(t);
  const daemon = startDaemon(t, {
    file: join(tempDirectory(t), "kv.db"),
    env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "600000" },
  });
  await daemon.ready();
  const place = (message: string): number | undefined => {
    const at = heard.findIndex((line) => line.startsWith(message));
    return at < 0 ? undefined : at;
  };
  const asked = await waitFor("time for the start", () => place("EXTEND_TIMEOUT_USEC="));
  const ready = await waitFor("READY=1", () => place("READY=1"));
  const fed = await waitFor("WATCHDOG=1", () => place("WATCHDOG=1"));
  assert.ok(asked < ready && ready < fed);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  const stopping = await waitFor("STOPPING=1", () => place("STOPPING=1"));
  assert.ok(fed < stopping);
  assert.ok(heard.some((line) => line.startsWith("STATUS=serving on 127.0.0.1:")));
});

test("a watchdog that is meant for another process is left alone", async (t) => {
  const { socket, heard } = await supervisor(t);
  const daemon = startDaemon(t, {
    file: join(tempDirectory(t), "kv.db"),
    env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "300000", WATCHDOG_PID: "1" },
  });
  await daemon.ready();
  await waitFor("READY=1", () => (heard.includes("READY=1") ? true : undefined));
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  await waitFor("STOPPING=1", () => (heard.includes("STOPPING=1") ? true : undefined));
  assert.equal(heard.includes("WATCHDOG=1"), false);
});

test("a manager that cannot be told is one warning and no reason to stop", async (t) => {
  const daemon = startDaemon(t, {
    file: join(tempDirectory(t), "kv.db"),
    env: { NOTIFY_SOCKET: join(tempDirectory(t), "nobody-here") },
  });
  await daemon.ready();
  await waitFor("the warning", () => daemon.logged("the service manager could not be told")[0]);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  assert.equal(daemon.logged("the service manager could not be told").length, 1);
});
