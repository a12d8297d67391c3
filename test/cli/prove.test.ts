/** kvdb prove as a command: what it needs, what it leaves, and how it ends when it cannot try. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

const program = fileURLToPath(new URL("../../src/kvdb.js", import.meta.url));
const testFailed = 11;
const usage = 2;

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function prove(flags: readonly string[], path: string): Promise<Run> {
  return new Promise((resolve) => {
    const run = [program, "prove", ...flags];
    const child = execFile(process.execPath, run, { env: { PATH: path } }, (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err });
    });
  });
}

test("a part that runs is a row of the table and of both reports, and leaves nothing else", async (t) => {
  const data = tempDirectory(t);
  const report = tempDirectory(t);
  const flags = ["--data-dir", data, "--report", report, "--only", "disk-sync"];
  // The system's temporary directory may well be in memory.
  const { code, out } = await prove([...flags, "--allow-missing", "disk"], "/usr/bin:/bin");
  assert.equal(code, 0, out);
  assert.match(out, /^disk-sync +300 +0 /m);
  assert.match(out, /held: .* \(only disk-sync\)/);
  assert.deepEqual(readdirSync(data), []);
  const proof = JSON.parse(readFileSync(join(report, "kvdb-prove.json"), "utf8")) as {
    readonly verdict: string;
    readonly reports: readonly { readonly name: string; readonly tried: number }[];
  };
  assert.equal(proof.verdict, "held");
  assert.deepEqual(
    proof.reports.map(({ name, tried }) => [name, tried]),
    [["disk-sync", 300]],
  );
  assert.match(readFileSync(join(report, "kvdb-prove.md"), "utf8"), /\| disk-sync \| 300 \| 0 \|/);
});

test("without a C compiler nothing is proven: it fails, and names the package", async (t) => {
  const data = tempDirectory(t);
  const flags = ["--data-dir", data, "--only", "failed-syncs,io-faults"];
  const nothing = tempDirectory(t);
  const { code, out } = await prove(flags, nothing);
  assert.equal(code, testFailed, out);
  assert.match(out, /^failed-syncs +0 +0 .*not proven/m);
  assert.match(out, /no C compiler \(cc\); apt-get install -y gcc libc6-dev/);
  assert.match(out, /not proven: nothing was broken, but not everything could be tried/);
  const allowed = await prove([...flags, "--allow-missing", "recorder"], nothing);
  assert.equal(allowed.code, 0, allowed.out);
});

/** The directory in which a daemon of a running proof serves, once there is one. */
function provedIn(data: string): Promise<string> {
  return waitFor("a daemon of the proof", () => {
    return readdirSync(data).find((name) => processesOf(join(data, name)).length > 0);
  });
}

/** A run that is killed while its daemon serves; resolves with the directory that it leaves. */
async function killedRun(data: string): Promise<string> {
  const flags = ["prove", "--data-dir", data, "--only", "kills"];
  const child = spawn(process.execPath, [program, ...flags], { stdio: "ignore" });
  const left = await provedIn(data);
  child.kill("SIGKILL");
  await once(child, "exit");
  return left;
}

test("a run that is interrupted tells of the parts that had ended, and of no violation", async (t) => {
  const data = realpathSync(tempDirectory(t));
  const parts = ["--only", "disk-sync,kills", "--allow-missing", "disk"];
  // A group of its own, as a terminal gives it: an interrupt meets the daemons too.
  const child = spawn(process.execPath, [program, "prove", "--data-dir", data, ...parts], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => said.push(data));
  await provedIn(data);
  assert.ok(child.pid !== undefined);
  process.kill(-child.pid, "SIGINT");
  const [code] = (await once(child, "close")) as [number];
  const out = Buffer.concat(said).toString();
  assert.equal(code, testFailed, out);
  assert.match(out, /^disk-sync +300 +0 .*held/m);
  assert.match(out, /^interrupted: /m);
  assert.doesNotMatch(out, /violated|^kills/im);
  assert.deepEqual(readdirSync(data), []);
});

/** Those that name a file in the directory. */
function processesOf(directory: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(join("/proc", pid, "cmdline"), "utf8").includes(`${directory}/`);
    } catch {
      return false;
    }
  });
}

test("what a killed run left is removed by the next one, and nothing that may be alive", async (t) => {
  const data = realpathSync(tempDirectory(t));
  const left = await killedRun(data);
  const others = [
    "kvdb-prove-evidence",
    "kvdb-prove-1-2-3-abcdef",
    left.replace(/\w{6}$/, "other"),
  ];
  const alive = left.replace(/-\d+-\d+-(\w{6})$/, `-${String(process.pid)}-${startOfThis()}-$1`);
  for (const name of [...others, alive]) mkdirSync(join(data, name));
  const { out, err } = await prove(
    ["--data-dir", data, "--only", "disk-sync", "--allow-missing", "disk"],
    "/usr/bin:/bin",
  );
  assert.match(err + out, new RegExp(`removed ${join(data, left)}`));
  assert.deepEqual(readdirSync(data).sort(), [...others, alive].sort());
  await waitFor("its daemon to end", () => processesOf(join(data, left)).length === 0 || undefined);
});

function startOfThis(): string {
  const stat = readFileSync("/proc/self/stat", "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

test("a directory or a part that does not exist is told before anything is tried", async (t) => {
  const data = tempDirectory(t);
  const missing = join(data, "missing");
  const noDirectory = await prove(["--data-dir", missing], "/usr/bin:/bin");
  assert.equal(noDirectory.code, usage);
  assert.match(noDirectory.err, /missing is not a directory/);
  const noPart = await prove(["--data-dir", data, "--only", "magic"], "/usr/bin:/bin");
  assert.equal(noPart.code, usage);
  assert.match(noPart.err, /there is no magic.*/);
  assert.match(noPart.err, /power-cuts/);
  assert.equal(existsSync(missing), false);
});
